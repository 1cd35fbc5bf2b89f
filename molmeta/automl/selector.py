"""The selector: which scores to expect of each candidate, learned from earlier assays."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from molmeta.automl.candidates import CandidateModel
from molmeta.automl.describe import TYPICAL
from molmeta.automl.spread import SIZES, Spread
from molmeta.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from molmeta.learners.base import Target

FORMAT = 2
PATH = Path(__file__).with_name("selector.json")
TYPICAL_QUERY = 100
"""Further compounds for which a score is predicted where their number is not known."""
INPUTS = ("known", "records", "nearest", "contrast", "imbalance")
"""Features, besides the size, from which scores are predicted. Almost all earlier assays have
values, so nothing can be learned from their share."""
LEVEL = 0.8
LIMITS = {"auroc": (0.0, 1.0), "delta_auprc": (-1.0, 1.0), "hits": (0.0, 10.0), "r2": (-9.0, 1.0)}


class ExpectedScore(NamedTuple):
    """A predicted score with its 80 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LinearModel:
    """A linear prediction from the features of a support, and from a held-out score.

    Attributes:
        weights: of `inputs` without a held-out score.
        held_out: of `inputs` and `held_out_inputs`, where there is one.
    """

    weights: NDArray[np.float64]
    held_out: NDArray[np.float64]

    def __call__(self, features: Mapping[str, float], score: float | None) -> float:
        if score is None or not len(self.held_out):
            return float(inputs(features) @ self.weights)
        return float(np.append(inputs(features), held_out_inputs(features, score)) @ self.held_out)


@dataclass(frozen=True)
class Selector:
    """What earlier assays say about each candidate.

    Attributes:
        candidates: the first one is the reference, chosen unless another is expected to be better.
        advantages: how far each candidate's score lies above that of the reference; the held-out
            score is the difference too.
        levels: score of each candidate, by measure.
        spreads: errors of `levels`, by candidate and measure.
        margin: predicted advantage from which another candidate replaces the reference.
        trust: predicted score below which half of the assays, or more, score below the median.
        n_assays: number of assays that the selector learned from.
        usual: share of the episodes of these assays in which the reference was chosen.
        gaps: largest difference of a candidate's held-out score from that of the reference on any
            of these assays, by support size, shape (N,).
        ranges: lowest and highest value of each feature on these assays, with few exceptions.
        labels_only: candidate that is the same as the reference for a support without values.
        unmeasured: candidates that borrow what is known of another.
    """

    candidates: tuple[CandidateModel, ...]
    advantages: Mapping[str, LinearModel]
    levels: Mapping[str, Mapping[str, LinearModel]]
    spreads: Mapping[str, Mapping[str, Spread]]
    margin: float
    trust: float
    n_assays: int
    usual: float
    gaps: Mapping[str, NDArray[np.float64]]
    ranges: Mapping[str, tuple[float, float]]
    labels_only: str = ""
    unmeasured: frozenset[str] = frozenset()

    @property
    def reference(self) -> str:
        """Name of the candidate that is chosen unless another is expected to be better."""
        return self.candidates[0].name

    @property
    def measure(self) -> str:
        """The score by which candidates are compared."""
        return next(iter(self.levels[self.candidates[0].name]))

    def advantage(
        self, name: str, features: Mapping[str, float], scores: Mapping[str, float]
    ) -> float:
        """Return the predicted score of a candidate minus that of the reference.

        Args:
            name: of the candidate.
            features: of the support.
            scores: held-out score by candidate; those that are missing are predicted without one.
        """
        if name == self.reference:
            return 0.0
        both = name in scores and self.reference in scores
        gap = scores[name] - scores[self.reference] if both else None
        return self.advantages[name](features, gap)

    def within(self, features: Mapping[str, float]) -> dict[str, float]:
        """Return the features moved into the range of earlier assays.

        Outside of what was measured, the nearest of it is a better guess than a line.
        """
        moved = {name: float(np.clip(features[name], *ends)) for name, ends in self.ranges.items()}
        return {**features, **moved}

    def without_values(self) -> Selector:
        """Return the selector for a support without values, for which labels are all there is."""
        twin = self.labels_only
        if not twin:
            return self
        return replace(
            self,
            candidates=tuple(c for c in self.candidates if c.name != twin),
            levels={**self.levels, self.reference: self.levels[twin]},
            spreads={**self.spreads, self.reference: self.spreads[twin]},
        )

    def may_win(self, name: str, features: Mapping[str, float]) -> bool:
        """Whether a held-out score that is as good as any seen so far would make it the choice."""
        if name == self.reference or name in self.unmeasured:
            return True
        sizes, size = np.log(SIZES), math.log(TYPICAL * 2 ** features["size"])
        gap = float(np.interp(size, sizes, self.gaps[name]))
        advantage = self.advantages[name]
        return max(advantage(features, None), advantage(features, gap)) > self.margin

    def borrowing(self, likes: Mapping[str, str]) -> Selector:
        """Return the selector with further candidates of one member each.

        Args:
            likes: name of the measured candidate whose scores on earlier assays stand for those of
                a further one, by the name of that one.
        """
        further = tuple(CandidateModel(name, {name: 1.0}) for name in likes)
        return replace(
            self,
            candidates=(*self.candidates, *further),
            advantages={**self.advantages, **{n: self.advantages[x] for n, x in likes.items()}},
            levels={**self.levels, **{n: self.levels[x] for n, x in likes.items()}},
            spreads={**self.spreads, **{n: self.spreads[x] for n, x in likes.items()}},
            unmeasured=self.unmeasured | set(likes),
        )

    def rank(
        self,
        candidates: Sequence[CandidateModel],
        features: Mapping[str, float],
        scores: Mapping[str, float],
    ) -> list[CandidateModel]:
        """Return candidates by predicted score, highest first.

        The reference comes first unless another candidate is ahead of it by `margin`.
        """

        def key(candidate: CandidateModel) -> float:
            if candidate.name == self.reference:
                return self.margin
            return self.advantage(candidate.name, features, scores)

        return sorted(candidates, key=key, reverse=True)

    def expected(
        self,
        name: str,
        measure: str,
        features: Mapping[str, float],
        score: float | None,
        n_query: int = TYPICAL_QUERY,
    ) -> ExpectedScore:
        """Return the predicted score of a candidate with its interval.

        Args:
            name: of the candidate.
            measure: what to predict.
            features: of the support.
            score: its held-out score; None predicts without one.
            n_query: number of compounds on which the score is realised.
        """
        lowest, highest = LIMITS[measure]
        level = self.levels[name][measure](features, score) + by_chance(measure, features)
        value = float(np.clip(level, lowest, highest))
        size = TYPICAL * 2 ** features["size"]
        low, high = self.spreads[name][measure].interval(value, size, n_query)
        return ExpectedScore(value, max(low, lowest), min(high, highest))


def by_chance(measure: str, features: Mapping[str, float]) -> float:
    """Return the score of a random order to which the predicted one is added.

    Hits grow with the share of actives, whichever the model is; the other scores do not.
    """
    return 10 * features["share"] if measure == "hits" else 0.0


def inputs(features: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the features, their products with the size, and 1, for a linear prediction."""
    size = _measured_size(features)
    others = [features[name] for name in INPUTS]
    products = [size * features[name] for name in ("known", "nearest", "contrast")]
    return np.array([1.0, size, size**2, *others, *products])


def held_out_inputs(features: Mapping[str, float], score: float) -> NDArray[np.float64]:
    """Return a held-out score and its product with the size."""
    return np.array([score, score * _measured_size(features)])


def _measured_size(features: Mapping[str, float]) -> float:
    # Outside of the sizes that were measured, the nearest of them is a better guess than a line.
    return float(np.clip(features["size"], -2, 2))


@cache
def load_selector(target: Target = "activity", path: Path = PATH) -> Selector:
    """Return the selector that ships with the package.

    Raises:
        ModelError: the file is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}")  # noqa: TRY301 - one place for all
        return selector_of(content[target])
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{path}: the selector cannot be read; got '{error}', expected the file of this "
            "release. Install molmeta again."
        ) from error


def selector_of(content: Mapping[str, Any]) -> Selector:
    """Return the selector in a section of the file, as `content_of` writes it."""
    entries: dict[str, dict[str, Any]] = content["candidates"]
    return Selector(
        candidates=tuple(CandidateModel(name, entry["weights"]) for name, entry in entries.items()),
        advantages={name: _line(entry["advantage"]) for name, entry in entries.items()},
        levels={
            name: {measure: _line(line) for measure, line in entry["levels"].items()}
            for name, entry in entries.items()
        },
        spreads={
            name: {measure: Spread(**spread) for measure, spread in entry["spreads"].items()}
            for name, entry in entries.items()
        },
        margin=content["margin"],
        trust=content["trust"],
        n_assays=content["n_assays"],
        usual=content["usual"],
        ranges={name: tuple(ends) for name, ends in content["ranges"].items()},
        labels_only=content["labels_only"],
        gaps={name: np.array(entry["gap"]) for name, entry in entries.items()},
    )


def _line(entry: Mapping[str, list[float]]) -> LinearModel:
    return LinearModel(np.array(entry["weights"]), np.array(entry["held_out"]))
