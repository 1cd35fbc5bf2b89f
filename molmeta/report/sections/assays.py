"""The table of all assays with their details, and the gain on each assay as a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from molmeta.evaluation import metrics
from molmeta.report import charts
from molmeta.report.assay_rows import RANKING, AssayRow, assay_rows
from molmeta.report.findings import HEADLINE, Findings
from molmeta.report.sections.base import Inputs, Section
from molmeta.report.wording import model_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup


def build(inputs: Inputs) -> dict[str, Any]:
    """Return the rows of the table and the chart."""
    findings = inputs.findings
    rows = assay_rows(inputs.evidence, findings, inputs.styles)
    learner = findings.best(findings.support, findings.learners or findings.models) or ""
    return {
        "assays": rows,
        "ranking_labels": [metrics.get(name).label for name in RANKING],
        "gains": _gains(findings, rows, learner),
        "gain_of": learner,
        "audited": inputs.evidence.audit is not None,
        "column": findings.supports.index(findings.support),
    }


def _gains(findings: Findings, assays: Sequence[AssayRow], learner: str) -> Markup | None:
    scores = findings.scores[findings.scores["support"].eq(findings.support)]
    by_model = scores.pivot_table(index="assay", columns="model", values=HEADLINE)
    search = findings.similarity
    if learner == search or not {learner, search} <= set(by_model.columns):
        return None
    gains = (by_model[learner] - by_model[search]).dropna()
    clean = {assay.name: assay.facts.clean for assay in assays}
    rows = [
        {"assay": str(name), "difference": float(gain), "clean": clean.get(str(name))}
        for name, gain in gains.items()
    ]
    return charts.waterfall(
        rows,
        axis="gain over similarity search",
        title=f"Difference of {model_label(learner)} to similarity search on every assay",
        key="assays",
    )


SECTION = Section("Assays", 30, build)
