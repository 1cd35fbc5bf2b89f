"""Ranking metrics: how well scores order actives above inactives.

Compounds with equal scores have no order. AUROC, BEDROC and the enrichment factor are therefore
means over all orders of tied compounds; average precision treats tied compounds as one step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn import metrics as sklearn_metrics

from molmeta.evaluation.metrics.base import metric

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

ALPHA = 20.0
"""Weight of early ranks in BEDROC: at 20, the first 8 % make up 80 % of the score."""


@metric(
    "ranking",
    "ΔAUPRC",
    "Average precision minus the share of actives in the query: how much better the ranking is "
    "than a random order. 0 is chance; if half of the compounds are active, 0.5 is a perfect "
    "ranking. This is the metric of the FS-Mol benchmark.",
)
def delta_auprc(labels: Floats, scores: Floats) -> float:
    """Average precision minus the share of actives; 0 is chance.

    Source:
        Stanley et al., FS-Mol, NeurIPS Datasets and Benchmarks 2021.

    Example:
        >>> delta_auprc([1, 0], [2.0, -1.0])
        0.5
    """
    return auprc(labels, scores) - labels.mean()


@metric(
    "ranking",
    "Average precision",
    "Go down the ranked list. At each active, note the share of actives so far: average precision "
    "is the mean of these shares. It depends on how common actives are.",
)
def auprc(labels: Floats, scores: Floats) -> float:
    """Average precision, in (0, 1]: precision summed over the steps of recall."""
    return sklearn_metrics.average_precision_score(labels, scores)


@metric(
    "ranking",
    "AUROC",
    "The probability that a random active ranks above a random inactive. 0.5 is chance. All ranks "
    "count alike, including those that you will never test.",
)
def auroc(labels: Floats, scores: Floats) -> float:
    """Area under the ROC curve, in [0, 1]; 0.5 is chance."""
    return sklearn_metrics.roc_auc_score(labels, scores)


@metric(
    "ranking",
    "BEDROC 20",
    "Like AUROC, but early ranks count most: the first 8 % of the list make up about 80 % of the "
    "score.",
)
def bedroc20(labels: Floats, scores: Floats) -> float:
    """BEDROC with alpha = 20, in [0, 1]; 1 if all actives come first.

    RDKit's `CalcBEDROC` takes tied compounds in the order given, so it is not used here.

    Source:
        Truchon and Bayly, J. Chem. Inf. Model. 2007, 47, 488, equation 36.
    """
    size, actives = _ties(labels, scores)
    n, n_active = int(size.sum()), int(actives.sum())
    weights = np.exp(-ALPHA * np.arange(1, n + 1) / n)
    total = np.concatenate(([0.0], weights.cumsum()))
    ends = size.cumsum()
    # Each tied compound has the mean weight of the ranks that its group takes up.
    achieved = actives @ ((total[ends] - total[ends - size]) / size)
    best, worst = total[n_active], total[n] - total[n - n_active]
    return (achieved - worst) / (best - worst)


@metric(
    "ranking",
    "EF 1 %",
    "Enrichment factor: how many times more actives are in the top 1 % of the list than in a "
    "random sample of that size. 1 is chance; if half of the compounds are active, it cannot "
    "exceed 2.",
    digits=2,
)
def ef1(labels: Floats, scores: Floats) -> float:
    """Enrichment factor of the top 1 %."""
    return enrichment_factor(labels, scores, percent=1)


@metric("ranking", "EF 5 %", "Enrichment factor of the top 5 % of the list.", digits=2)
def ef5(labels: Floats, scores: Floats) -> float:
    """Enrichment factor of the top 5 %."""
    return enrichment_factor(labels, scores, percent=5)


def enrichment_factor(labels: ArrayLike, scores: ArrayLike, *, percent: int) -> float:
    """Share of actives in the top of the ranking over the share of actives in the query.

    Args:
        labels: 1 for active and 0 for inactive, shape (Q,).
        scores: higher means more likely active, shape (Q,).
        percent: size of the top in percent of Q, rounded up to whole compounds.
    """
    size, actives = _ties(labels, scores)
    n, n_active = int(size.sum()), int(actives.sum())
    # In integers: 0.07 * 100 is above 7, which would be rounded up to 8.
    top = -(-percent * n // 100)
    taken = np.clip(top - (size.cumsum() - size), 0, size)
    return float(actives @ (taken / size) / top * n / n_active)


def _ties(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Size and number of actives of each group of equal scores, best group first."""
    y, x = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    order = np.argsort(-x, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(x[order])), len(x) - 1)
    actives = (y > 0.5)[order].cumsum()[ends]
    return np.diff(ends, prepend=-1), np.diff(actives, prepend=0)
