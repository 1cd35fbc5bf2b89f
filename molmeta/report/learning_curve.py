"""Draws the learning curve of one training run as a picture of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from molmeta.runtime.outputs import written

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

SHOWN = 500
"""Points of a line at most; of longer runs, every so many."""


def draw_curve(log: pd.DataFrame, path: Path) -> None:
    """Write the loss of the steps and the delta-AUPRC of the validations as SVG.

    Args:
        log: as `molmeta.training.loop.train` returns it.
        path: the picture.

    Raises:
        OutputError: the file cannot be written.
    """
    loss = _line(log, "loss", "training loss")
    valid = _line(log.dropna(subset=["valid"]), "valid", "validation ΔAUPRC").mark_line(point=True)
    whole: Any = alt.hconcat(loss, valid)
    with written(path) as temporary:
        whole.save(str(temporary), format="svg")


def _line(rows: pd.DataFrame, column: str, title: str) -> alt.Chart:
    shown = rows.iloc[:: max(1, -(-len(rows) // SHOWN))]
    data = alt.Data(values=shown[["step", column]].to_dict("records"))
    y = alt.Y(f"{column}:Q", title=title, scale=alt.Scale(zero=False))
    return alt.Chart(data).mark_line().encode(x=alt.X("step:Q"), y=y).properties(width=320)
