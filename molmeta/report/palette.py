"""One look per model over the whole page: colour, dash and shape, so that none stands alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Style:
    """How a model is drawn.

    Attributes:
        color: at least 3:1 against white.
        dash: lengths of strokes and gaps; none for a full line.
        shape: of its points, a name of Vega's.
    """

    color: str
    dash: tuple[int, ...]
    shape: str


_COLORS = (
    *("#1d5fb4", "#c2460b", "#0d7f70", "#9c2f8f", "#8a6900", "#6246c9"),
    *("#b3213a", "#3d7a1f", "#0a7a9c", "#7b4a2c"),
)
_SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
_GREYS = {
    "similarity": Style("#171c24", (5, 3), "circle"),
    "tanimoto_gp": Style("#4b5563", (2, 2), "square"),
    "logistic_regression": Style("#6b7685", (7, 2, 2, 2), "triangle-up"),
    "random_forest": Style("#858f9d", (1, 3), "diamond"),
}


def styles(models: Sequence[str]) -> dict[str, Style]:
    """Return the look of each model: colours for meta-learners, dashed greys for baselines."""
    learners = [model for model in models if model not in _GREYS]
    found = {model: _color(place) for place, model in enumerate(learners)}
    return {model: found.get(model) or _GREYS[model] for model in models}


def seed_colors(seeds: Sequence[str]) -> dict[str, str]:
    """Return a colour a seed, for the charts of training."""
    return {seed: _COLORS[place % len(_COLORS)] for place, seed in enumerate(seeds)}


def _color(place: int) -> Style:
    again = place // len(_COLORS)
    dash = () if not again else (3 * again, 1)
    return Style(_COLORS[place % len(_COLORS)], dash, _SHAPES[place % len(_SHAPES)])
