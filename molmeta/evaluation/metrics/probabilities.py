"""Probability metrics: how reliable predicted probabilities of activity are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn import metrics as sklearn_metrics

from molmeta.evaluation.metrics.base import metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BINS = 10


@metric(
    "probability",
    "Brier score",
    "Mean squared difference between the predicted probability and the measured class (1 or 0). "
    "Lower is better; predicting 50 % for every compound gives 0.25.",
    higher_is_better=False,
)
def brier(labels: Floats, logits: Floats) -> float:
    """Brier score, in [0, 1]; 0 is best."""
    return sklearn_metrics.brier_score_loss(labels, _probabilities(logits), labels=[0, 1])


@metric(
    "probability",
    "Log loss",
    "Like the Brier score, but confident errors cost far more. Lower is better; predicting 50 % "
    "for every compound gives 0.693.",
    higher_is_better=False,
)
def log_loss(labels: Floats, logits: Floats) -> float:
    """Mean negative log-likelihood in nats; 0 is best.

    Computed from logits, because scikit-learn clips probabilities and so bounds the loss of a
    confident error.
    """
    return float(np.mean(np.logaddexp(0, logits) - labels * logits))


@metric(
    "probability",
    "Calibration error",
    "How far probabilities are off on average: are 70 % of the compounds with a probability of "
    "70 % active? 0 is perfect.",
    higher_is_better=False,
)
def calibration_error(labels: Floats, logits: Floats) -> float:
    """Expected calibration error over 10 bins of equal width, in [0, 1]; 0 is best.

    For small Q it exceeds 0 by chance alone, so compare models on the same episodes only.

    Source:
        Guo et al., On calibration of modern neural networks, ICML 2017.
    """
    p = _probabilities(logits)
    # Each bin includes its lower end, the last one both ends.
    bin_of = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    return np.abs(np.bincount(bin_of, weights=p - labels)).sum() / len(p)


def _probabilities(logits: Floats) -> Floats:
    return np.exp(-np.logaddexp(0, -logits))
