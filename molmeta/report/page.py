"""Puts the page together and writes it with its tables; computes no number itself."""

from __future__ import annotations

import base64
import hashlib
import logging
import math
from typing import TYPE_CHECKING

from markupsafe import Markup

from molmeta.evaluation import metrics
from molmeta.report import provenance, wording
from molmeta.report.answer import answer
from molmeta.report.assay_section import assay_rows
from molmeta.report.dropped_section import losses
from molmeta.report.evidence import read
from molmeta.report.figures import figures
from molmeta.report.findings import find
from molmeta.report.palette import styles
from molmeta.report.score_tables import comparisons, summaries
from molmeta.report.templating import asset, environment
from molmeta.runtime.outputs import written

if TYPE_CHECKING:
    from pathlib import Path

    import jinja2
    import pandas as pd

    from molmeta.report.evidence import Evidence, Sources
    from molmeta.report.findings import Difference, Findings

_log = logging.getLogger(__name__)


def report(sources: Sources, output: Path, *, seed: int = 0) -> None:
    """Write the page, and beside it a folder of the same stem with its tables as CSV.

    `results/report.html` brings `results/report/summary.csv` (mean and interval by model, support,
    metric and scope), `paired.csv` (differences to each baseline) and `assays.csv` (scores of
    every model on every assay).

    Args:
        sources: the files that the page is made from.
        output: the HTML file.
        seed: of the bootstrap.

    Raises:
        TableError: a source cannot be read, or no episode was drawn.
        OutputError: the page or a table cannot be written.
    """
    evidence = read(sources)
    findings = find(evidence, seed=seed)
    _write_tables(findings, output.with_suffix(""))
    page = _render(evidence, findings)
    with written(output) as temporary:
        temporary.write_text(page, encoding="utf-8")
    _log.info(
        "%s: %d assays, %.1f MB", output, len(evidence.metrics["assay"].unique()), len(page) / 1e6
    )


def _write_tables(findings: Findings, folder: Path) -> None:
    leading = ["scope", "model"]
    tables = {
        "summary": _leading(findings.summary, leading),
        "paired": _leading(findings.paired, [*leading, "baseline"]),
        "assays": findings.scores,
    }
    for name, table in tables.items():
        with written(folder / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")


def _leading(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return table[[*names, *(name for name in table.columns if name not in names)]]


def _render(evidence: Evidence, findings: Findings) -> str:
    looks = styles(findings.models)
    assays = assay_rows(evidence, findings, looks)
    means = summaries(findings)
    script = asset("page.js")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            answer=answer(findings, evidence),
            assays=assays,
            comparisons=comparisons(findings),
            evidence=evidence,
            figures=figures(findings, assays, looks),
            findings=findings,
            losses=losses(evidence),
            measures={name: metrics.get(name) for name in metrics.names()},
            place=findings.supports.index(findings.support),
            metrics=tuple(dict.fromkeys(view.choice for view in means)),
            scope_labels=wording.SCOPES,
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            speeds=provenance.speeds(evidence),
            steps=provenance.steps(evidence.benchmarks),
            style=Markup(asset("style.css")),
            styles=looks,
            summaries=means,
            terms=wording.TERMS,
            trainings=provenance.trainings(evidence.logs),
            versions=provenance.versions(),
        )
    )


def _environment() -> jinja2.Environment:
    pages = environment()
    pages.filters.update(
        interval=_interval,
        label=wording.model_label,
        number=wording.number,
        scores=_scores,
        share=wording.share,
        signed=wording.signed,
    )
    return pages


def _interval(found: Difference) -> str:
    return wording.span(found.low, found.high)


def _scores(values: list[float]) -> str:
    return ",".join("" if math.isnan(value) else f"{value:.4f}" for value in values)
