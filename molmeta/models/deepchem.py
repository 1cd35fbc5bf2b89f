"""DeepChem's datasets as a source of assays, and molmeta's models where DeepChem expects one.

DeepChem is imported only to evaluate. See docs/deepchem.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from molmeta.errors import ConfigError, TableError
from molmeta.molecules.deepchem import deepchem, quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.models.model import AssayPredictor, Model


def table_of(dataset: Any) -> pd.DataFrame:  # noqa: ANN401 - DeepChem's Dataset is untyped
    """Measurements of a DeepChem or MoleculeNet dataset as a table for `molmeta.curate`.

    Args:
        dataset: SMILES as `ids`, a 0/1 column of `y` for each assay; weight 0 means not measured.

    Returns:
        Columns assay (text), smiles (text) and active (int8), by assay in the dataset's order.

    Raises:
        TableError: the ids are not text, or a label is neither 0 nor 1.
    """
    smiles, labels, measured = _contents(dataset)
    names = [str(name) for name in dataset.get_task_names()]
    frames = [
        pd.DataFrame({"assay": name, "smiles": smiles[rows], "active": labels[rows, task]})
        for task, name in enumerate(names)
        for rows in (np.flatnonzero(measured[:, task]),)
    ]
    return pd.concat(frames, ignore_index=True).astype({"active": "int8"})


class DeepChemModel:
    """A model with DeepChem's interface: `fit` adapts to a dataset, `predict` scores another.

    Each task gets its own predictor. The ids of a dataset are its SMILES; features in `X` are
    ignored.

    Args:
        model: the model to adapt; it stays as it is.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.predictors: tuple[AssayPredictor, ...] = ()

    def fit(self, dataset: Any) -> None:  # noqa: ANN401 - DeepChem's Dataset is untyped
        """Adapt to the measured molecules of each task.

        Raises:
            EpisodeError: a task has a single class.
            MoleculeError: a SMILES does not parse.
            TableError: as `table_of`.
        """
        smiles, labels, measured = _contents(dataset)
        self.predictors = tuple(
            self.model.adapt(list(smiles[rows]), [int(label) for label in column[rows]])
            for column, rows in zip(labels.T, measured.T, strict=True)
        )

    def predict(self, dataset: Any, transformers: Sequence[Any] = ()) -> NDArray[np.float64]:  # noqa: ANN401
        """Probabilities of inactive and active, shape (N, tasks, 2), NaN for invalid SMILES.

        Raises:
            ConfigError: `fit` was not called, or transformers of labels were given.
        """
        if not self.predictors or transformers:
            raise ConfigError(
                f"DeepChem model: cannot predict; got {len(self.predictors)} fitted tasks and "
                f"{len(transformers)} transformers, expected fitted tasks and no transformer. "
                "Call 'fit' first, on labels without a transformer."
            )
        smiles = [str(text) for text in dataset.ids]
        # The parts of a dataset come from one assay; neither is a library.
        columns = [predictor.predict(smiles, among="assay") for predictor in self.predictors]
        active = np.stack(columns, axis=1)
        return np.stack([1 - active, active], axis=2)

    def evaluate(
        self,
        dataset: Any,  # noqa: ANN401 - DeepChem's Dataset is untyped
        metrics: Sequence[Any],
        transformers: Sequence[Any] = (),
        **options: bool,
    ) -> Any:  # noqa: ANN401 - as in DeepChem
        """Scores of DeepChem metrics, as its own `Model.evaluate` returns them."""
        evaluator = deepchem().utils.evaluate.Evaluator(self, dataset, list(transformers))
        with quiet():
            return evaluator.compute_model_performance(list(metrics), **options)


def _contents(
    dataset: Any,  # noqa: ANN401 - DeepChem's Dataset is untyped
) -> tuple[NDArray[np.object_], NDArray[np.float64], NDArray[np.bool_]]:
    """SMILES of shape (N,), labels of shape (N, T), and whether each was measured, (N, T)."""
    smiles = np.array(dataset.ids, object)
    if not all(isinstance(text, str) for text in smiles):
        raise TableError(
            f"DeepChem dataset: ids must be SMILES; got {smiles[:3].tolist()}, expected text. "
            "Load it with the SMILES as ids."
        )
    labels = np.asarray(dataset.y, np.float64).reshape(len(smiles), -1)
    weights = np.asarray(dataset.w, np.float64).reshape(len(smiles), -1)
    measured = np.broadcast_to(weights > 0, labels.shape) & ~np.isnan(labels)
    wrong = labels[measured & ~np.isin(labels, (0, 1))]
    if len(wrong):
        raise TableError(
            f"DeepChem dataset: a label is neither 0 nor 1; got {wrong[0]:g}, expected a "
            "classification set. Write measured values as a table with 'value' and 'unit'."
        )
    return smiles, labels, measured
