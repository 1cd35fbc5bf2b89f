"""Whether to trust the ranking of a chosen model, and how many measurements would help."""

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
    "The support has one class only, so no score can be predicted. Measure compounds of the other "
    "class too."
)


@dataclass(frozen=True)
class Advice:
    """What to make of the expected scores.

    Attributes:
        trusted: whether the ranking is worth following.
        text: one or more sentences, "" where there is nothing to say.
        further: number of further measured compounds from which the ranking is expected to be
            worth following; None if it is already, or if no number up to 256 suffices.
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

    A ranking is not trusted if its predicted score is below `selector.trust`. On earlier assays, a
    clear majority of rankings with this prediction scored below the median.
    """
    if name not in expected:
        return Advice(trusted=False, text=ONE_CLASS)
    score = expected[name][selector.measure]
    if score.value >= selector.trust:
        return Advice()
    further = _further(selector, name, features, n_support)
    if further is None:
        more = f"Even {LARGEST} measured compounds are not expected to change that."
    else:
        more = f"About {further} more measured compounds are expected to change that."
    text = (
        f"No candidate is expected to rank this assay well: the best one is expected to score "
        f"{score.value:.2f} (80 % interval {score.low:.2f} to {score.high:.2f}). The median of "
        f"earlier assays is {selector.median:.2f}, and 0 is chance. {more}"
    )
    return Advice(trusted=False, text=text, further=further)


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
