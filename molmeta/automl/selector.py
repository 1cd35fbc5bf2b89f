"""The selector: which scores to expect of each candidate, learned from earlier assays."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from molmeta.automl.candidates import CandidateModel
from molmeta.automl.describe import FEATURES, TYPICAL
from molmeta.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from molmeta.learners.base import Target

FORMAT = 1
PATH = Path(__file__).with_name("selector.json")
TYPICAL_QUERY = 100
"""Further compounds for which a score is predicted where their number is not known."""
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
class Spread:
    """Quantiles of the error of predicted scores, by support size.

    The variance of a realised score is that between assays, plus `sampling` over the number of
    compounds on which it is realised.

    Attributes:
        sizes: support sizes, ascending, shape (N,).
        between: standard deviation between assays, shape (N,).
        sampling: variance for a single compound.
        low, high: quantiles of errors divided by their standard deviation, shape (N,).
    """

    sizes: NDArray[np.float64]
    between: NDArray[np.float64]
    sampling: float
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def interval(self, value: float, size: float, n_query: int) -> tuple[float, float]:
        """Return the ends of the interval around a predicted score."""
        at: NDArray[np.float64] = np.log(self.sizes)
        log_size = math.log(size)
        columns = (self.between, self.low, self.high)
        between, low, high = (float(np.interp(log_size, at, column)) for column in columns)
        deviation = float(np.sqrt(between**2 + self.sampling / n_query))
        return value + low * deviation, value + high * deviation


@dataclass(frozen=True)
class Selector:
    """What earlier assays say about each candidate.

    Attributes:
        candidates: the first one is the reference, chosen unless another is expected to be better.
        advantages: lead of each candidate's score over that of the reference. Its held-out score is
            a difference, too.
        levels: score of each candidate, by measure.
        spreads: errors of `levels`, by candidate and measure.
        margin: predicted advantage from which another candidate replaces the reference.
        trust: smallest predicted score at which a ranking is trusted.
        median: median score of the reference on the assays that the selector learned from.
        n_assays: their number.
    """

    candidates: tuple[CandidateModel, ...]
    advantages: Mapping[str, LinearModel]
    levels: Mapping[str, Mapping[str, LinearModel]]
    spreads: Mapping[str, Mapping[str, Spread]]
    margin: float
    trust: float
    median: float
    n_assays: int

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
        reference = self.candidates[0].name
        if name == reference:
            return 0.0
        both = name in scores and reference in scores
        return self.advantages[name](features, scores[name] - scores[reference] if both else None)

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
            is_reference = candidate.name == self.candidates[0].name
            return self.margin if is_reference else self.advantage(candidate.name, features, scores)

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
        value = float(np.clip(self.levels[name][measure](features, score), lowest, highest))
        size = TYPICAL * 2 ** features["size"]
        low, high = self.spreads[name][measure].interval(value, size, n_query)
        return ExpectedScore(value, max(low, lowest), min(high, highest))


def inputs(features: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the features, their products with the size, and 1, for a linear prediction."""
    size = _measured_size(features)
    others = [features[name] for name in FEATURES if name != "size"]
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
            name: {measure: _spread(spread) for measure, spread in entry["spreads"].items()}
            for name, entry in entries.items()
        },
        margin=content["margin"],
        trust=content["trust"],
        median=content["median"],
        n_assays=content["n_assays"],
    )


def _line(entry: Mapping[str, list[float]]) -> LinearModel:
    return LinearModel(np.array(entry["weights"]), np.array(entry["held_out"]))


def _spread(entry: Mapping[str, Any]) -> Spread:
    arrays = {name: np.array(entry[name]) for name in ("sizes", "between", "low", "high")}
    return Spread(**arrays, sampling=float(entry["sampling"]))
