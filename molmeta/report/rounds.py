"""Draws the hits of a simulation by round as a picture of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from molmeta.report.palette import styles
from molmeta.runtime.outputs import written

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

LEGEND = 40
"""Pixels at the right, where a browser's font is wider than the one that was measured with."""


def draw_rounds(rows: pd.DataFrame, path: Path) -> None:
    """Write a line a policy as SVG: the share of the actives found by then, mean over replays.

    Args:
        rows: as `molmeta.campaigns.simulation.simulate` returns them.
        path: the picture.

    Raises:
        OutputError: the file cannot be written.
    """
    there = rows["n_active"] - rows["start_active"]
    shares = rows.assign(share=rows["found"] / there)
    means = shares.groupby(["policy", "round"], sort=False)["share"].mean().reset_index()
    chart: Any = _lines(means)
    with written(path) as temporary:
        chart.save(str(temporary), format="svg")


def _lines(means: pd.DataFrame) -> alt.Chart:
    looks = styles([str(name) for name in means["policy"].unique()])
    names = list(looks)
    color = alt.Scale(domain=names, range=[look.color for look in looks.values()])
    dash = alt.Scale(domain=names, range=[list(look.dash) or [1, 0] for look in looks.values()])
    data = alt.Data(values=means.to_dict("records"))
    return (
        alt.Chart(data)
        .mark_line(point=True)
        .encode(
            x=alt.X("round:Q", title="round", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("share:Q", title="share of the remaining actives found"),
            color=alt.Color("policy:N", scale=color),
            strokeDash=alt.StrokeDash("policy:N", scale=dash),
        )
        .properties(
            width=480, height=320, padding={"left": 5, "top": 5, "right": LEGEND, "bottom": 5}
        )
    )
