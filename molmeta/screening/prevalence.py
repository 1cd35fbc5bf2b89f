"""Estimates the prevalence of actives in a library from its scores and those of known actives."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import torch

from molmeta.errors import ConfigError
from molmeta.learners.base import predicted_left_out
from molmeta.models.prevalence import Estimate
from molmeta.molecules.blocks import Molecules, tensor_of
from molmeta.molecules.compounds import standard_smiles
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.store import featurize

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from molmeta.learners import MetaLearner
    from molmeta.models.model import Model
    from molmeta.screening.hits import Support

FURTHEST, WIDTH = 20.0, 0.01
BINS = int(2 * FURTHEST / WIDTH)
"""Bins of log odds between -FURTHEST and FURTHEST, which 0 and 1 count as: theirs are infinite."""
TAIL, INFLATION = 0.3, 3.0
"""Probability beyond either end of each interval, and the factor by which the scores of inactives
may spread more than estimated. Both were chosen on screens; see docs/screening.md."""
FEWEST_ACTIVES = 4
HIGHEST = 0.99
_QUARTILES = 2 * NormalDist().inv_cdf(0.75)
"""Interquartile range of a normal distribution in standard deviations."""


def counted(probabilities: ArrayLike) -> NDArray[np.int64]:
    """Histogram of probabilities over bins of log odds, shape (BINS,)."""
    bins = ((log_odds(probabilities) + FURTHEST) / WIDTH).astype(np.int64)
    return np.bincount(np.minimum(bins, BINS - 1), minlength=BINS)


def log_odds(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Log odds between -FURTHEST and FURTHEST, in the shape of the probabilities."""
    p = np.asarray(probabilities, np.float64)
    with np.errstate(divide="ignore"):
        return np.clip(np.log(p / (1 - p)), -FURTHEST, FURTHEST)


def left_out(model: Model, support: Support) -> NDArray[np.float64]:
    """Log odds of each active of a support, for the model adapted to all other compounds.

    Raises:
        ConfigError: fewer than 4 actives, or no inactive.
    """
    labels = np.asarray(support.active, np.float32)
    n_active = int((labels > 0.5).sum())
    if n_active < FEWEST_ACTIVES or n_active == len(labels):
        raise ConfigError(
            f"prevalence: cannot be estimated from this support; got {n_active} actives and "
            f"{len(labels) - n_active} inactives, expected at least {FEWEST_ACTIVES} actives and "
            "an inactive. Give a number, or leave --prevalence out."
        )
    standardised = [standard_smiles(text) for text in support.smiles]
    molecules = featurize(standardised, model.library_featurizers)
    return each_left_out(model.learner, molecules, labels)


def each_left_out(
    learner: MetaLearner, molecules: Molecules, labels: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return what `left_out` does, for S featurized molecules with labels of shape (S,)."""
    actives = tensor_of(np.flatnonzero(labels > 0.5)[:, None])
    with torch.no_grad():
        support = Labelled(learner.prepare(molecules), tensor_of(labels))
        outputs = predicted_left_out(learner.adapt_library, support, actives)
    return outputs[:, 0].double().cpu().numpy()


def estimate(counts: NDArray[np.int64], active_scores: NDArray[np.float64]) -> Estimate:
    """Share of actives in a library, with an interval.

    The estimate is (Q - F) n / k. The interval runs from max(Q- - F', 0) / p+ to Q+ / p-.

    | symbol | variable | meaning |
    |---|---|---|
    | n | `n` | known actives |
    | k | `k` | known actives that score above the threshold t: half of them |
    | t | `threshold` | midway between the two middle scores of the known actives |
    | Q | `n_above / n_library` | share of the library that scores above t |
    | F | `ndtr(-distance)` | share expected there if all compounds were inactive |
    | F' | `ndtr(-distance / INFLATION)` | the same if inactives spread three times as wide |
    | Q-, Q+ | `q_low`, `q_high` | ends of the exact Poisson interval of Q |
    | p-, p+ | `p_low`, `p_high` | ends of the exact binomial interval of k / n |

    Both intervals leave 30 % on either side. Scores of inactives are taken to be normal with the
    median and the quartiles of the library.

    Assumes library actives score as well as the support's actives do when held out. If they
    score lower, this underestimates the prevalence.

    Args:
        counts: of `counted`, for the whole library, not empty.
        active_scores: log odds of each active of the support when it is held out, shape (n,),
            n >= 2.

    Source:
        Forman, Quantifying counts and costs via classification, Data Min. Knowl. Discov. 2008, 17,
        164 (adjusted count); Efron, Large-scale simultaneous hypothesis testing: the choice of a
        null hypothesis, J. Am. Stat. Assoc. 2004, 99, 96 (inactives from the middle of all).
    """
    # Importing it takes a tenth of the time of a small screen, and only estimates need it.
    from scipy.special import betaincinv, gammaincinv, ndtr

    n, k, n_library = len(active_scores), len(active_scores) // 2, int(counts.sum())
    ordered = np.sort(active_scores)
    threshold = float(ordered[n - k - 1] + ordered[n - k]) / 2
    median, deviation = _inactive_scores(counts)
    left_edges = WIDTH * np.arange(BINS) - FURTHEST
    # A library of identical scores has no spread; one bin keeps the distance finite.
    distance = (threshold - median) / max(deviation, WIDTH)
    n_above = int(counts[left_edges >= threshold].sum())
    # Below the median the threshold separates nothing, so the library may hold no active.
    q_low = float(gammaincinv(n_above, TAIL)) / n_library if n_above and distance > 0 else 0.0
    q_high = float(gammaincinv(n_above + 1, 1 - TAIL)) / n_library
    p_low, p_high = (
        float(betaincinv(k, n - k + 1, TAIL)), float(betaincinv(k + 1, n - k, 1 - TAIL))
    )  # fmt: skip
    high = min(q_high / p_low, HIGHEST)
    # The floor keeps the odds of the share finite if no compound scores above the threshold.
    share = max(n_above / n_library - float(ndtr(-distance)), 0.3 / n_library) * n / k
    low = max(q_low - float(ndtr(-distance / INFLATION)), 0.0) / p_high
    # The two ends come from other assumptions than the estimate, which must lie between them.
    return Estimate(min(share, high), min(low, share), high)


def _inactive_scores(counts: NDArray[np.int64]) -> tuple[float, float]:
    """Median and standard deviation of a normal distribution with the library's quartiles.

    Most of a library is inactive, so its middle half describes the inactives.
    """
    below = np.concatenate([[0], counts.cumsum()]) / counts.sum()
    edges = WIDTH * np.arange(BINS + 1) - FURTHEST
    first, median, third = np.interp([0.25, 0.5, 0.75], below, edges)
    return float(median), float((third - first) / _QUARTILES)
