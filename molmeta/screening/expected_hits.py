"""Expected number of hits among the best candidates of a screen, with an interval."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from molmeta.models.prevalence import Estimate, prior_shift
from molmeta.screening.prevalence import FURTHEST, WIDTH, log_odds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TOPS = (10, 96, 384)
"""Numbers of candidates to report: a handful, a plate, a large plate."""
LEVEL = 0.8
SPREAD = 0.5
"""Standard deviation of the error that all log odds of a screen share; see docs/screening.md."""
LIBRARY_POWER, LIBRARY_SPREAD = 2.0, 2.0
"""Chosen on screens with known answers; see docs/screening.md."""
DEFAULT_PREVALENCE = 0.005
"""Share of actives that is assumed where none is given or estimated: one compound in 200."""
NODES = 41
CLIP = 1e-9
HALVINGS = 30
"""Steps to find the factor by which odds are lowered, to within 4e-8."""
# Midpoints of equally likely strata need no weights: the mixture is a plain mean.
_NODES = np.array([NormalDist().inv_cdf((node + 0.5) / NODES) for node in range(NODES)])


class LibraryScores(NamedTuple):
    """Scores of a library's compounds, without those that were measured.

    Attributes:
        counts: number of compounds in each bin of log odds, from `prevalence.counted`, at the
            share for which the predictor is calibrated.
        n: compounds, including those that a prefilter skipped.
    """

    counts: NDArray[np.int64]
    n: int


class Expected(NamedTuple):
    """Hits expected among the best candidates.

    Attributes:
        top: number of candidates.
        hits: expected number of actives among them.
        low, high: ends of the interval, inclusive.
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
) -> list[Expected]:
    """Hits expected among the best candidates, with a central interval.

    The probabilities of a screen share an error: the assay is harder than others, or the given
    prevalence is wrong. So all log odds are shifted by b ~ N(0, spread^2), and given b the
    compounds are independent, with odds e^b p / (1 - p). The result is a mixture of
    Poisson-binomial distributions. Hits are whole numbers, so the interval covers at least LEVEL.

    Args:
        probabilities: calibrated probabilities of the best candidates, best first, shape (G,).
        tops: numbers of candidates; those above G are skipped.
        spread: standard deviation of b; 0 makes all compounds independent.

    Source:
        Williams, The analysis of binary responses from toxicological experiments, Biometrics
        1975, 31, 949 (correlated draws); Hong, On computing the distribution function for
        the Poisson binomial distribution, Comput. Stat. Data Anal. 2013, 59, 41.

    Example:
        >>> expected_hits([0.5] * 10, [10], spread=0.0)
        [Expected(top=10, hits=5.0, low=3, high=7)]
    """
    best = log_odds(probabilities)
    given_b = _sigmoid(best + spread * _NODES[:, None])
    possible = {top for top in tops if 0 < top <= len(best)}
    # The work grows with the square of the candidates; those below the largest top are cut.
    distributions = _distributions(given_b[:, : max(possible, default=0)], possible)
    return [_expected(top, distributions[top]) for top in tops if top in distributions]


def library_hits(
    probabilities: Sequence[float] | NDArray[np.float64],
    tops: Sequence[int] = TOPS,
    *,
    prevalence: float | Estimate | None,
    share: float = 0.5,
    library: LibraryScores | None = None,
) -> list[Expected]:
    """Hits expected among the best candidates of a library, with an 80 % interval.

    Models are trained on compounds that were chosen for a target. Most of a library is easier to
    distinguish from actives than those. The odds o of each compound are therefore moved away from
    the odds o_0 of the prevalence, to o_0 (o / o_0)^LIBRARY_POWER. Their shared error has the
    standard deviation LIBRARY_SPREAD. All odds are lowered by one factor where the library would
    contain more actives than the prevalence allows.

    Args:
        probabilities: of the best candidates, at the prevalence, best first, shape (G,).
        tops: numbers of candidates; those above G are skipped.
        prevalence: share of actives in the library, between 0 and 1. With an estimate, the
            interval runs from its low end at the estimate's low end to its high end at the high
            end. None assumes DEFAULT_PREVALENCE.
        share: share of actives for which the predictor is calibrated, as in
            `AssayPredictor.share`; probabilities hold for it if `prevalence` is None. The result
            is empty if it is then 0 or 1.
        library: scores of the whole library, None if unknown.

    Example:
        >>> round(library_hits([0.2] * 10, [10], prevalence=0.01)[0].hits, 1)
        7.5
    """
    if prevalence is None:
        if not 0 < share < 1:
            return []
        shift = prior_shift(DEFAULT_PREVALENCE, share)
        shifted = [*map(shift, probabilities)]
        return library_hits(
            shifted, tops, prevalence=DEFAULT_PREVALENCE, share=share, library=library
        )
    if isinstance(prevalence, Estimate):
        return _over_interval(probabilities, tops, prevalence, share, library)
    origin = _logit(prevalence)
    moved = origin + LIBRARY_POWER * (log_odds(probabilities) - origin)
    if library is not None and 0 < share < 1:
        moved -= _excess(library, prevalence, share)
    return expected_hits(_sigmoid(moved), tops, spread=LIBRARY_SPREAD)


def _sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-log_odds))


def _excess(library: LibraryScores, prevalence: float, share: float) -> float:
    """By how much log odds must fall for at most `prevalence * n` hits in a library of n."""
    used = np.flatnonzero(library.counts)
    middles = WIDTH * (used + 0.5) - FURTHEST
    # A prevalence moves all log odds by the same amount.
    moved = _logit(prevalence) + LIBRARY_POWER * (middles - _logit(share))
    shared = moved + LIBRARY_SPREAD * _NODES[:, None]

    def hits(fall: float) -> float:
        return float(_sigmoid(shared - fall).mean(axis=0) @ library.counts[used])

    most = prevalence * library.n
    if hits(0.0) <= most:
        return 0.0
    low, high = 0.0, 2 * FURTHEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if hits(middle) > most else (low, middle)
    return high


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def _over_interval(
    probabilities: Sequence[float] | NDArray[np.float64],
    tops: Sequence[int],
    estimate: Estimate,
    calibrated: float,
    library: LibraryScores | None,
) -> list[Expected]:
    at_low, at_estimate, at_high = (
        library_hits(
            [*map(prior_shift(share, estimate.share), probabilities)],
            tops,
            prevalence=share,
            share=calibrated,
            library=library,
        )
        # A low end of 0 has log odds of minus infinity.
        for share in (max(estimate.low, CLIP), estimate.share, estimate.high)
    )
    triples = zip(at_estimate, at_low, at_high, strict=True)
    return [middle._replace(low=low.low, high=high.high) for middle, low, high in triples]


def _distributions(
    probabilities: NDArray[np.float64], tops: set[int]
) -> dict[int, NDArray[np.float64]]:
    """Distribution of hits among the best K, shape (K + 1,), for each K of `tops`.

    Args:
        probabilities: of each candidate, for each value of the shared error, shape (NODES, G).
        tops: numbers of candidates, at most G.
    """
    n = probabilities.shape[1]
    hits = np.zeros((len(probabilities), n + 1))
    hits[:, 0] = 1
    distributions: dict[int, NDArray[np.float64]] = {}
    for rank in range(n):
        p = probabilities[:, rank, None]
        # A candidate moves the share p of the mass at every number of hits up by one.
        gained = hits[:, :-1] * p
        hits *= 1 - p
        hits[:, 1:] += gained
        if rank + 1 in tops:
            distributions[rank + 1] = hits[:, : rank + 2].mean(axis=0)
    return distributions


def _expected(top: int, distribution: NDArray[np.float64]) -> Expected:
    cumulative = distribution.cumsum()
    low, high = np.searchsorted(cumulative, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    mean = float(distribution @ np.arange(top + 1))
    # Rounding may keep the cumulative sum below the upper level, which then points past `top`.
    return Expected(top, round(mean, 6), int(low), min(int(high), top))
