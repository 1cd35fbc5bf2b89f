"""Rows of the assay table: scores, overlap with training data, charts and an example."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from molmeta.evaluation.statistics import audit_by_assay
from molmeta.report import charts, drawings
from molmeta.report.evidence import Evidence, records
from molmeta.report.findings import HEADLINE, Findings
from molmeta.report.training_overlap import badges, seen_shares
from molmeta.report.wording import counted, listed, model_label, share

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from markupsafe import Markup

    from molmeta.report.palette import Style

    Rows = list[dict[str, Any]]

RANKING = ("auroc", "ef1", "ef5")
"""Metrics of every assay in addition to that of the headline."""
_SHOWN, _SHOWN_RANKED = 6, 12
_OVERLAPS = {
    "exact_overlap": "are in this run's training assays",
    "scaffold_overlap": "share a scaffold with a training compound",
    "near_overlap": "have a training compound with a Tanimoto similarity of 0.6 or more",
}


@dataclass(frozen=True)
class ExampleCompound:
    """One molecule of an example episode.

    Attributes:
        smiles: SMILES of the table.
        drawing: SVG, or None if it cannot be drawn.
        active: measured label.
        rank: rank within the support or the ranked query, from 1.
        probability: predicted probability; NaN in the support.
    """

    smiles: str
    drawing: Markup | None
    active: bool
    rank: int
    probability: float


@dataclass(frozen=True)
class ExampleGroup:
    """The first compounds of one part of an episode, and the size of that part."""

    title: str
    compounds: tuple[ExampleCompound, ...]
    total: int


@dataclass(frozen=True)
class ExampleEpisode:
    """One episode in molecules, and the model that ranked its query."""

    model: str
    groups: tuple[ExampleGroup, ...]


@dataclass(frozen=True)
class AssayFacts:
    """Properties of an assay that do not depend on the evaluation.

    Attributes:
        n_compounds: distinct compounds; NaN if unknown.
        share_active: share of actives; NaN if unknown.
        clean: whether the audit found no leakage from this run's training data; None without audit.
        panel: panel that the assay belongs to, "" for none.
        overlaps: what its compounds share with training assays, as a sentence.
        note: note of the audit.
    """

    n_compounds: float = math.nan
    share_active: float = math.nan
    clean: bool | None = None
    panel: str = ""
    overlaps: str = ""
    note: str = ""


@dataclass(frozen=True)
class AssayRow:
    """One assay of the table with its details.

    Attributes:
        number: number on the page, from which element ids are made.
        name: name of the assay.
        target: target of the assay, "" for none.
        facts: counts and overlap with this run's training data.
        seen: one text for each model that saw more than a tenth of the query in its own training.
        scores: for each model, the mean score at each support size; NaN if not evaluated.
        best: for each support size, the models with the highest score.
        ranking: for each model, the means of `RANKING` at the support size of the headline.
        curve: scores of all models by support size.
        spread: scores at one support size with their range over repeats.
        undrawn: episodes that were not evaluated, with the reason.
        example: one episode in molecules.
    """

    number: int
    name: str
    target: str
    facts: AssayFacts
    seen: list[str]
    scores: dict[str, list[float]]
    best: list[set[str]]
    ranking: dict[str, list[float]]
    curve: Markup | None
    spread: Markup | None
    undrawn: tuple[str, ...]
    example: ExampleEpisode | None


def assay_rows(
    evidence: Evidence, findings: Findings, styles: Mapping[str, Style]
) -> list[AssayRow]:
    """Return every assay of the metrics table, by name."""
    facts, seen = _facts(evidence), seen_shares(evidence.metrics)
    examples = _by_assay(evidence.examples.sort_values("rank", kind="stable"))
    scores = _by_assay(findings.scores[["assay", "model", "support", HEADLINE]].dropna())
    table: list[AssayRow] = []
    for number, (name, rows) in enumerate(evidence.metrics.groupby("assay", sort=True)):
        assay = str(name)
        by_model = _scores(scores.get(assay, []), findings)
        table.append(
            AssayRow(
                number=number,
                name=assay,
                target=str(rows["target"].iloc[0]),
                facts=facts.get(assay, AssayFacts()),
                seen=badges(seen, assay),
                scores=by_model,
                best=_best(by_model, len(findings.supports)),
                ranking=_ranking(assay, findings),
                curve=_curve(number, scores.get(assay, []), styles),
                spread=_spread(number, rows, findings, styles),
                undrawn=_undrawn(rows),
                example=_example(examples.get(assay, []), findings),
            )
        )
    return table


def _facts(evidence: Evidence) -> dict[str, AssayFacts]:
    if evidence.audit is not None:
        rows = records(audit_by_assay(evidence.audit))
        return {str(row["assay"]): _audited_facts(row) for row in rows}
    return {
        str(row["assay"]): AssayFacts(float(row["n_compounds"]), float(row["share_active"]))
        for row in records(evidence.assays)
    }


def _audited_facts(row: dict[str, Any]) -> AssayFacts:
    shares = {label: float(row[name]) for name, label in _OVERLAPS.items()}
    parts = [f"{share(v)} {label}" for label, v in shares.items() if math.isfinite(v)]
    return AssayFacts(
        n_compounds=float(row["n_compounds"]),
        share_active=float(row["share_active"]),
        clean=bool(row["clean"]),
        panel=str(row["panel"]),
        overlaps=f"Of its compounds {listed(parts)}." if parts else "",
        note=str(row["note"]),
    )


def _by_assay(table: pd.DataFrame) -> dict[str, Rows]:
    rows_of: dict[str, Rows] = {}
    for row in records(table):
        rows_of.setdefault(str(row["assay"]), []).append(row)
    return rows_of


def _scores(rows: Rows, findings: Findings) -> dict[str, list[float]]:
    score_of = {(str(row["model"]), int(row["support"])): float(row[HEADLINE]) for row in rows}
    return {
        model: [score_of.get((model, support), math.nan) for support in findings.supports]
        for model in findings.models
    }


def _ranking(assay: str, findings: Findings) -> dict[str, list[float]]:
    table = findings.scores
    rows = table[table["assay"].eq(assay) & table["support"].eq(findings.support)]
    return {
        str(row["model"]): [float(row.get(name, math.nan)) for name in RANKING]
        for row in records(rows)
    }


def _best(scores: Mapping[str, list[float]], n_supports: int) -> list[set[str]]:
    columns = [{model: row[n] for model, row in scores.items()} for n in range(n_supports)]
    # NaN equals nothing, so a column without scores marks no model as the best.
    highest = [max((v for v in c.values() if not math.isnan(v)), default=0.0) for c in columns]
    return [
        {model for model, value in column.items() if value == most}
        for column, most in zip(columns, highest, strict=True)
    ]


def _curve(number: int, rows: Rows, styles: Mapping[str, Style]) -> Markup | None:
    if not rows:
        return None
    points = [
        # The chart reads an interval over assays, which a single assay does not have.
        {"model": row["model"], "support": row["support"], "mean": row[HEADLINE]}
        | {"low": math.nan, "high": math.nan}
        for row in rows
    ]
    title = "ΔAUPRC of every model by support size, on this assay"
    return charts.curves(
        points, styles, axis="ΔAUPRC", title=title, key=f"curve{number}", band=False
    )


def _spread(
    number: int, rows: pd.DataFrame, findings: Findings, styles: Mapping[str, Style]
) -> Markup | None:
    evaluated = rows[rows["reason"].eq("")]
    supports = [int(support) for support in evaluated["support"].unique()]
    if not supports:
        return None
    # A small assay may not reach the support size of the headline.
    support = findings.support if findings.support in supports else min(supports)
    evaluated = evaluated[evaluated["support"].eq(support)]
    # Seeds are averaged first, so that the range is over repeats alone.
    repeats = evaluated.groupby(["model", "repeat"])[HEADLINE].mean().dropna()
    models = repeats.groupby("model").agg(["mean", "min", "max"]).reset_index()
    values = [
        {"model": row["model"], "mean": row["mean"], "low": row["min"], "high": row["max"]}
        for row in records(models)
    ]
    compounds = counted(support, "compound")
    axis = f"ΔAUPRC with {compounds} (mean, range)"
    title = f"ΔAUPRC of every model with {compounds}, and the range over repeats"
    return charts.ranges(values, styles, axis=axis, title=title, key=f"spread{number}")


def _undrawn(rows: pd.DataFrame) -> tuple[str, ...]:
    failed = rows[rows["reason"].ne("")]
    models = failed.groupby(["support", "reason"])["model"].agg(lambda m: sorted(set(m)))
    return tuple(
        f"support {row['support']}: {row['reason']} ({', '.join(map(model_label, row['model']))})"
        for row in records(models.reset_index())
    )


def _example(rows: Rows, findings: Findings) -> ExampleEpisode | None:
    if not rows:
        return None
    shown = [str(row["model"]) for row in rows]
    model = next((name for name in findings.models if name in shown), shown[0])
    support = [row for row in rows if row["model"] == model and row["role"] == "support"]
    query = [row for row in rows if row["model"] == model and row["role"] == "query"]
    return ExampleEpisode(
        model=model,
        groups=(
            _group("Support, active", [row for row in support if int(row["active"])]),
            _group("Support, inactive", [row for row in support if not int(row["active"])]),
            _group(f"Top of the query, ranked by {model_label(model)}", query, _SHOWN_RANKED),
        ),
    )


def _group(title: str, rows: Rows, shown: int = _SHOWN) -> ExampleGroup:
    return ExampleGroup(title, tuple(_compound(row) for row in rows[:shown]), len(rows))


def _compound(row: dict[str, Any]) -> ExampleCompound:
    smiles = str(row["smiles"])
    return ExampleCompound(
        smiles=smiles,
        drawing=drawings.molecule(smiles),
        active=bool(int(row["active"])),
        rank=int(row["rank"]),
        probability=float(row["probability"]),
    )
