"""How many of the best compounds of a screen will be active, and how far that may be wrong.

Knows probabilities only: no model, no molecules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import expit, logit, ndtri

from molmeta.models.prevalence import Estimate, prior_shift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TOPS = (10, 96, 384)
"""A handful, a plate, a large plate."""
LEVEL = 0.8
SPREAD = 0.5
"""Standard deviation of what all log odds of one screen are wrong by; see docs/screening.md."""
LIBRARY_POWER, LIBRARY_SPREAD = 2.0, 2.0
"""Chosen on screens with known answers; see docs/screening.md."""
NODES = 41
CLIP = 1e-9


class Expected(NamedTuple):
    """Hits expected among the best compounds.

    Attributes:
        top: how many of the best.
        hits: expected number of actives among them.
        low, high: least and greatest number of the interval, both inside it.
    """

    top: int
    hits: float
    low: int
    high: int


def expected_hits(
    probabilities: Sequence[float] | NDArray[np.float64],
    tops: Sequence[int] = TOPS,
    *,
    spread: float = SPREAD,
    level: float = LEVEL,
) -> list[Expected]:
    """Return the hits expected among the best compounds, with a central interval.

    Probabilities of one screen err together: the assay is harder than others, or the prevalence
    is not the one that was given. So a common error is drawn on the log odds, b ~ N(0, spread^2),
    and given b every compound is active on its own, with odds e^b p / (1 - p). The expected hits
    and the interval are those of that mixture of Poisson-binomial distributions; as hits are
    whole numbers, the interval holds `level` or more.

    Args:
        probabilities: calibrated, of the best compounds, best first, shape (G,).
        tops: how many of the best; those above G are left out.
        spread: standard deviation of the common error; 0 leaves the draw of each compound alone.
        level: share of screens whose hits lie in the interval.

    Source:
        Williams, The analysis of binary responses from toxicological experiments, Biometrics
        1975, 31, 949 (draws that err together); Hong, On computing the distribution function for
        the Poisson binomial distribution, Comput. Stat. Data Anal. 2013, 59, 41.

    Example:
        >>> expected_hits([0.5] * 10, [10], spread=0.0)
        [Expected(top=10, hits=5.0, low=3, high=7)]
    """
    best = np.clip(np.asarray(probabilities, np.float64), CLIP, 1 - CLIP)
    chances = expit(logit(best) + spread * _nodes()[:, None])
    wanted = {top for top in tops if 0 < top <= len(best)}
    found = _distributions(chances[:, : max(wanted, default=0)], wanted)
    return [_expected(top, found[top], level) for top in tops if top in found]


def library_hits(
    probabilities: Sequence[float] | NDArray[np.float64],
    tops: Sequence[int] = TOPS,
    *,
    prevalence: float | Estimate | None,
) -> list[Expected]:
    """Return the hits expected among the best compounds of a library, with an 80 % interval.

    Models learn on compounds that were chosen for a target; most of a library is easier to tell
    from an active than those. So the odds of each compound are moved on from those of the
    prevalence, o = o_0 (o / o_0)^LIBRARY_POWER, and err together by LIBRARY_SPREAD.

    Args:
        probabilities: at the prevalence, of the best compounds, best first, shape (G,).
        tops: how many of the best; those above G are left out.
        prevalence: share of actives in the library, between 0 and 1. From an estimate, the interval
            runs from its low end at the estimate's low end to its high end at the high one. None
            where it is not known, and then probabilities are taken as in `expected_hits`.

    Example:
        >>> round(library_hits([0.2] * 10, [10], prevalence=0.01)[0].hits, 1)
        7.5
    """
    if prevalence is None:
        return expected_hits(probabilities, tops)
    if isinstance(prevalence, Estimate):
        return _from_end_to_end(probabilities, tops, prevalence)
    origin = logit(prevalence)
    best = logit(np.clip(np.asarray(probabilities, np.float64), CLIP, 1 - CLIP))
    moved = expit(origin + LIBRARY_POWER * (best - origin))
    return expected_hits(moved, tops, spread=LIBRARY_SPREAD)


def _from_end_to_end(
    probabilities: Sequence[float] | NDArray[np.float64], tops: Sequence[int], estimate: Estimate
) -> list[Expected]:
    least, found, most = (
        library_hits(
            [*map(prior_shift(share, estimate.share), probabilities)], tops, prevalence=share
        )
        for share in (max(estimate.low, CLIP), estimate.share, estimate.high)
    )
    ends = zip(found, least, most, strict=True)
    return [one._replace(low=low.low, high=high.high) for one, low, high in ends]


def _nodes() -> NDArray[np.float64]:
    """Equally likely values of a standard normal variable, shape (NODES,)."""
    return ndtri((np.arange(NODES) + 0.5) / NODES)


def _distributions(chances: NDArray[np.float64], tops: set[int]) -> dict[int, NDArray[np.float64]]:
    """Return the distribution of hits among the best K, shape (K + 1,), for each K of `tops`."""
    n = chances.shape[1]
    hits = np.zeros((len(chances), n + 1))
    hits[:, 0] = 1
    found: dict[int, NDArray[np.float64]] = {}
    for place in range(n):
        chance = chances[:, place, None]
        gained = hits[:, :-1] * chance
        hits *= 1 - chance
        hits[:, 1:] += gained
        if place + 1 in tops:
            found[place + 1] = hits[:, : place + 2].mean(axis=0)
    return found


def _expected(top: int, distribution: NDArray[np.float64], level: float) -> Expected:
    below = distribution.cumsum()
    low, high = np.searchsorted(below, [(1 - level) / 2, (1 + level) / 2])
    mean = float(distribution @ np.arange(top + 1))
    return Expected(top, round(mean, 6), int(low), min(int(high), top))
