"""The charts of the report: Altair specifications that are rendered to inline SVG.

Charts are small with large labels, so that one fills a phone and two fit next to each other on a
screen. Every chart takes its rows, the title of its axis, and a title that describes it to screen
readers. Its key, unique on the page, is the prefix of its element ids.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import altair as alt

from molmeta.report import svg
from molmeta.report.wording import model_label, number, signed, span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from molmeta.report.palette import Style

Rows = list[dict[str, Any]]
_INK, _GREY, _GRID = "#1b2430", "#5b6675", "#e4e7eb"
_LEAK = "#c77d0a"
_DOTS = 60


def curves(
    rows: Rows, styles: Mapping[str, Style], *, axis: str, title: str, key: str, band: bool = True
) -> Markup:
    """Return one line for each model over support sizes; `band` draws the intervals.

    The columns of the rows are `model, support, mean, low, high`.
    """
    chart = _curves(tuple(styles.items()), axis, band=band)
    return svg.drawn(chart, [_with_tooltip(row) for row in rows], title=title, key=key)


def ranges(rows: Rows, styles: Mapping[str, Style], *, axis: str, title: str, key: str) -> Markup:
    """Return one row for each model, best first: its mean as a point, and its range as a line.

    The columns of the rows are `model, mean, low, high`.
    """
    chart = _ranges(tuple(styles.items()), axis, len(rows))
    return svg.drawn(chart, [_with_tooltip(row) for row in rows], title=title, key=key)


def waterfall(rows: Rows, *, axis: str, title: str, key: str) -> Markup:
    """Return one bar for each assay, from the largest gain to the largest loss.

    The columns of the rows are `assay, difference, clean`; clean is None without an audit.
    """
    ranked = sorted(rows, key=lambda row: -row["difference"])
    kinds = {kind: color for kind, color in _KINDS.items() if any(_kind(r) == kind for r in rows)}
    values = [
        {"rank": rank, "difference": row["difference"], "kind": _kind(row)}
        | {"tooltip": f"{row['assay']}: {signed(row['difference'])} ({_kind(row)})"}
        for rank, row in enumerate(ranked)
    ]
    bars = alt.Chart(_ROWS).mark_bar()
    bars = bars.encode(
        x=alt.X("rank:O", axis=None, scale=alt.Scale(paddingInner=0.15)),
        y=alt.Y("difference:Q", title=axis, axis=_AXIS_TICKS),
        color=alt.Color("kind:N", legend=None, scale=_domain(kinds, list(kinds.values()))),
        description="tooltip:N",
    )
    chart = _compiled(bars.properties(width=min(820, max(300, 28 * len(rows))), height=190))
    return svg.drawn(chart, values, title=title, key=key)


def calibration(rows: Rows, *, color: str, title: str, key: str) -> Markup:
    """Return observed shares of actives over predicted probabilities, next to the diagonal.

    The columns of the rows are `predicted, observed, low, high, tooltip`.
    """
    unit = alt.Scale(domain=[0, 1])
    x = alt.X("predicted:Q", title="predicted probability", scale=unit, axis=_AXIS_TICKS)
    y = alt.Y("observed:Q", title="share that is active", scale=unit, axis=_AXIS_TICKS)
    base = alt.Chart(_ROWS).encode(x=x)
    diagonal = alt.Chart(alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}])).mark_line(
        color=_GREY, strokeWidth=1, strokeDash=[4, 4], aria=False
    )
    layers = [
        diagonal.encode(x=alt.X("x:Q", scale=unit), y=alt.Y("y:Q", scale=unit)),
        base.mark_rule(color=color, strokeWidth=2, opacity=0.45, aria=False).encode(
            y=alt.Y("low:Q", scale=unit), y2="high:Q"
        ),
        base.mark_point(filled=True, opacity=1, size=46, color=color).encode(
            y=y, description="tooltip:N"
        ),
    ]
    chart = _compiled(alt.layer(*layers).properties(width=300, height=300))
    return svg.drawn(chart, rows, title=title, key=key)


def training(rows: Rows, colors: Mapping[str, str], *, axis: str, title: str, key: str) -> Markup:
    """Return one line for each seed over training steps.

    The columns of the rows are `step, seed, value`; `colors` has a color for each seed.
    """
    base = alt.Chart(_ROWS).encode(
        x=alt.X("step:Q", axis=alt.Axis(tickCount=5, tickMinStep=1, format="~s")),
        y=alt.Y("value:Q", title=axis, scale=alt.Scale(zero=False), axis=_AXIS_TICKS),
        color=alt.Color("seed:N", legend=None, scale=_domain(colors, list(colors.values()))),
    )
    layers: list[alt.Chart] = [base.mark_line(strokeWidth=1.6, aria=False)]
    if len(rows) <= _DOTS:
        layers.append(base.mark_point(filled=True, size=22, opacity=1, aria=False))
    chart = _compiled(alt.layer(*layers).properties(width=330, height=170))
    return svg.drawn(chart, rows, title=title, key=key)


@lru_cache(maxsize=64)
def _curves(styles: _Styles, axis: str, *, band: bool) -> dict[str, Any]:
    support = alt.X("support:O", title=_SUPPORT, scale=alt.Scale(padding=0.25))
    base = alt.Chart(_ROWS).encode(x=support, color=_color(styles))
    area = base.mark_area(aria=False).encode(y=_y("low", axis), y2="high:Q", opacity=_faint(styles))
    line = base.mark_line(strokeWidth=2, aria=False)
    points = base.mark_point(filled=True, opacity=1, size=46)
    layers = [
        _ZERO.encode(y=alt.Y(datum=0, axis=_AXIS_TICKS)),
        *([area] if band else []),
        line.encode(y=_y("mean", axis), strokeDash=_dash(styles)),
        points.encode(y=_y("mean", axis), shape=_shape(styles), description="tooltip:N"),
    ]
    return _compiled(alt.layer(*layers).properties(width=380, height=270))


@lru_cache(maxsize=64)
def _ranges(styles: _Styles, axis: str, n_rows: int) -> dict[str, Any]:
    order = alt.EncodingSortField("mean", order="descending")
    names = alt.Axis(labelLimit=170, ticks=False, domain=False, labelPadding=8)
    y = alt.Y("name:N", sort=order, title=None, axis=names)
    base = alt.Chart(_ROWS).encode(y=y, color=_color(styles))
    rule = base.mark_rule(strokeWidth=2, opacity=0.45, aria=False)
    points = base.mark_point(filled=True, opacity=1, size=46)
    layers = [
        _ZERO.encode(x=alt.X(datum=0, axis=_AXIS_TICKS)),
        rule.encode(x=alt.X("low:Q", title=axis, axis=_AXIS_TICKS), x2="high:Q"),
        points.encode(x="mean:Q", shape=_shape(styles), description="tooltip:N"),
    ]
    return _compiled(alt.layer(*layers).properties(width=270, height=22 * n_rows + 10))


_Styles = tuple[tuple[str, "Style"], ...]
_ROWS = alt.NamedData(name=svg.ROWS)
_ZERO = alt.Chart(alt.Data(values=[{}])).mark_rule(color="#9aa3af", strokeWidth=1, aria=False)
_SUPPORT = "support size (measured compounds)"
_AXIS_TICKS = alt.Axis(tickCount=5, grid=True, labelOverlap="greedy", labelSeparation=12)
_NOT_IN_TRAINING = "not in this run's training data"
_IN_TRAINING = "in this run's training data"
_KINDS = {_NOT_IN_TRAINING: "#1d5fb4", _IN_TRAINING: _LEAK, "not audited": "#5b6675"}
_CONFIG: dict[str, Any] = {
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {
        "labelColor": _GREY,
        "titleColor": _INK,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 9,
        "gridColor": _GRID,
        "domainColor": _GRID,
        "tickColor": _GRID,
        "labelAngle": 0,
    },
    "axisX": {"grid": False},
    "legend": {"labelFontSize": 12, "labelColor": _INK},
}


def _compiled(chart: Any) -> dict[str, Any]:  # noqa: ANN401 - any kind of chart
    return svg.compiled(chart.configure(**_CONFIG).to_dict())


def _kind(row: dict[str, Any]) -> str:
    if row["clean"] is None:
        return "not audited"
    return _NOT_IN_TRAINING if row["clean"] else _IN_TRAINING


def _with_tooltip(row: dict[str, Any]) -> dict[str, Any]:
    support = f" at {row['support']}" if "support" in row else ""
    interval = span(row["low"], row["high"])
    text = f"{model_label(row['model'])}{support}: {number(row['mean'])} {interval}".strip()
    # NaN, which is not equal to itself, is not valid JSON.
    values = {name: None if value != value else value for name, value in row.items()}
    return {**values, "name": model_label(row["model"]), "tooltip": text}


def _y(name: str, title: str) -> alt.Y:
    return alt.Y(f"{name}:Q", title=title, scale=alt.Scale(zero=False), axis=_AXIS_TICKS)


def _domain(names: Mapping[str, Any], values: Sequence[Any]) -> alt.Scale:
    return alt.Scale(domain=list(names), range=list(values))


def _color(styles: _Styles) -> alt.Color:
    scale = _domain(dict(styles), [style.color for _, style in styles])
    return alt.Color("model:N", legend=None, scale=scale)


def _faint(styles: _Styles) -> Any:  # noqa: ANN401 - a channel or a value
    if len(styles) == 1:
        # Vega draws the only value of a domain opaque, whatever its range is.
        return alt.value(0.12)
    scale = _domain(dict(styles), [0.04 if style.dash else 0.12 for _, style in styles])
    return alt.Opacity("model:N", legend=None, scale=scale)


def _shape(styles: _Styles) -> alt.Shape:
    scale = _domain(dict(styles), [style.shape for _, style in styles])
    return alt.Shape("model:N", legend=None, scale=scale)


def _dash(styles: _Styles) -> alt.StrokeDash:
    # Vega needs a dash for every line; a stroke without a gap is a full line.
    scale = _domain(dict(styles), [list(style.dash) or [1, 0] for _, style in styles])
    return alt.StrokeDash("model:N", legend=None, scale=scale)
