"""Whether to rely on the order of analogues, and how many measurements would help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from molmeta.automl.describe import log_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from molmeta.automl.selector import ExpectedScore, Selector

LARGEST = 256
"""Support size up to which scores were measured."""
ONE_CLASS = (
    "All measured compounds are active, so nothing can be said about the order of analogues. "
    "Measure inactive ones too."
)


@dataclass(frozen=True)
class Advice:
    """What to make of the expected scores, which are those of analogues of the support.

    Attributes:
        trusted: whether the order of analogues is worth following.
        text: one or more sentences, "" where there is nothing to say.
        further: number of further measured compounds from which it is expected to be worth
            following; None if it is already, or if no number up to 256 suffices.
    """

    trusted: bool = True
    text: str = ""
    further: int | None = None


def advised(
    selector: Selector,
    name: str,
    features: Mapping[str, float],
    expected: Mapping[str, Mapping[str, ExpectedScore]],
    n_support: int,
) -> Advice:
    """Judge the expected score of the chosen candidate.

    The order of analogues is not trusted if its score is predicted to be among those of which, on
    the assays that the selector learned from, a clear majority was below the median.
    """
    if name not in expected:
        return Advice(trusted=False, text=ONE_CLASS)
    if expected[name][selector.measure].value >= selector.trust:
        return Advice()
    further = _further(selector, name, features, n_support)
    if further is None:
        more = f"Even {LARGEST} measured compounds are not expected to change that."
    else:
        more = f"About {further} more measured compounds are expected to change that."
    text = f"{_in_words(expected[name])} On most earlier assays the order was better. {more}"
    return Advice(trusted=False, text=text, further=further)


def _in_words(scores: Mapping[str, ExpectedScore]) -> str:
    if "auroc" in scores:
        value, low, high = scores["auroc"]
        return (
            f"Of an active and an inactive analogue, the active one is expected to come first in "
            f"{100 * value:.0f} % of cases (80 % interval {100 * low:.0f} to {100 * high:.0f} %; "
            "by chance 50 %)."
        )
    value, low, high = next(iter(scores.values()))
    return (
        f"The predictions are expected to explain {100 * max(value, 0):.0f} % of the variance of "
        f"the values of analogues (80 % interval {100 * max(low, 0):.0f} to "
        f"{100 * max(high, 0):.0f} %)."
    )


def _further(
    selector: Selector, name: str, features: Mapping[str, float], n_support: int
) -> int | None:
    """Return how many further compounds raise the expected score to what is trusted."""
    line = selector.levels[name][selector.measure]
    size = n_support
    while size < LARGEST:
        size = min(2 * size, LARGEST)
        larger = {**features, "size": log_size(size)}
        # Both without held-out scores, which a larger support does not have yet.
        if line(larger, None) >= selector.trust:
            return size - n_support
    return None
