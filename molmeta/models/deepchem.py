"""DeepChem's datasets as a source of assays, and a model where DeepChem expects one of its own.

Reads no file and imports DeepChem only to evaluate; its datasets come from whoever made them.
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
    """Return the measurements of a DeepChem or MoleculeNet dataset as rows of our tables.

    Args:
        dataset: SMILES as `ids`, one column of `y` an assay, 0/1; weight 0 means not measured.

    Returns:
        Columns assay (text), smiles (text) and active (int8), by assay in the dataset's order.

    Raises:
        TableError: the ids are no text, or a label is neither 0 nor 1.
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
    """A model where DeepChem expects one: `fit` adapts to a dataset, `predict` scores another.

    One predictor a task. The ids of a dataset are its SMILES; features in `X` are not read.

    Args:
        model: ready to adapt; it is never changed.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.predictors: tuple[AssayPredictor, ...] = ()

    def fit(self, dataset: Any) -> None:  # noqa: ANN401 - DeepChem's Dataset is untyped
        """Adapt to the measured molecules of each task.

        Raises:
            EpisodeError: a task holds one class only.
            MoleculeError: a SMILES does not parse.
            TableError: as `table_of`.
        """
        smiles, labels, measured = _contents(dataset)
        self.predictors = tuple(
            self.model.adapt(list(smiles[known]), [int(label) for label in column[known]])
            for column, known in zip(labels.T, measured.T, strict=True)
        )

    def predict(self, dataset: Any, transformers: Sequence[Any] = ()) -> NDArray[np.float64]:  # noqa: ANN401
        """Return the probability of inactive and active, shape (N, tasks, 2), NaN if unparsable.

        Raises:
            ConfigError: nothing was fitted yet, or transformers of labels were given.
        """
        if not self.predictors or transformers:
            raise ConfigError(
                f"DeepChem model: cannot predict; got {len(self.predictors)} fitted tasks and "
                f"{len(transformers)} transformers, expected fitted tasks and no transformer. "
                "Call 'fit' first, on labels as they are."
            )
        smiles = [str(text) for text in dataset.ids]
        active = np.stack([predictor.predict(smiles) for predictor in self.predictors], axis=1)
        return np.stack([1 - active, active], axis=2)

    def evaluate(
        self,
        dataset: Any,  # noqa: ANN401 - DeepChem's Dataset is untyped
        metrics: Sequence[Any],
        transformers: Sequence[Any] = (),
        **options: bool,
    ) -> Any:  # noqa: ANN401 - as DeepChem's own Model.evaluate
        """Return what DeepChem's own `Model.evaluate` would."""
        evaluator = deepchem().utils.evaluate.Evaluator(self, dataset, list(transformers))
        with quiet():
            return evaluator.compute_model_performance(list(metrics), **options)


def _contents(
    dataset: Any,  # noqa: ANN401 - DeepChem's Dataset is untyped
) -> tuple[NDArray[np.object_], NDArray[np.float64], NDArray[np.bool_]]:
    """SMILES (N,), labels (N, T) and whether each was measured (N, T)."""
    smiles = np.array(dataset.ids, object)
    if not all(isinstance(text, str) for text in smiles):
        raise TableError(
            f"DeepChem dataset: ids are no SMILES; got {smiles[:3].tolist()}, expected text. "
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
