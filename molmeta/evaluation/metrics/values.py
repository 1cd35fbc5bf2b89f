"""Value metrics: how close predicted values are to measured ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats
from sklearn import metrics as sklearn_metrics

from molmeta.evaluation.metrics.base import metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@metric(
    "value",
    "R²",
    "For models that predict values: the share by which squared errors are lower than those of "
    "predicting the mean of the support. 0 is no better than that mean, 1 is perfect, and it can "
    "be negative.",
)
def r2(values: Floats, predicted: Floats, reference: float) -> float:
    """Out-of-sample R², at most 1; NaN if every value equals the reference.

    Unlike `sklearn.metrics.r2_score`, it compares with the mean of the support, not of the query:
    1 - sum (y - x)² / sum (y - reference)².

    Source:
        Stanley et al., FS-Mol, NeurIPS Datasets and Benchmarks 2021; Chen et al., ICLR 2023.
    """
    spread = ((values - reference) ** 2).sum()
    return 1 - ((values - predicted) ** 2).sum() / spread if spread > 0 else math.nan


@metric(
    "value",
    "RMSE",
    "For models that predict values: the typical error in the unit of the assay, log units for "
    "pX. Lower is better.",
    digits=2,
    higher_is_better=False,
)
def rmse(values: Floats, predicted: Floats, _reference: float = math.nan) -> float:
    """Root mean squared error in the unit of the values."""
    return sklearn_metrics.root_mean_squared_error(values, predicted)


@metric(
    "value",
    "Spearman",
    "For models that predict values: how well their order agrees with the measured order. 0 is "
    "chance, 1 is the same order.",
)
def spearman(values: Floats, predicted: Floats, _reference: float = math.nan) -> float:
    """Rank correlation, in [-1, 1]; NaN if all values or all predictions are equal."""
    if np.ptp(values) == 0 or np.ptp(predicted) == 0:
        return math.nan
    return stats.spearmanr(values, predicted).statistic
