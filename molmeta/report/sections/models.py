"""Tables of every metric, and paired comparisons with every baseline."""

from __future__ import annotations

from typing import Any

from molmeta.evaluation import metrics
from molmeta.report import charts
from molmeta.report.calibration import calibration
from molmeta.report.score_tables import comparisons, summaries
from molmeta.report.sections.base import Inputs, Section
from molmeta.report.wording import model_label


def build(inputs: Inputs) -> dict[str, Any]:
    """Return the tables of means and of paired differences, and the calibration of one model."""
    tables = summaries(inputs.findings)
    names = dict.fromkeys(table.choice for table in tables)
    return {
        "metrics": {name: metrics.get(name) for name in names},
        "summaries": tables,
        "comparisons": comparisons(inputs.findings),
        "calibration": _calibration(inputs),
    }


def _calibration(inputs: Inputs) -> dict[str, Any] | None:
    table = calibration(inputs.evidence)
    if table is None:
        return None
    style = inputs.styles.get(table["model"])
    title = f"Share of actives against probabilities predicted by {model_label(table['model'])}"
    color = style.color if style else "#1d5fb4"
    chart = charts.calibration(table["rows"], color=color, title=title, key="calibration")
    return {**table, "chart": chart}


SECTION = Section("Models", 20, build)
