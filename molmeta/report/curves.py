"""Curves of one run as SVG files: training by step, and the hits of a campaign by round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from molmeta.report.palette import styles
from molmeta.report.svg import save

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

SHOWN = 500
"""Largest number of points of a line; longer runs are thinned out."""
LEGEND = 40
"""Extra pixels at the right, because a browser's font may be wider than the font of Vega."""


def draw_curve(log: pd.DataFrame, path: Path) -> None:
    """Write training loss and validation ΔAUPRC by step as SVG.

    Args:
        log: log that `molmeta.training.loop.train` returns.
        path: SVG file to write.

    Raises:
        OutputError: the file cannot be written.
    """
    loss = _line(log, "loss", "training loss")
    valid = _line(log.dropna(subset=["valid"]), "valid", "validation ΔAUPRC").mark_line(point=True)
    save(alt.hconcat(loss, valid), path)


def _line(rows: pd.DataFrame, column: str, title: str) -> alt.Chart:
    # The stride is rounded up; rounded down, nearly twice as many points would be drawn.
    shown = rows.iloc[:: max(1, -(-len(rows) // SHOWN))]
    data = alt.Data(values=shown[["step", column]].to_dict("records"))
    y = alt.Y(f"{column}:Q", title=title, scale=alt.Scale(zero=False))
    return alt.Chart(data).mark_line().encode(x=alt.X("step:Q"), y=y).properties(width=320)


def draw_rounds(rows: pd.DataFrame, path: Path) -> None:
    """Write the share of actives found by round and policy, mean over replays, as SVG.

    Args:
        rows: table that `molmeta.campaigns.simulation.simulate` returns.
        path: SVG file to write.

    Raises:
        OutputError: the file cannot be written.
    """
    remaining = rows["n_active"] - rows["start_active"]
    shares = rows.assign(share=rows["found"] / remaining)
    means = shares.groupby(["policy", "round"], sort=False)["share"].mean().reset_index()
    save(_lines(means), path)


def _lines(means: pd.DataFrame) -> alt.Chart:
    style_of = styles([str(name) for name in means["policy"].unique()])
    names = list(style_of)
    color = alt.Scale(domain=names, range=[style.color for style in style_of.values()])
    dash = alt.Scale(
        domain=names, range=[list(style.dash) or [1, 0] for style in style_of.values()]
    )
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
