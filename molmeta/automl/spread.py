"""How far realised scores are from the predicted ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZES = (16, 32, 64, 128, 256)
"""Support sizes at which earlier assays were measured."""


@dataclass(frozen=True)
class Spread:
    """Quantiles of the error of predicted scores.

    The error has the variance (1 - u) poor + u good + small * 16 / S + sampling / Q for a support
    of S compounds and a score that is realised on Q others. Scores near their best vary less, so u
    runs from 0 to 1 as the predicted score runs from `start` to `end`.

    Attributes:
        start, end: predicted scores.
        poor, good: variances between assays at these scores.
        small: variance that a support of 16 compounds adds.
        sampling: variance for a single further compound.
        low, high: quantiles of errors divided by their standard deviation.
    """

    start: float
    end: float
    poor: float
    good: float
    small: float
    sampling: float
    low: float
    high: float

    def interval(self, value: float, size: float, n_query: int) -> tuple[float, float]:
        """Return the ends of the interval around a predicted score."""
        values, sizes, numbers = (np.array([float(x)]) for x in (value, size, n_query))
        inputs = spread_inputs(values, sizes, numbers, (self.start, self.end))
        variance = inputs @ [self.poor, self.good, self.small, self.sampling]
        deviation = math.sqrt(float(variance[0]))
        return value + self.low * deviation, value + self.high * deviation


def spread_inputs(
    values: NDArray[np.float64],
    sizes: NDArray[np.float64],
    n_query: NDArray[np.float64],
    ends: tuple[float, float],
) -> NDArray[np.float64]:
    """Return what the variances of `Spread` are multiplied by, shape (N, 4)."""
    u = np.clip((values - ends[0]) / (ends[1] - ends[0]), 0, 1)
    return np.column_stack([1 - u, u, SIZES[0] / sizes, 1 / n_query])
