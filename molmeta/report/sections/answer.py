"""The conclusion, its caveats, and the charts of the whole evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from molmeta.evaluation.statistics import ALL
from molmeta.report import charts
from molmeta.report.answer import answer
from molmeta.report.evidence import records
from molmeta.report.findings import HEADLINE
from molmeta.report.sections.base import Inputs, Section

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup


def build(inputs: Inputs) -> dict[str, Any]:
    """Return the conclusion and its charts."""
    metrics = inputs.evidence.metrics
    return {
        "answer": answer(inputs.findings, inputs.evidence),
        "n_assays": metrics["assay"].nunique(),
        "seeds": sorted(int(seed) for seed in metrics["seed"].unique()),
        "curves": _curves(inputs),
        "gains": _gains(inputs),
    }


def _curves(inputs: Inputs) -> Markup:
    return charts.curves(
        _points(inputs.findings.summary, "mean"),
        inputs.styles,
        axis="mean ΔAUPRC (0 is chance)",
        title="Mean ΔAUPRC of every model by support size, with 95 % intervals",
        key="means",
    )


def _gains(inputs: Inputs) -> Markup | None:
    paired = inputs.findings.paired
    paired = paired[paired["baseline"].eq(inputs.findings.similarity)]
    if paired.empty:
        return None
    return charts.curves(
        _points(paired, "difference"),
        inputs.styles,
        axis="difference to similarity search",
        title="Paired difference of every model to similarity search, with 95 % intervals",
        key="gains",
    )


def _points(table: pd.DataFrame, column: str) -> list[dict[str, Any]]:
    rows = table[table["scope"].eq(ALL) & table["metric"].eq(HEADLINE)].dropna(subset=[column])
    rows = rows[["model", "support", column, "low", "high"]].rename(columns={column: "mean"})
    return records(rows)


SECTION = Section("Answer", 10, build)
