"""How well scores rank molecules, and how far probabilities can be believed. Knows no learner.

Compounds with the same score have no order: every ranking metric here is the expectation over
all orders of the tied ones (average precision follows scikit-learn, which takes them at once).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from molmeta.errors import EpisodeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

RANKING = ("delta_auprc", "auprc", "auroc", "bedroc20", "ef1", "ef5")
NAMES = (*RANKING, "brier", "log_loss", "calibration_error")


def all_metrics(labels: ArrayLike, logits: ArrayLike) -> dict[str, float]:
    """Return every metric of `NAMES`, by name and in their order.

    Args:
        labels: 1 for active and 0 for inactive, shape (Q,).
        logits: log-odds of activity, shape (Q,); ranks are taken from them rather than from
            probabilities, which tie where they round to 0 or 1.

    Raises:
        EpisodeError: one class only, another number of logits than of labels, or a logit that is
            not finite.

    Example:
        >>> all_metrics([1, 0, 1, 0], [2.0, -1.0, 0.5, -3.0])["auroc"]
        1.0
    """
    x = _floats(logits)
    ranking = ranking_metrics(labels, x)
    probabilities = np.exp(-np.logaddexp(0, -x))
    return {
        **ranking,
        "brier": brier(labels, probabilities),
        "log_loss": log_loss(labels, x),
        "calibration_error": calibration_error(labels, probabilities),
    }


def ranking_metrics(labels: ArrayLike, scores: ArrayLike) -> dict[str, float]:
    """Return every metric of `RANKING`, by name and in their order.

    Args:
        labels: 1 for active and 0 for inactive, shape (Q,).
        scores: higher means more likely active, shape (Q,).

    Raises:
        EpisodeError: as `all_metrics`.
    """
    average_precision = auprc(labels, scores)
    values = (
        average_precision - float(_floats(labels).mean()),
        average_precision,
        auroc(labels, scores),
        bedroc(labels, scores),
        enrichment_factor(labels, scores, percent=1),
        enrichment_factor(labels, scores, percent=5),
    )
    return dict(zip(RANKING, values, strict=True))


def delta_auprc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return how far average precision lies above that of a random ranking.

    Args:
        labels: 1 for active and 0 for inactive, shape (Q,).
        scores: higher means more likely active, shape (Q,); logits will do.

    Returns:
        Average precision minus the share of actives, without unit; 0 is chance.

    Raises:
        EpisodeError: one class only, so no ranking can be judged.

    Source:
        Stanley et al., FS-Mol, NeurIPS Datasets and Benchmarks 2021.

    Example:
        >>> delta_auprc([1, 0], [2.0, -1.0])
        0.5
    """
    return auprc(labels, scores) - float(_floats(labels).mean())


def auprc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return average precision, in (0, 1]: precision summed over the steps of recall.

    Args:
        labels: 1 for active and 0 for inactive, shape (Q,).
        scores: higher means more likely active, shape (Q,).

    Raises:
        EpisodeError: one class only.
    """
    size, actives = _ties(labels, scores)
    precision = actives.cumsum() / size.cumsum()
    return float(actives @ precision / actives.sum())


def auroc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the chance, in [0, 1], that an active scores above an inactive; 0.5 is chance.

    Args:
        labels: 1 for active and 0 for inactive, shape (Q,).
        scores: higher means more likely active, shape (Q,).

    Raises:
        EpisodeError: one class only.
    """
    size, actives = _ties(labels, scores)
    inactives = size - actives
    below = inactives.sum() - inactives.cumsum() + inactives / 2
    return float(actives @ below / (actives.sum() * inactives.sum()))


def bedroc(labels: ArrayLike, scores: ArrayLike, *, alpha: float = 20.0) -> float:
    """Return the enrichment of actives early in the ranking, in [0, 1]; 1 has all of them first.

    Args:
        labels: 1 for active and 0 for inactive, shape (Q,).
        scores: higher means more likely active, shape (Q,).
        alpha: how early; at 20 the first 8 % make up 80 % of the score.

    Raises:
        EpisodeError: one class only.

    Source:
        Truchon and Bayly, J. Chem. Inf. Model. 2007, 47, 488, equation 36.
    """
    size, actives = _ties(labels, scores)
    n, n_active = int(size.sum()), int(actives.sum())
    weights = np.exp(-alpha * np.arange(1, n + 1) / n)
    total = np.concatenate(([0.0], weights.cumsum()))
    ends = size.cumsum()
    found = actives @ ((total[ends] - total[ends - size]) / size)
    best, worst = total[n_active], total[n] - total[n - n_active]
    return float((found - worst) / (best - worst))


def enrichment_factor(labels: ArrayLike, scores: ArrayLike, *, percent: int) -> float:
    """Return how many times more actives the top of the ranking holds than a random draw.

    Args:
        labels: 1 for active and 0 for inactive, shape (Q,).
        scores: higher means more likely active, shape (Q,).
        percent: size of the top in percent of Q, rounded up to whole compounds.

    Returns:
        Share of actives in the top over the share in all, without unit; 1 is chance.

    Raises:
        EpisodeError: one class only.
    """
    size, actives = _ties(labels, scores)
    n, n_active = int(size.sum()), int(actives.sum())
    top = -(-percent * n // 100)
    taken = np.clip(top - (size.cumsum() - size), 0, size)
    return float(actives @ (taken / size) / top * n / n_active)


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the mean squared distance, in [0, 1], from probabilities to labels; 0 is best.

    Args:
        labels: 1 for active and 0 for inactive, shape (Q,).
        probabilities: of being active, in [0, 1], shape (Q,).
    """
    difference = _floats(probabilities) - _floats(labels)
    return float(difference @ difference / len(difference))


def log_loss(labels: ArrayLike, logits: ArrayLike) -> float:
    """Return the mean negative log-likelihood in nats; 0 is best, 0.693 a coin.

    Args:
        labels: 1 for active and 0 for inactive, shape (Q,).
        logits: log-odds of activity, shape (Q,); from them no probability rounds to 0 or 1.
    """
    x, y = _floats(logits), _floats(labels)
    return float(np.mean(np.logaddexp(0, x) - y * x))


def calibration_error(labels: ArrayLike, probabilities: ArrayLike, *, bins: int = 10) -> float:
    """Return the expected calibration error over bins of equal width, in [0, 1]; 0 is best.

    It lies above 0 by chance alone where Q is small: compare models on the same episodes only.

    Args:
        labels: 1 for active and 0 for inactive, shape (Q,).
        probabilities: of being active, in [0, 1], shape (Q,).
        bins: how many; each includes its lower end, the last both.

    Source:
        Guo et al., On calibration of modern neural networks, ICML 2017.
    """
    p = _floats(probabilities)
    at = np.minimum((p * bins).astype(np.int64), bins - 1)
    return float(np.abs(np.bincount(at, weights=p - _floats(labels))).sum() / len(p))


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _ties(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Size and number of actives of each group of equal scores, best first."""
    y, x = _floats(labels) > 0.5, _floats(scores)
    _check(y, x)
    order = np.argsort(-x, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(x[order])), len(x) - 1)
    actives = y[order].cumsum()[ends]
    return np.diff(ends, prepend=-1), np.diff(actives, prepend=0)


def _check(active: NDArray[np.bool_], scores: NDArray[np.float64]) -> None:
    if active.shape != scores.shape:
        raise EpisodeError(
            f"query: labels and scores differ in shape; got {active.shape} and {scores.shape}, "
            "expected one score a molecule. Give both for the same molecules."
        )
    if not np.isfinite(scores).all():
        raise EpisodeError(
            f"query: scores are not finite; got {int((~np.isfinite(scores)).sum())} NaN or "
            f"infinite of {len(scores)}, expected numbers. Train the learner anew, more slowly."
        )
    if not 0 < active.sum() < len(active):
        raise EpisodeError(
            f"query: one class only; got {int(active.sum())} active of {len(active)} molecules, "
            "expected at least one active and one inactive. Ask for a smaller support."
        )
