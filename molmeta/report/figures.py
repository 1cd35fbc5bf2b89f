"""Chooses what the charts of the whole evaluation show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from molmeta.evaluation.statistics import ALL
from molmeta.report import charts
from molmeta.report.answer import SIMILARITY
from molmeta.report.evidence import records
from molmeta.report.findings import HEADLINE
from molmeta.report.wording import model_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from markupsafe import Markup

    from molmeta.report.assay_section import AssayRow
    from molmeta.report.findings import Findings
    from molmeta.report.palette import Style


@dataclass(frozen=True)
class Figures:
    """The charts of the whole evaluation.

    Attributes:
        curves: mean score of every model over support sizes.
        gains: paired difference of every model to similarity search.
        assays: difference of the best meta-learner to similarity search on every assay.
        gain_of: that meta-learner.
    """

    curves: Markup
    gains: Markup | None
    assays: Markup | None
    gain_of: str


def figures(findings: Findings, assays: Sequence[AssayRow], looks: Mapping[str, Style]) -> Figures:
    """Return the charts of the whole evaluation."""
    learner = findings.best(findings.support, findings.learners or findings.models) or ""
    return Figures(
        curves=charts.curves(
            _points(findings.summary, "mean"),
            looks,
            axis="mean ΔAUPRC (0 is chance)",
            title="Mean ΔAUPRC of every model by support size, with 95 % intervals",
            key="means",
        ),
        gains=_gains(findings, looks),
        assays=_waterfall(findings, assays, learner),
        gain_of=learner,
    )


def _points(table: pd.DataFrame, column: str) -> list[dict[str, Any]]:
    rows = table[table["scope"].eq(ALL) & table["metric"].eq(HEADLINE)].dropna(subset=[column])
    rows = rows[["model", "support", column, "low", "high"]].rename(columns={column: "mean"})
    return records(rows)


def _gains(findings: Findings, looks: Mapping[str, Style]) -> Markup | None:
    paired = findings.paired[findings.paired["baseline"].eq(SIMILARITY)]
    if paired.empty:
        return None
    return charts.curves(
        _points(paired, "difference"),
        looks,
        axis="difference to similarity search",
        title="Paired difference of every model to similarity search, with 95 % intervals",
        key="gains",
    )


def _waterfall(findings: Findings, assays: Sequence[AssayRow], learner: str) -> Markup | None:
    scores = findings.scores[findings.scores["support"].eq(findings.support)]
    wide = scores.pivot_table(index="assay", columns="model", values=HEADLINE)
    if learner == SIMILARITY or not {learner, SIMILARITY} <= set(wide.columns):
        return None
    gains = (wide[learner] - wide[SIMILARITY]).dropna()
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
