"""Shared by learners that ask a foundation model of tables, with weights that the user has."""

from __future__ import annotations

import importlib
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from molmeta.errors import ConfigError, one_line, similar_file
from molmeta.extras import optional_packages
from molmeta.learners._parents.features import FeatureLearner
from molmeta.learners._parts.inputs import rows
from molmeta.learners._parts.tuning import require
from molmeta.learners.base import Predictor, require_both_classes
from molmeta.molecules.similarity import FINGERPRINT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from molmeta.encoders.base import Encoder
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

Classifiers = Callable[..., Any]
"""From the keyword `device` to a new classifier with the interface of scikit-learn."""

CHUNK = 1000
"""Molecules that are predicted together: these models keep a vector for each of their columns."""
LEAST = 1e-6
"""Smallest probability, so that log-odds are finite."""


class TabularLearner(FeatureLearner):
    """Parent of learners that hand the features of a support to a pretrained tabular model.

    The model reads the support as a table and answers in one forward pass; nothing is trained.
    It was made for tables of at most a few hundred columns, so it gets the columns that vary most
    in the support. For fingerprints these are the bits that are on in about half of it. The
    support is sorted by its features first, so that predictions do not depend on its order.

    A file of weights is opened as tensors and plain values, so that no code in it can run.
    """

    search: ClassVar[Mapping[str, Any]] = {"columns": (50, 500), "estimators": (1, 16)}
    package: ClassVar[str]
    """Name of the learner, and of the package with the model."""

    def __init__(
        self,
        encoder: Encoder | None = None,
        *,
        weights: str = "",
        features: str = FINGERPRINT,
        columns: int = 200,
        estimators: int = 8,
        seed: int = 0,
    ) -> None:
        super().__init__(encoder, features)
        rules = {
            "columns": (columns, columns >= 1, "1 or more"),
            "estimators": (estimators, estimators >= 1, "1 or more"),
        }
        require(self.package, rules)
        self.columns, self.estimators, self.seed = columns, estimators, seed
        path = _required_file(weights, self.package)
        with optional_packages(f"learner '{self.package}'"):
            importlib.import_module(self.package)
        self.classifiers = self._tried(path)

    @abstractmethod
    def opened(self, weights: Path) -> Classifiers:
        """Return what makes classifiers with these weights, without running code of the file."""

    def adapt(self, support: Labelled) -> Predictor:
        require_both_classes(support.labels)
        table = rows(support.molecules, self.features)
        active = support.labels.cpu().numpy() > 0.5
        order = np.lexsort((active, *table.T))
        table, active = table[order], active[order]
        columns = _varying_most(table, self.columns)
        if len(columns) == 0:
            # Not all of these models accept a table in which all rows are equal.
            return _always(float(np.log(active.sum() / (~active).sum())))
        classifier = self.classifiers(device=str(support.labels.device))
        classifier.fit(table[:, columns], active.astype(np.int64))

        def predict(molecules: Molecules) -> Tensor:
            queries = rows(molecules, self.features)[:, columns]
            parts = [queries[first : first + CHUNK] for first in range(0, len(queries), CHUNK)]
            shares = [_share(classifier.predict_proba(part)) for part in parts]
            p = np.concatenate([np.zeros(0), *shares])
            logits = np.log(p) - np.log1p(-p)
            return torch.tensor(logits, dtype=torch.float32, device=molecules.device)

        return predict

    def _tried(self, path: Path) -> Classifiers:
        """Return what makes classifiers, once one of them has answered for a small table."""
        table, labels = np.array([[0.0, 1.0], [1.0, 0.0]], dtype=np.float32), np.array([0, 1])
        try:
            classifiers = self.opened(path)
            _require_probabilities(classifiers(device="cpu").fit(table, labels), table)
        except (ConfigError, MemoryError):
            raise
        except Exception as error:
            # The code of the package may raise anything.
            raise ConfigError(
                f"learner '{self.package}': cannot use the weights '{path}'; got "
                f"'{one_line(error)}', expected a classifier of the package '{self.package}'. "
                "Name another file, or install the version of the package that made it."
            ) from error
        return classifiers


def plain_checkpoint(path: Path) -> dict[str, Any]:
    """Return the content of a torch file that holds tensors and plain values only.

    Raises:
        ConfigError: it holds anything else, such as code, or is not a torch file.
    """
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:
        # A damaged file may raise anything. The message of torch is left out: it explains how to
        # run the code in the file.
        raise ConfigError(
            f"weights '{path}': cannot be read; got a {type(error).__name__}, expected a torch "
            "file of tensors and plain values. Code in a file is never run: name another file."
        ) from error
    return content


def _require_probabilities(classifier: Any, table: NDArray[np.float32]) -> None:  # noqa: ANN401
    answers = np.asarray(classifier.predict_proba(table))
    if answers.shape != (len(table), 2) or not np.isfinite(answers).all():
        raise ValueError(f"answers of shape {answers.shape} that are not probabilities")


def _required_file(weights: str, learner: str) -> Path:
    if not weights:
        raise ConfigError(
            f"learner '{learner}': needs weights; got none, expected the file of a checkpoint, "
            f"which molmeta does not download. Name it, as in {learner}:weights=FILE."
        )
    path = Path(weights).expanduser()
    if not _is_file(path):
        raise ConfigError(
            f"learner '{learner}': weights cannot be read; got '{weights}', expected the file of a "
            f"checkpoint, which molmeta does not download. Correct the path.{similar_file(path)}"
        )
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _varying_most(table: NDArray[np.float32], most: int) -> NDArray[np.int64]:
    """The `most` columns with the largest variance, in the order of the features."""
    variance = table.var(axis=0, dtype=np.float64)
    ranked = np.argsort(-variance, kind="stable")[:most]
    return np.sort(ranked[np.ptp(table[:, ranked], axis=0) > 0])


def _share(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of the second class, which is that of actives, away from 0 and 1."""
    return np.clip(np.asarray(probabilities, dtype=np.float64)[:, 1], LEAST, 1 - LEAST)


def _always(logit: float) -> Predictor:
    return lambda molecules: torch.full((len(molecules),), logit, device=molecules.device)
