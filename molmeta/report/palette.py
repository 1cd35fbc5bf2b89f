"""Color, dash and shape of each model on the whole page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from molmeta.evaluation.statistics import base

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Style:
    """How a model is drawn.

    Attributes:
        color: hexadecimal color with a contrast of at least 3:1 to white.
        dash: lengths of strokes and gaps; empty for a full line.
        shape: shape of its points, a name of Vega.
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
    """Return the style of each model: colors for meta-learners, dashed greys for baselines."""
    learners = [model for model in models if base(model) not in _GREYS]
    colored = {model: _style(number) for number, model in enumerate(learners)}
    return {model: colored.get(model) or _GREYS[base(model)] for model in models}


def seed_colors(seeds: Sequence[str]) -> dict[str, str]:
    """Return a color for each training seed."""
    return {seed: _COLORS[number % len(_COLORS)] for number, seed in enumerate(seeds)}


def _style(number: int) -> Style:
    # Once all colors are used, they are repeated with longer and longer dashes.
    rounds = number // len(_COLORS)
    dash = (3 * rounds, 1) if rounds else ()
    return Style(_COLORS[number % len(_COLORS)], dash, _SHAPES[number % len(_SHAPES)])
