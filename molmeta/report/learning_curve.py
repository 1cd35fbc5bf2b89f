"""Learning curve of one training run, as an SVG file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from molmeta.report.svg import save

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

SHOWN = 500
"""Largest number of points of a line; longer runs are thinned out."""


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
