"""Regressions of scores on descriptions of assays, and the spread of their errors, for `fit.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

from molmeta.automl.spread import spread_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SMALLEST = 134
"""Fewest compounds of an assay from which intervals are estimated."""
LEVEL = 0.8
ENDS = (0.1, 0.9)
"""Quantiles of predicted scores between which the variance of errors changes."""
FOLDS = 5
PENALTIES = (1.0, 10.0, 100.0, 1000.0, 1e5)
DIGITS = 5


def ridge(x: Floats, y: Floats, penalty: float, weights: Floats) -> Floats:
    """Weights of a ridge regression whose first input, 1, is not penalised."""
    spread = np.r_[1.0, x[:, 1:].std(0) + 1e-9]
    z = x / spread
    w = np.sqrt(weights)[:, None]
    penalties = np.r_[1e-9, np.full(z.shape[1] - 1, penalty)]
    solution = np.linalg.solve((w * z).T @ (w * z) + np.diag(penalties), (w * z).T @ (w[:, 0] * y))
    return solution / spread


def fitted(
    x: Floats, y: Floats, group: NDArray[np.int64], weights: Floats
) -> tuple[Floats, Floats]:
    """Weights with the best penalty, and the out-of-fold predictions of that penalty."""
    out_of_fold: dict[float, Floats] = {}
    for penalty in PENALTIES:
        out_of_fold[penalty] = predicted = np.zeros(len(y))
        for fold in range(FOLDS):
            inside = group != fold
            predicted[~inside] = x[~inside] @ ridge(x[inside], y[inside], penalty, weights[inside])
    errors = {p: float((weights * (out_of_fold[p] - y) ** 2).sum()) for p in PENALTIES}
    if not np.isfinite(list(errors.values())).all():
        raise ValueError("a score or a feature in the tables is not finite; measure them again")
    best = min(PENALTIES, key=lambda penalty: errors[penalty])
    return ridge(x, y, best, weights), out_of_fold[best]


def line(
    features: Floats, held: Floats, held_inputs: Floats, y: Floats, group: NDArray[np.int64],
    weights: Floats,
) -> tuple[dict[str, list[float]], Floats]:  # fmt: skip
    """A `LinearModel` of the selector, and its out-of-fold predictions where y is known."""
    rows = np.isfinite(y)
    predicted = np.full(len(y), np.nan)
    without, predicted[rows] = fitted(features[rows], y[rows], group[rows], weights[rows])
    has = np.isfinite(held) & rows
    if not has.any():
        return {"weights": rounded(without), "held_out": []}, predicted
    both = np.hstack([features, held_inputs])[has]
    with_held, of_held = fitted(both, y[has], group[has], weights[has])
    predicted = predicted.copy()
    predicted[has] = of_held
    return {"weights": rounded(without), "held_out": rounded(with_held)}, predicted


def rounded(values: Floats) -> list[float]:
    """Values with `DIGITS` significant digits."""
    return [float(f"{value:.{DIGITS}g}") for value in values]


def spread_of(
    error: Floats, predicted: Floats, size: Floats, n_query: Floats, weights: Floats
) -> dict[str, float]:
    """The `Spread` of errors: four variances, then two quantiles, for all support sizes together.

    With quantiles of their own for each size, as before, a few dozen assays decided each of them.
    Scores of assays with fewer compounds than FS-Mol's validation and test assays have are less
    predictable, and are left out.
    """
    large = (size + n_query >= SMALLEST) & np.isfinite(error)
    error, predicted, size, n_query, weights = (
        column[large] for column in (error, predicted, size, n_query, weights)
    )
    start, end = rounded(np.quantile(predicted, ENDS))
    design = spread_inputs(predicted, size, n_query, (start, end))
    variances = positive_least_squares(design, error**2, weights)
    normalised = error / np.sqrt(design @ variances)
    low, high = (quantile(normalised, weights, q) for q in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    names = ("start", "end", "poor", "good", "small", "sampling", "low", "high")
    values = rounded(np.array([start, end, *variances, low, high]))
    return dict(zip(names, values, strict=True))


def positive_least_squares(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Non-negative least squares."""
    w = np.sqrt(weights)
    return nnls(x * w[:, None], y * w)[0]


def quantile(values: Floats, weights: Floats, q: float) -> float:
    """Weighted quantile."""
    order = np.argsort(values)
    total = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(q * weights.sum(), total, values[order]))
