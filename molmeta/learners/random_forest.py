"""Random forest on fingerprint bits, the baseline of FS-Mol, or on descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from sklearn import ensemble

from molmeta.encoders.base import Encoder, Paper
from molmeta.learners._parents.features import FeatureLearner
from molmeta.learners._parts.inputs import rows
from molmeta.learners._parts.tuning import require
from molmeta.learners.base import Predictor, require_both_classes
from molmeta.molecules.similarity import FINGERPRINT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

_Forest: Any = ensemble.RandomForestClassifier


class RandomForest(FeatureLearner):
    """The mean vote of decision trees, each grown on a resample of the support.

    p(x) = (n v + 1) / (n + 2) for n trees, with v the mean share of actives in the leaves that x
    falls into. Log-odds are therefore finite even if all trees agree. Bits that are equal in the
    whole support are dropped. The support is sorted by its features first, so that resamples do
    not depend on its order.

    FS-Mol searches a grid in each support (100 or 200 trees, depth 5 to 20, leaves of 2 or 5),
    at 180 times the cost. The support must have both classes.

    Args:
        encoder: not used; accepted because all learners take one.
        features: featurizer of a fingerprint or of vectors, such as 'descriptors'.
        n_estimators: trees.
        max_features: bits tried at each split: "sqrt" or "log2" of their number, or a share of it.
        min_samples_leaf: smallest number of molecules in a leaf.
        max_depth: largest number of splits from root to leaf; None for no limit.
        seed: seed of the resamples and of the bits tried.

    Raises:
        ConfigError: an option is out of range.
    """

    papers = (
        Paper(
            authors="Breiman, Leo",
            year=2001,
            title="Random Forests",
            venue="Machine Learning",
            kind="article",
            doi="10.1023/A:1010933404324",
        ),
    )
    use_when = "you compare with FS-Mol's own baseline"
    search: ClassVar[Mapping[str, Any]] = {
        "features": [FINGERPRINT],
        "n_estimators": [100, 200],
        "max_features": ["sqrt", "log2", 0.1, 0.3],
        "min_samples_leaf": (1, 5),
        "max_depth": [None, 5, 10, 20],
    }

    def __init__(
        self,
        encoder: Encoder | None = None,
        *,
        features: str = FINGERPRINT,
        n_estimators: int = 100,
        max_features: str | float = "log2",
        min_samples_leaf: int = 1,
        max_depth: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(encoder, features)
        rules = {
            "n_estimators": (n_estimators, n_estimators >= 1, "1 or more"),
            "min_samples_leaf": (min_samples_leaf, min_samples_leaf >= 1, "1 or more"),
            "max_depth": (max_depth, max_depth is None or max_depth >= 1, "1 or more, or None"),
            "max_features": (max_features, _is_share(max_features), "sqrt, log2 or a share"),
        }
        require("random_forest", rules)
        self.options: dict[str, Any] = {
            "n_estimators": n_estimators,
            "max_features": max_features if isinstance(max_features, str) else float(max_features),
            "min_samples_leaf": min_samples_leaf,
            "max_depth": max_depth,
            "random_state": seed,
        }

    def adapt(self, support: Labelled) -> Predictor:
        require_both_classes(support.labels)
        columns = rows(support.molecules, self.features)
        # Constant bits cannot split, but would count in `max_features`, a function of the columns.
        varies = _varying(columns)
        columns, active = columns[:, varies], support.labels.cpu().numpy() > 0.5
        order = np.lexsort((active, *columns.T))
        forest = _Forest(**self.options).fit(columns[order], active[order])
        n = len(forest.estimators_)

        def predict(molecules: Molecules) -> Tensor:
            if len(molecules) == 0:
                return torch.zeros(0, device=molecules.device)
            votes = forest.predict_proba(rows(molecules, self.features)[:, varies])[:, 1]
            logits = np.log(n * votes + 1) - np.log(n * (1 - votes) + 1)
            return torch.tensor(logits, dtype=torch.float32, device=molecules.device)

        return predict


def _varying(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Columns that can split, or the first one if all are constant, as a forest needs a column."""
    columns = np.flatnonzero(values.min(axis=0) != values.max(axis=0))
    return columns if len(columns) else np.zeros(1, dtype=np.int64)


def _is_share(value: str | float) -> bool:
    return value in {"sqrt", "log2"} if isinstance(value, str) else 0 < value <= 1
