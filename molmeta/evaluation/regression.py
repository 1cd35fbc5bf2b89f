"""How near predicted values come to measured ones. Knows no learner."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from molmeta.errors import EpisodeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_stats: Any = stats
NAMES = ("r2", "rmse", "spearman")
"""Metrics of predicted values; where classes are predicted there are none."""


def value_metrics(values: ArrayLike, predicted: ArrayLike, reference: float) -> dict[str, float]:
    """Return every metric of `NAMES`, by name and in their order.

    Args:
        values: as measured, shape (Q,).
        predicted: in the same unit, shape (Q,).
        reference: what is predicted without a model, the mean value of the support.

    Raises:
        EpisodeError: another number of predictions than of values, or one that is not finite.

    Example:
        >>> value_metrics([5.0, 7.0], [5.0, 6.0], 6.0)["r2"]
        0.5
    """
    y, x = _floats(values), _floats(predicted)
    _check_values(y, x)
    return {
        "r2": out_of_sample_r2(y, x, reference),
        "rmse": float(np.sqrt(np.mean((x - y) ** 2))),
        "spearman": spearman(y, x),
    }


def out_of_sample_r2(values: ArrayLike, predicted: ArrayLike, reference: float) -> float:
    """Return by how much squared errors fall below those of the reference, at most 1.

    Args:
        values: as measured, shape (Q,).
        predicted: in the same unit, shape (Q,).
        reference: the mean value of the support; to predict it everywhere has an R2 of 0.

    Returns:
        1 - sum (y - x)^2 / sum (y - reference)^2, without unit; NaN where every value is the
        reference.

    Source:
        Stanley et al., FS-Mol, NeurIPS Datasets and Benchmarks 2021; Chen et al., ICLR 2023.
    """
    y, x = _floats(values), _floats(predicted)
    spread = float(((y - reference) ** 2).sum())
    return 1 - float(((y - x) ** 2).sum()) / spread if spread > 0 else math.nan


def spearman(values: ArrayLike, predicted: ArrayLike) -> float:
    """Return the correlation of ranks, in [-1, 1]; NaN where one side has one value only.

    Args:
        values: as measured, shape (Q,).
        predicted: shape (Q,); ties have their mean rank.
    """
    ranks = [_stats.rankdata(_floats(side)) for side in (values, predicted)]
    centred = [side - side.mean() for side in ranks]
    norm = float(np.sqrt((centred[0] @ centred[0]) * (centred[1] @ centred[1])))
    return float(centred[0] @ centred[1]) / norm if norm > 0 else math.nan


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _check_values(values: NDArray[np.float64], predicted: NDArray[np.float64]) -> None:
    finite = values.shape == predicted.shape and np.isfinite(values + predicted).all()
    if not finite or values.size == 0:
        raise EpisodeError(
            f"query: values cannot be compared; got {int(np.isfinite(predicted).sum())} finite "
            f"predictions of {predicted.shape} and {int(np.isfinite(values).sum())} finite values "
            f"of {values.shape}, expected one of each a molecule. Leave out what has no value."
        )
