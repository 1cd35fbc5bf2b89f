"""Prepares the SVG of Vega for a page: small, with unique ids, and without active content.

SVG is parsed and serialized again, so that text cannot become markup.
"""

from __future__ import annotations

import logging
import re
import resource
from functools import cache
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import vl_convert
from markupsafe import Markup

from molmeta.runtime.outputs import written

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree.ElementTree import Element

ROWS = "rows"
"""Name of the data set that `drawn` fills in."""

ADDRESS_SPACE = 70 * 1024**3
"""Bytes of addresses that V8, which runs Vega, reserves when it starts; it uses few of them."""

_log = logging.getLogger(__name__)
_VEGA_LITE = "6.4"
_UNDRAWN = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 32">\
<text x="4" y="20" font-size="12">Chart not drawn: the address space was limited.</text></svg>"""
_DECIMALS = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_REFERENCE = re.compile(r"url\(#([^)]*)\)")
_DROPPED = {"aria-hidden", "aria-roledescription", "font-family", "pointer-events", "role"}
_GEOMETRY = {"d", "transform", "x", "y", "x1", "x2", "y1", "y2", "width", "height"}


def compiled(chart: dict[str, Any]) -> dict[str, Any]:
    """Return a Vega-Lite chart as Vega, once for all charts that differ only in their rows.

    The result is empty where charts cannot be drawn.
    """
    if not _can_draw():
        return {}
    return vl_convert.vegalite_to_vega(chart, vl_version=_VEGA_LITE)


def drawn(vega: dict[str, Any], rows: list[dict[str, Any]], *, title: str, key: str) -> Markup:
    """Return a compiled chart of these rows as inline SVG that scales with its container.

    Args:
        vega: chart with a data set called `rows`; if it is empty, a note takes its place.
        rows: data of the chart.
        title: description for screen readers.
        key: prefix of all ids, so that two charts of a page do not share a clip path.
    """
    if not vega:
        return Markup(_UNDRAWN)
    data = [{**d, "values": rows} if d["name"] == ROWS else d for d in vega["data"]]
    text = vl_convert.vega_to_svg({**vega, "data": data}, allowed_base_urls=[])
    root = ElementTree.fromstring(text)
    _tidy(root, key)
    box = root.get("viewBox") or "0 0 1 1"
    root.attrib.clear()
    root.attrib.update({"viewBox": box, "class": "chart", "role": "img", "aria-label": title})
    root.set("style", f"--width:{float(box.split()[2]):.0f}px")
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def inline(chart: Any, *, title: str, key: str) -> Markup:  # noqa: ANN401 - as in `save`
    """Return an Altair chart with its data as inline SVG; see `drawn`."""
    return drawn(compiled(chart.to_dict()), [], title=title, key=key)


def save(chart: Any, path: Path) -> None:  # noqa: ANN401 - Altair's types are incomplete
    """Write an Altair chart as SVG.

    Raises:
        OutputError: the file cannot be written.
    """
    with written(path) as temporary:
        if _can_draw():
            chart.save(str(temporary), format="svg")
        else:
            temporary.write_text(_UNDRAWN, encoding="utf-8")


@cache
def _can_draw() -> bool:
    """Whether V8 can start; if it cannot, it aborts the process instead of failing."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    limited = limit != resource.RLIM_INFINITY and limit < ADDRESS_SPACE
    if limited:
        _log.warning(
            "charts are left out: they need a larger address space than 'ulimit -v %d' grants, "
            "though little memory. Without the limit, the same command draws them",
            limit // 1024,
        )
    return not limited


def _tidy(element: Element, key: str) -> None:
    # SVG inside HTML needs no namespace; ElementTree would write a prefix at every tag.
    element.tag = element.tag.rpartition("}")[2]
    element.attrib = {
        name.rpartition("}")[2]: _value(name, value, key)
        for name, value in element.attrib.items()
        if name not in _DROPPED
    }
    # A copy of the children, because removing from the list being iterated skips the next one.
    for child in list(element):
        if _invisible(child):
            element.remove(child)
        else:
            _tidy(child, key)


def _invisible(element: Element) -> bool:
    empty = element.get("d") in {"", "M0,0h0v0h0Z"}
    return empty or element.get("display") == "none" or element.get("fill") == "transparent"


def _value(name: str, value: str, key: str) -> str:
    if name == "id":
        return f"{key}-{value}"
    # Only coordinates are rounded: opacities need two decimals, and labels are text.
    if name in _GEOMETRY:
        return _DECIMALS.sub(
            lambda match: f"{float(match[0]):.1f}".removesuffix(".0").replace("-0.0", "0"), value
        )
    return _REFERENCE.sub(rf"url(#{key}-\1)", value)
