"""The report: one HTML page that contains everything it needs, and its tables as CSV files."""

from __future__ import annotations

import logging
import math
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from molmeta.report import sections as section_package
from molmeta.report import wording
from molmeta.report.answer import answer
from molmeta.report.evidence import Sources, read
from molmeta.report.findings import Difference, Findings, find
from molmeta.report.palette import styles
from molmeta.report.sections import sections
from molmeta.report.sections.base import Inputs
from molmeta.report.templating import asset, environment, script_hash
from molmeta.runtime.outputs import write_text, written
from molmeta.runtime.spreadsheets import write_frame
from molmeta.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    import jinja2
    import pandas as pd


_log = logging.getLogger(__name__)


def report(sources: Sources, output: Path, *, seed: int = 0) -> None:
    """Write the report, and its tables as CSV files into a folder of the same stem.

    The tables of `results/report.html` are in `results/report/`. `summary.csv` has mean and
    interval by model, support size, metric and scope, `paired.csv` the differences to each
    baseline, and `assays.csv` the scores of every model on every assay.

    Args:
        sources: input files.
        output: HTML file to write.
        seed: seed of the bootstrap.

    Raises:
        TableError: an input cannot be read, or no episode was evaluated.
        OutputError: the page or a table cannot be written.
    """
    evidence = read(sources)
    findings = find(evidence, seed=seed)
    _write_tables(findings, output.with_suffix(""))
    page = _render(Inputs(evidence, findings, styles(findings.models)))
    write_text(output, page)
    n_assays = evidence.metrics["assay"].nunique()
    _log.info("%s: %d assays, %.1f MB", output, n_assays, len(page) / 1e6)


def _write_tables(findings: Findings, folder: Path) -> None:
    tables = {
        "summary": _with_first(findings.summary, ["scope", "model"]),
        "paired": _with_first(findings.paired, ["scope", "model", "baseline"]),
        "assays": findings.scores,
    }
    for name, table in tables.items():
        with written(folder / f"{name}.csv") as temporary:
            write_frame(temporary, table)


def _with_first(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return table[[*names, *(name for name in table.columns if name not in names)]]


def _render(inputs: Inputs) -> str:
    pages = _environment()
    script = asset("page.js")
    return pages.get_template("report.html.j2").render(
        title=answer(inputs.findings, inputs.evidence).title,
        sections=_rendered_sections(inputs, pages),
        script=Markup(script),
        script_hash=script_hash(script),
        style=Markup(asset("style.css")),
    )


def _rendered_sections(inputs: Inputs, pages: jinja2.Environment) -> list[dict[str, Any]]:
    shared = {**inputs.variables(), "date": _today(), "version": __version__}
    contents = {name: (section, section.build(inputs)) for name, section in sections().items()}
    return [
        {
            "name": name,
            "title": section.title,
            "html": Markup(pages.get_template(f"{name}.html.j2").render({**shared, **content})),
        }
        for name, (section, content) in contents.items()
        if content is not None
    ]


def _today() -> str:
    """Date of the report; SOURCE_DATE_EPOCH, if set, makes it reproducible."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now(UTC)
    return f"{now.day} {now:%B %Y}"


def _environment() -> jinja2.Environment:
    pages = environment(*section_package.__path__)
    filters: dict[str, Any] = pages.filters
    filters |= {
        "counted": wording.counted,
        "in_sentence": wording.in_sentence,
        "interval": _interval,
        "label": wording.model_label,
        "number": wording.number,
        "scores": _scores,
        "share": wording.share,
        "signed": wording.signed,
    }
    return pages


def _interval(difference: Difference) -> str:
    return wording.span(difference.low, difference.high)


def _scores(values: list[float]) -> str:
    return ",".join("" if math.isnan(value) else f"{value:.4f}" for value in values)
