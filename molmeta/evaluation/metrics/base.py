"""Metric registry: what a metric is, and the decorator that turns a function into one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from molmeta.errors import ConfigError, EpisodeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Function = Callable[..., float]

Kind = Literal["ranking", "probability", "value"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What a metric judges: the order of compounds, predicted probabilities, or predicted values."""


@dataclass(frozen=True)
class Metric:
    """A metric, how to compute it, and how the report shows it.

    Attributes:
        name: name of its function and of its column in the metrics table.
        kind: what it judges, one of `KINDS`.
        label: short name in the report.
        meaning: explanation for a chemist, one or more sentences.
        function: `f(labels, scores)` for rankings, `f(labels, logits)` for probabilities,
            `f(values, predicted, reference)` for values.
        digits: decimals in tables.
        higher_is_better: whether the best value is the highest one.
    """

    name: str
    kind: Kind
    label: str
    meaning: str
    function: Function
    digits: int = 3
    higher_is_better: bool = True


REGISTERED: dict[str, Metric] = {}


def metric(
    kind: Kind, label: str, meaning: str, *, digits: int = 3, higher_is_better: bool = True
) -> Callable[[Function], Function]:
    """Register a function as the metric of its own name.

    The function receives float64 arrays that have been checked, and returns a float.

    Raises:
        ConfigError: another metric has this name.
    """

    def register(function: Function) -> Function:
        name = function.__name__
        if name in REGISTERED:
            raise ConfigError(
                f"metrics: '{name}' is registered twice; got two functions, expected one for each "
                "name. Rename one of them."
            )

        @wraps(function)
        def checked(truth: ArrayLike, predicted: ArrayLike, *others: float) -> float:
            y, x = _floats(truth), _floats(predicted)
            _CHECKS[kind](y, x)
            return float(function(y, x, *others))

        REGISTERED[name] = Metric(name, kind, label, meaning, checked, digits, higher_is_better)
        return checked

    return register


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _check_ranking(labels: Floats, scores: Floats) -> None:
    if labels.shape != scores.shape:
        raise EpisodeError(
            f"query: labels and scores differ in shape; got {labels.shape} and {scores.shape}, "
            "expected one score for each molecule. Pass both for the same molecules."
        )
    if not np.isfinite(scores).all():
        raise EpisodeError(
            f"query: scores are not finite; got {int((~np.isfinite(scores)).sum())} NaN or "
            f"infinite values among {len(scores)}, expected numbers. Train the learner again with "
            "a lower learning rate."
        )
    n_active = int((labels > 0.5).sum())
    if not 0 < n_active < len(labels):
        raise EpisodeError(
            f"query: one class only; got {n_active} active of {len(labels)} molecules, expected "
            "at least one active and one inactive. Use a smaller support size."
        )


def _check_values(values: Floats, predicted: Floats) -> None:
    comparable = values.shape == predicted.shape and np.isfinite(values + predicted).all()
    if not comparable or values.size == 0:
        raise EpisodeError(
            f"query: values cannot be compared; got {int(np.isfinite(predicted).sum())} finite "
            f"predictions of shape {predicted.shape} and {int(np.isfinite(values).sum())} finite "
            f"values of shape {values.shape}, expected one of each for every molecule. Remove "
            "molecules without a value."
        )


def _check_nothing(labels: Floats, logits: Floats) -> None:
    """Probabilities can be judged on one class, and the ranking metrics check the logits."""


_CHECKS: dict[Kind, Callable[[Any, Any], None]] = {
    "ranking": _check_ranking,
    "probability": _check_nothing,
    "value": _check_values,
}
