"""How early hidden actives come in the ranking of a library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from molmeta.evaluation.metrics import ranking_metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

METRICS = ("top1", "ef1", "bedroc20", "auroc", "auroc_measured", "first_rank", "top1_new")


def hidden_metrics(
    actives: Floats, library: Floats, inactives: Floats, new: NDArray[np.bool_]
) -> dict[str, float]:
    """Return the `METRICS` of hidden actives; compounds with equal scores have no order.

    Args:
        actives: scores of the hidden actives, shape (H,).
        library: scores of the library's compounds, shape (L,).
        inactives: scores of measured inactives, shape (I,); `auroc_measured` is NaN without any.
        new: whether a hidden active is in no training data, shape (H,); `top1_new` is NaN without
            any.

    Example:
        >>> scores = np.arange(200.0)
        >>> new = np.array([True, True])
        >>> found = hidden_metrics(scores[[198, 50]] + 0.5, scores, scores[:0], new)
        >>> found["top1"], found["first_rank"]
        (0.5, 2.0)
    """
    ranking = _ranking(actives, library)
    return {
        "top1": _in_top(actives, library),
        "ef1": ranking["ef1"],
        "bedroc20": ranking["bedroc20"],
        "auroc": ranking["auroc"],
        "auroc_measured": _ranking(actives, inactives)["auroc"] if len(inactives) else np.nan,
        "first_rank": _first_rank(actives, library),
        "top1_new": _in_top(actives[new], library),
    }


def _first_rank(actives: Floats, library: Floats) -> float:
    best = actives.max()
    # Between n tied actives, the mean number of tied others before the first is their n + 1st part.
    n_tied = (actives == best).sum()
    return float(1 + (library > best).sum() + (library == best).sum() / (n_tied + 1))


def _in_top(actives: Floats, library: Floats) -> float:
    if not len(actives):
        return np.nan
    limit = np.sort(library)[::-1][len(library) // 100]
    return float((actives > limit).mean() + (actives == limit).mean() / 2)


def _ranking(actives: Floats, inactives: Floats) -> dict[str, float]:
    labels = np.concatenate([np.ones_like(actives), np.zeros_like(inactives)])
    return ranking_metrics(labels, np.concatenate([actives, inactives]))
