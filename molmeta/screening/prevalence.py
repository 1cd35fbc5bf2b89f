"""How many actives a library holds, from its scores and from those of the known actives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.special import betaincinv, gammaincinv, logit, ndtr, ndtri

from molmeta.errors import ConfigError
from molmeta.models.prevalence import Estimate
from molmeta.molecules.compounds import compound
from molmeta.molecules.store import featurize
from molmeta.screening.outlook import scored_without

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from molmeta.learners import MetaLearner
    from molmeta.models.model import Model
    from molmeta.molecules.blocks import Molecules
    from molmeta.screening.hits import Support

FURTHEST, WIDTH = 20.0, 0.01
BINS = int(2 * FURTHEST / WIDTH)
"""Of log odds between -FURTHEST and FURTHEST."""
END, INFLATED = 0.3, 3.0
"""Probability beyond either end of each interval that the estimate is made from, and how much wider
inactives may spread than their middle says; chosen on screens, see docs/screening.md."""
FEWEST = 4
MOST = 0.99
_QUARTILES = 2 * float(ndtri(0.75))


def counted(probabilities: ArrayLike) -> NDArray[np.int64]:
    """Return how many probabilities lie in each bin of log odds, shape (BINS,)."""
    chances = np.asarray(probabilities, np.float64)
    with np.errstate(divide="ignore"):
        odds = np.clip(logit(chances), -FURTHEST, FURTHEST)
    places = np.minimum(((odds + FURTHEST) / WIDTH).astype(np.int64), BINS - 1)
    return np.bincount(places, minlength=BINS)


def left_out(model: Model, support: Support) -> NDArray[np.float64]:
    """Return the log odds of each active of a support for the model adapted to all the others.

    Raises:
        ConfigError: fewer than 4 actives, or no inactive.
    """
    labels = np.asarray(support.active, np.float32)
    actives = np.flatnonzero(labels > 0.5)
    if len(actives) < FEWEST or len(actives) == len(labels):
        raise ConfigError(
            f"prevalence: cannot be estimated; got a support of {len(actives)} actives and "
            f"{len(labels) - len(actives)} inactives, expected at least {FEWEST} actives and an "
            "inactive. Give a number, or leave --prevalence out."
        )
    molecules = featurize([compound(text).smiles for text in support.smiles], model.featurizers)
    return each_left_out(model.learner, molecules, labels)


def each_left_out(
    learner: MetaLearner, molecules: Molecules, labels: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return what `left_out` does for the labels, shape (S,), of featurized molecules."""
    with torch.no_grad():
        prepared = learner.prepare(molecules)
    actives = np.flatnonzero(labels > 0.5)
    found = [scored_without(learner, prepared, labels, place) for place in actives[:, None]]
    return np.concatenate(found)


def estimate(counts: NDArray[np.int64], known: NDArray[np.float64]) -> Estimate:
    """Return the share of actives in a library of N compounds.

    With t halfway down the known actives, k of n of which lie above it, and Q the share of the
    library above it, the estimate is (Q - F) n / k: a library of actives alone would have k / n
    above t. F is what inactives alone would have there, were their scores normal with the median
    and the quartiles of the library, most of which is inactive. The upper end of the interval is
    Q+ / p-, the lower one (Q- - F') / p+: Q- to Q+ and p- to p+ are the exact intervals of N Q, a
    Poisson count, and of k / n, a binomial one, each with 30 % on either side, and F' is that of a
    normal three times as wide.

    Actives of the library are taken to be as like the support as its own are to each other. Where
    they are less alike, there are more of them than this says.

    Args:
        counts: of `counted`, of the whole library, not empty.
        known: log odds of the support's actives, each left out in turn, shape (n,), n >= 2.

    Source:
        Forman, Quantifying counts and costs via classification, Data Min. Knowl. Discov. 2008, 17,
        164 (adjusted count); Efron, Large-scale simultaneous hypothesis testing: the choice of a
        null hypothesis, J. Am. Stat. Assoc. 2004, 99, 96 (inactives from the middle of all).
    """
    n, k, n_library = len(known), len(known) // 2, int(counts.sum())
    ordered = np.sort(known)
    threshold = float(ordered[n - k - 1] + ordered[n - k]) / 2
    middle, spread = _middle(counts)
    edges = WIDTH * np.arange(BINS) - FURTHEST
    away = (threshold - middle) / max(spread, WIDTH)
    above = int(counts[edges >= threshold].sum())
    fewest = float(gammaincinv(above, END)) / n_library if above and away > 0 else 0.0
    least, most = betaincinv(k, n - k + 1, END), betaincinv(k + 1, n - k, 1 - END)
    high = min(float(gammaincinv(above + 1, 1 - END)) / n_library / float(least), MOST)
    share = max(above / n_library - float(ndtr(-away)), 0.3 / n_library) * n / k
    low = max(fewest - float(ndtr(-away / INFLATED)), 0.0) / float(most)
    return Estimate(min(share, high), min(low, share), high)


def _middle(counts: NDArray[np.int64]) -> tuple[float, float]:
    """Return the median, and the standard deviation of a normal with these quartiles."""
    below = np.concatenate([[0], counts.cumsum()]) / counts.sum()
    edges = WIDTH * np.arange(BINS + 1) - FURTHEST
    first, median, third = np.interp([0.25, 0.5, 0.75], below, edges)
    return float(median), float((third - first) / _QUARTILES)
