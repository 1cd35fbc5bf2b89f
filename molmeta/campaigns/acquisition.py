"""What to measure next: how promising each candidate is, and a batch of them that is diverse.

Knows what a predictor says of candidates, not where they come from; every score is of one
candidate alone, so that a library can be scored chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special

from molmeta.errors import ConfigError
from molmeta.learners.base import probability
from molmeta.molecules.similarity import overlap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from molmeta.learners.base import Predictor
    from molmeta.molecules.blocks import Bits, Molecules

Scores = NDArray[np.float64]

# scipy's functions have no precise types, which strict checking refuses; Any says so once.
_special: Any = special

CONFIDENCE = 2.0
"""Standard deviations that `ucb` adds to the mean."""


class View(NamedTuple):
    """What is known of G candidates before they are measured.

    Attributes:
        probability: of activity, float64, shape (G,).
        uncertainty: of that probability, in its unit, from 0 up, float64, shape (G,).
        similarity: Tanimoto similarity to the nearest known active, 0 without any, shape (G,).
        incumbent: what is to be improved on: the mean probability of the known actives.
    """

    probability: Scores
    uncertainty: Scores
    similarity: Scores
    incumbent: float


Score = Callable[[View, np.random.Generator], Scores]


class Acquisition(NamedTuple):
    """A way to score candidates.

    Attributes:
        score: from a view and a source of randomness to G numbers; higher is measured earlier.
        predicts: whether it looks at what a predictor says; a search and chance do not.
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
def greedy(view: View, rng: np.random.Generator) -> Scores:
    """The probability of activity: what is expected to hit."""
    del rng
    return view.probability


@acquisition()
def ucb(view: View, rng: np.random.Generator) -> Scores:
    """The probability plus 2 standard deviations: what may hit.

    Source:
        Srinivas et al., Gaussian process optimization in the bandit setting, ICML 2010.
    """
    del rng
    return view.probability + CONFIDENCE * view.uncertainty


@acquisition()
def thompson(view: View, rng: np.random.Generator) -> Scores:
    """A draw from the normal distribution of each probability, independent of the others.

    Source:
        Thompson, On the likelihood that one unknown probability exceeds another, Biometrika 1933.
    """
    return view.probability + view.uncertainty * rng.normal(size=len(view.probability))


@acquisition()
def expected_improvement(view: View, rng: np.random.Generator) -> Scores:
    """How far the probability, normally distributed, is expected to exceed the incumbent.

    With z = (p - incumbent) / u it is u (z Phi(z) + phi(z)), and max(p - incumbent, 0) at u = 0.

    Source:
        Jones et al., Efficient global optimization of expensive black-box functions,
        J. Glob. Optim. 1998, equation 15.
    """
    del rng
    gain = view.probability - view.incumbent
    spread = np.maximum(view.uncertainty, 1e-12)
    z = gain / spread
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return spread * (z * np.asarray(_special.ndtr(z), np.float64) + density)


@acquisition()
def uncertainty(view: View, rng: np.random.Generator) -> Scores:
    """The uncertainty alone: what would teach most."""
    del rng
    return view.uncertainty


@acquisition(predicts=False)
def similarity(view: View, rng: np.random.Generator) -> Scores:
    """The similarity to the nearest known active: search without any model."""
    del rng
    return view.similarity


@acquisition(predicts=False)
def random(view: View, rng: np.random.Generator) -> Scores:
    """Chance."""
    return rng.random(len(view.probability))


def get(name: str) -> Acquisition:
    """Return an acquisition function.

    Raises:
        ConfigError: the name is unknown.

    Example:
        >>> get("similarity").predicts
        False
    """
    if name not in ACQUISITIONS:
        raise ConfigError(
            f"acquisition: '{name}' is unknown; expected one of {', '.join(ACQUISITIONS)}. "
            "Correct --acquisition."
        )
    return ACQUISITIONS[name]


def predicted(predictor: Predictor, molecules: Molecules) -> tuple[Scores, Scores]:
    """Return probability and uncertainty of G molecules.

    A predictor with a method `uncertainty(molecules)`, the standard deviation of what it predicts
    where active is +1 and inactive is -1, is asked for it; half of it is on the scale from 0 to 1.
    For others p (1 - p), the variance of the answer, stands for it: that adds nothing to the
    order of `ucb` below p = 0.75.
    """
    own: Callable[[Molecules], torch.Tensor] | None = getattr(predictor, "uncertainty", None)
    with torch.no_grad():
        chance = probability(predictor(molecules).double()).cpu().numpy()
        spread = None if own is None else own(molecules).double().cpu().numpy() / 2
    return chance, chance * (1 - chance) if spread is None else spread


def ranked(scores: Scores, among: Scores) -> NDArray[np.int64]:
    """Return positions from the highest score down, at equal scores from the highest of `among`."""
    return np.lexsort((-among, -scores))


def prints_of(bits: Bits) -> NDArray[np.uint8]:
    """Return packed fingerprints, shape (G, size / 8)."""
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
    """Return up to n candidates in their order, leaving out what is too similar to one before.

    Args:
        order: candidates, the best first.
        prints: packed fingerprints of all candidates, shape (G, bytes).
        n: how many to choose; fewer come back where the rest is too similar.
        max_similarity: highest Tanimoto similarity of two that are chosen; 1 allows everything.
        taken: chosen before; they are not chosen again, and count for the similarity.
        allowed: asked of a candidate before it is chosen, and of no other.
    """
    before = set(taken)
    closed = np.zeros(len(prints), dtype=np.bool_)
    for place in before:
        _close(closed, place, prints, max_similarity)
    chosen: list[int] = []
    for place in order:
        if len(chosen) == n:
            break
        if not closed[place] and allowed(place):
            chosen.append(int(place))
            _close(closed, place, prints, max_similarity)
    return chosen


def _close(
    closed: NDArray[np.bool_], place: int, prints: NDArray[np.uint8], max_similarity: float
) -> None:
    closed[place] = True
    if max_similarity < 1:
        shared, either = overlap(prints, prints[place])
        closed |= shared / np.maximum(either, 1) > max_similarity
