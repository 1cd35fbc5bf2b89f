"""The two charts of the page of hits as plain SVG, whose colours the page's style sheet sets.

They follow the reader's light or dark scheme, which charts with colours of their own cannot.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
from markupsafe import Markup
from scipy.special import logit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

    from molmeta.screening.expected_hits import Expected
    from molmeta.screening.hits import Support

WIDTH, HEIGHT = 440, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 428, 14, 178
BINS = 24
_CHANCES = (1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999)
_CLIP = 1e-6


def score_histogram(
    scores: NDArray[np.float64], support: Support, of_support: NDArray[np.float64]
) -> Markup:
    """Return a histogram of the probabilities, with the support's compounds marked below it.

    Args:
        scores: of the hits, shape (G,).
        support: the measured compounds.
        of_support: probabilities of the support's compounds, at the same prevalence, shape (S,).
    """
    hits, marks = _log_odds(scores), _log_odds(of_support)
    every = np.concatenate([hits, marks])
    # The initial values keep a minimum width where all probabilities are equal or missing.
    low, high = float(every.min(initial=-1.0)) - 0.1, float(every.max(initial=1.0)) + 0.1
    counts, edges = np.histogram(hits, BINS, (low, high))
    highest = max(int(counts.max()), 1)
    chart = _chart(f"Histogram of the probabilities of {len(scores)} hits")
    across = _scale(low, high, LEFT, RIGHT)
    for count, start, end in zip(counts, edges, edges[1:], strict=False):
        height = (BOTTOM - TOP) * int(count) / highest
        box = {"x": across(start), "y": BOTTOM - height, "width": across(end) - across(start) - 1}
        _add(chart, "rect", "bar", height=height, **box)
    _upright(chart, [0, highest], _scale(0, highest, BOTTOM, TOP), "hits")
    _level(chart, [(across(logit(p)), f"{p:g}") for p in _CHANCES if low < logit(p) < high])
    _marks(chart, [across(mark) for mark in marks], support.active)
    _text(chart, (LEFT + RIGHT) / 2, HEIGHT - 6, "probability of activity (scale of log odds)")
    return _markup(chart)


def hits_curve(expected: Sequence[Expected]) -> Markup:
    """Return expected hits against the number of compounds measured, with the interval's band.

    Args:
        expected: for growing numbers of compounds, at least one.
    """
    tops = [point.top for point in expected]
    highest = max(1, *(point.high for point in expected))
    across = _scale(0, max(tops), LEFT, RIGHT)
    up = _scale(0, highest, BOTTOM, TOP)
    last = expected[-1]
    said = f"{last.hits:.1f} ({last.low} to {last.high}) of the best {last.top}"
    chart = _chart(f"Expected hits by number of compounds measured, up to {said}")
    upper = [(across(point.top), up(point.high)) for point in expected]
    lower = [(across(point.top), up(point.low)) for point in reversed(expected)]
    _add(chart, "polygon", "band", points=_points([*upper, *lower]))
    mean = [(across(point.top), up(point.hits)) for point in expected]
    _add(chart, "polyline", "mean", points=_points(mean))
    _upright(chart, _ticks(highest), up, "hits")
    _level(chart, [(across(top), str(top)) for top in _ticks(max(tops))])
    _text(chart, (LEFT + RIGHT) / 2, BOTTOM + 36, "best compounds measured")
    chart.set("viewBox", f"0 0 {WIDTH} {BOTTOM + 44}")
    return _markup(chart)


def curve_points(n: int, tops: Sequence[int]) -> list[int]:
    """Return about 40 numbers from 1 to the greatest of `tops` that n compounds allow."""
    last = min(n, max(tops))
    spaced = np.unique(np.geomspace(1, max(last, 1), 40).round().astype(int)).tolist()
    return sorted({*spaced, *(top for top in tops if top <= last)}) if last else []


def _log_odds(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.asarray(chances, np.float64)
    return logit(np.clip(values[np.isfinite(values)], _CLIP, 1 - _CLIP))


def _chart(label: str) -> Element:
    box = f"0 0 {WIDTH} {HEIGHT}"
    return ElementTree.Element(
        "svg", {"viewBox": box, "class": "chart", "role": "img", "aria-label": label}
    )


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Return the linear map from values to coordinates of the drawing."""
    # A range of zero width, as of a single value, must not divide by zero.
    per = (end - start) / ((high - low) or 1)
    return lambda value: start + (float(value) - low) * per


def _upright(
    chart: Element, ticks: Sequence[int], up: Callable[[float], float], title: str
) -> None:
    for tick in ticks:
        _add(chart, "line", "rule", x1=LEFT, x2=RIGHT, y1=up(tick), y2=up(tick))
        _text(chart, LEFT - 6, up(tick) + 4, str(tick), anchor="end")
    _text(chart, LEFT, TOP - 4, title, anchor="start")


def _level(chart: Element, ticks: Sequence[tuple[float, str]]) -> None:
    for x, label in ticks:
        _add(chart, "line", "rule", x1=x, x2=x, y1=BOTTOM, y2=BOTTOM + 5)
        _text(chart, x, BOTTOM + 18, label)


def _marks(chart: Element, places: Sequence[float], active: Sequence[int]) -> None:
    """Mark actives in an upper row by triangles, inactives in a lower one by circles."""
    for x, label in zip(places, active, strict=False):
        if label:
            y = BOTTOM + 34
            _add(chart, "path", "active", d=f"M{x:.1f} {y - 6}l5 9h-10z")
        else:
            _add(chart, "circle", "inactive", cx=x, cy=BOTTOM + 54, r=4)


def _ticks(highest: float) -> list[int]:
    step = 10 ** math.floor(math.log10(max(highest, 1)))
    step = next(s for s in (step // 5, step // 2, step, 2 * step) if s >= 1 and highest / s <= 6)
    return list(range(0, int(highest) + 1, step))


def _add(chart: Element, tag: str, name: str, **places: float | str) -> Element:
    given = {key: v if isinstance(v, str) else f"{v:.1f}" for key, v in places.items()}
    return ElementTree.SubElement(chart, tag, {"class": name, **given})


def _text(chart: Element, x: float, y: float, text: str, *, anchor: str = "middle") -> None:
    label = _add(chart, "text", "label", x=x, y=y)
    label.set("text-anchor", anchor)
    label.text = text


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _markup(chart: Element) -> Markup:
    return Markup(ElementTree.tostring(chart, encoding="unicode"))
