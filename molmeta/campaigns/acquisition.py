"""Acquisition functions, which score candidates for measurement, and diverse batches of them.

The score of a candidate does not depend on the others, so a library can be scored chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special

from molmeta.errors import ConfigError, suggestion
from molmeta.learners.base import Predictor, probability
from molmeta.molecules.similarity import overlap

if TYPE_CHECKING:
    from molmeta.molecules.blocks import Bits, Molecules

Scores = NDArray[np.float64]

CONFIDENCE = 2.0
"""Number of standard deviations that `ucb` adds to the mean."""


class Assessment(NamedTuple):
    """Predictions for G candidates that are not measured yet.

    Attributes:
        probability: probability of activity, float64, shape (G,).
        uncertainty: standard deviation of that probability, float64, shape (G,).
        similarity: Tanimoto similarity to the nearest measured active, 0 without one,
            shape (G,).
        incumbent: mean predicted probability of the measured actives, to be improved on.
    """

    probability: Scores
    uncertainty: Scores
    similarity: Scores
    incumbent: float


Score = Callable[[Assessment, np.random.Generator], Scores]


class Acquisition(NamedTuple):
    """A way to score candidates.

    Attributes:
        score: from an assessment and a random generator to G numbers; higher is measured earlier.
        predicts: whether it uses predictions; similarity search and random choice do not.
    """

    score: Score
    predicts: bool


ACQUISITIONS: dict[str, Acquisition] = {}


def acquisition(*, predicts: bool = True) -> Callable[[Score], Score]:
    """Register an acquisition function under its own name."""

    def register(score: Score) -> Score:
        ACQUISITIONS[score.__name__] = Acquisition(score, predicts)
        return score

    return register


@acquisition()
def greedy(candidates: Assessment, rng: np.random.Generator) -> Scores:
    """Probability of activity."""
    del rng
    return candidates.probability


@acquisition()
def ucb(candidates: Assessment, rng: np.random.Generator) -> Scores:
    """Upper confidence bound: probability plus 2 standard deviations.

    Source:
        Srinivas et al., Gaussian process optimization in the bandit setting, ICML 2010.
    """
    del rng
    return candidates.probability + CONFIDENCE * candidates.uncertainty


@acquisition()
def thompson(candidates: Assessment, rng: np.random.Generator) -> Scores:
    """Independent draw from the normal distribution of each probability.

    Source:
        Thompson, On the likelihood that one unknown probability exceeds another, Biometrika 1933.
    """
    return candidates.probability + candidates.uncertainty * rng.normal(
        size=len(candidates.probability)
    )


@acquisition()
def expected_improvement(candidates: Assessment, rng: np.random.Generator) -> Scores:
    """Expected gain of the normally distributed probability over the incumbent.

    u (z Phi(z) + phi(z)) with z = (p - incumbent) / u, and max(p - incumbent, 0) for u = 0, where
    p is `probability` and u is `uncertainty`.

    Source:
        Jones et al., Efficient global optimization of expensive black-box functions,
        J. Glob. Optim. 1998, equation 15.
    """
    del rng
    gain = candidates.probability - candidates.incumbent
    # With this floor, the formula itself gives max(gain, 0) where the uncertainty is zero.
    spread = np.maximum(candidates.uncertainty, 1e-12)
    z = gain / spread
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return spread * (z * np.asarray(special.ndtr(z), np.float64) + density)


@acquisition()
def uncertainty(candidates: Assessment, rng: np.random.Generator) -> Scores:
    """Uncertainty: the candidates whose measurement is most informative."""
    del rng
    return candidates.uncertainty


@acquisition(predicts=False)
def similarity(candidates: Assessment, rng: np.random.Generator) -> Scores:
    """Similarity to the nearest measured active, without any model."""
    del rng
    return candidates.similarity


@acquisition(predicts=False)
def random(candidates: Assessment, rng: np.random.Generator) -> Scores:
    """Random choice."""
    return rng.random(len(candidates.probability))


def get(name: str) -> Acquisition:
    """The acquisition function of that name.

    Raises:
        ConfigError: the name is unknown.

    Example:
        >>> get("similarity").predicts
        False
    """
    if name not in ACQUISITIONS:
        raise ConfigError(
            f"acquisition: '{name}' is unknown; expected one of {', '.join(ACQUISITIONS)}. "
            f"Correct --acquisition.{suggestion(name, ACQUISITIONS)}"
        )
    return ACQUISITIONS[name]


def predicted(predictor: Predictor, molecules: Molecules) -> tuple[Scores, Scores]:
    """Probability and uncertainty of G molecules, each of shape (G,).

    If a predictor has an uncertainty, it is a standard deviation on the scale from -1 (inactive) to
    +1 (active). Half of it is on the scale from 0 to 1. Other predictors get p (1 - p), the
    variance of the label, which does not change the order of `ucb` below p = 0.75.
    """
    deviation: Callable[[Molecules], torch.Tensor] | None
    deviation = getattr(predictor, "uncertainty", None)
    # Padded, so that a prediction does not depend on the size of its chunk.
    batch, n = molecules.padded(), len(molecules)
    with torch.no_grad():
        p = probability(predictor(batch).double()[:n]).cpu().numpy()
        if deviation is None:
            return p, p * (1 - p)
        return p, deviation(batch).double()[:n].cpu().numpy() / 2


def ranked(scores: Scores, among: Scores) -> NDArray[np.int64]:
    """Positions by descending score, and at equal scores by descending `among`."""
    # lexsort sorts by its last key first.
    return np.lexsort((-among, -scores))


def prints_of(bits: Bits) -> NDArray[np.uint8]:
    """Packed fingerprints, shape (G, size / 8)."""
    return np.packbits(bits.dense(torch.uint8).cpu().numpy(), axis=1)


def diverse(
    order: Iterable[int],
    prints: NDArray[np.uint8],
    n: int,
    *,
    max_similarity: float = 1.0,
    taken: Iterable[int] = (),
    allowed: Callable[[int], bool] = lambda _: True,
) -> list[int]:
    """Up to n candidates in the given order, without those too similar to an earlier one.

    Args:
        order: positions of the candidates, best first.
        prints: packed fingerprints of all candidates, shape (G, bytes).
        n: number to choose; fewer are returned if the rest is too similar.
        max_similarity: highest Tanimoto similarity of two chosen candidates; 1 allows everything.
        taken: positions chosen before; they are not chosen again, but count for the similarity.
        allowed: called with a candidate just before it would be chosen; false skips it.
    """
    blocked = np.zeros(len(prints), dtype=np.bool_)
    for position in set(taken):
        _block(blocked, position, prints, max_similarity)
    chosen: list[int] = []
    for position in order:
        if len(chosen) == n:
            break
        if not blocked[position] and allowed(position):
            chosen.append(int(position))
            _block(blocked, position, prints, max_similarity)
    return chosen


def _block(
    blocked: NDArray[np.bool_], position: int, prints: NDArray[np.uint8], max_similarity: float
) -> None:
    """Block a chosen candidate, and in place all that are too similar to it."""
    blocked[position] = True
    if max_similarity < 1:
        shared, either = overlap(prints, prints[position])
        blocked |= shared / np.maximum(either, 1) > max_similarity
