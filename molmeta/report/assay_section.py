"""Collects what the page says about every single assay: scores, leaks, charts, molecules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from molmeta.evaluation.statistics import audit_by_assay
from molmeta.report import charts, drawings
from molmeta.report.evidence import records
from molmeta.report.findings import HEADLINE
from molmeta.report.wording import listed, model_label, share

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from markupsafe import Markup

    from molmeta.report.evidence import Evidence
    from molmeta.report.findings import Findings
    from molmeta.report.palette import Style

    Rows = list[dict[str, Any]]

_SHOWN, _SHOWN_RANKED = 6, 12
_OVERLAPS = {
    "exact_overlap": "also stand in training assays",
    "scaffold_overlap": "share a scaffold with them",
    "near_overlap": "have a near neighbour there (Tanimoto 0.6 or more)",
}


@dataclass(frozen=True)
class Compound:
    """One molecule of an example.

    Attributes:
        smiles: as it stands in the table.
        drawing: SVG, or None where it cannot be drawn.
        active: the measured label.
        rank: place in the ranked query or in the support, from 1.
        probability: predicted, NaN in the support.
    """

    smiles: str
    drawing: Markup | None
    active: bool
    rank: int
    probability: float


@dataclass(frozen=True)
class Group:
    """Some compounds of an episode, and how many there were before the rest was cut."""

    title: str
    compounds: tuple[Compound, ...]
    total: int


@dataclass(frozen=True)
class Example:
    """One episode in molecules, and the model that ranked its query."""

    model: str
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Facts:
    """What is known of an assay before any evaluation.

    Attributes:
        n_compounds: distinct compounds; NaN where not known.
        share_active: of them; NaN where not known.
        clean: None without an audit.
        panel: the group of assays that share its compounds, "" if alone.
        overlaps: what its compounds share with training assays, as a sentence.
        note: the audit's own words.
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
        place: number on the page; ids are made from it, never from the name.
        name: of the assay.
        target: its target, "" if none.
        facts: counts and leaks.
        scores: per model the mean score at each support size; NaN where not drawn.
        curve: scores of all models over support sizes.
        spread: scores at one support size with the range of repeats.
        undrawn: what could not be drawn and why.
        example: one episode in molecules.
    """

    place: int
    name: str
    target: str
    facts: Facts
    scores: dict[str, list[float]]
    curve: Markup | None
    spread: Markup | None
    undrawn: tuple[str, ...]
    example: Example | None


def assay_rows(
    evidence: Evidence, findings: Findings, styles: Mapping[str, Style]
) -> list[AssayRow]:
    """Return every assay of the metrics table, by name."""
    facts = _facts(evidence)
    examples = _by_assay(evidence.examples.sort_values("rank", kind="stable"))
    scores = _by_assay(findings.scores[["assay", "model", "support", HEADLINE]].dropna())
    return [
        AssayRow(
            place=place,
            name=str(name),
            target=str(rows["target"].iloc[0]),
            facts=facts.get(str(name), Facts()),
            scores=_scores(scores.get(str(name), []), findings),
            curve=_curve(place, scores.get(str(name), []), styles),
            spread=_spread(place, rows, findings, styles),
            undrawn=_undrawn(rows),
            example=_example(examples.get(str(name), []), findings),
        )
        for place, (name, rows) in enumerate(evidence.metrics.groupby("assay", sort=True))
    ]


def _facts(evidence: Evidence) -> dict[str, Facts]:
    if evidence.audit is not None:
        return {str(row["assay"]): _audited(row) for row in records(audit_by_assay(evidence.audit))}
    return {
        str(row["assay"]): Facts(float(row["n_compounds"]), float(row["share_active"]))
        for row in records(evidence.assays)
    }


def _audited(row: dict[str, Any]) -> Facts:
    shares = {label: float(row[name]) for name, label in _OVERLAPS.items()}
    parts = [f"{share(v)} {label}" for label, v in shares.items() if math.isfinite(v)]
    return Facts(
        n_compounds=float(row["n_compounds"]),
        share_active=float(row["share_active"]),
        clean=bool(row["clean"]),
        panel=str(row["panel"]),
        overlaps=f"Of its compounds {listed(parts)}." if parts else "",
        note=str(row["note"]),
    )


def _by_assay(table: pd.DataFrame) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for row in records(table):
        found.setdefault(str(row["assay"]), []).append(row)
    return found


def _scores(rows: Rows, findings: Findings) -> dict[str, list[float]]:
    found = {(str(row["model"]), int(row["support"])): float(row[HEADLINE]) for row in rows}
    return {
        model: [found.get((model, support), math.nan) for support in findings.supports]
        for model in findings.models
    }


def _curve(place: int, rows: Rows, styles: Mapping[str, Style]) -> Markup | None:
    if not rows:
        return None
    points = [
        {"model": row["model"], "support": row["support"], "mean": row[HEADLINE]}
        | {"low": math.nan, "high": math.nan}
        for row in rows
    ]
    title = "ΔAUPRC of every model by support size, on this assay"
    return charts.curves(
        points, styles, axis="ΔAUPRC", title=title, key=f"curve{place}", band=False
    )


def _spread(
    place: int, rows: pd.DataFrame, findings: Findings, styles: Mapping[str, Style]
) -> Markup | None:
    drawn = rows[rows["reason"].eq("")]
    supports = [int(support) for support in drawn["support"].unique()]
    if not supports:
        return None
    support = findings.support if findings.support in supports else min(supports)
    drawn = drawn[drawn["support"].eq(support)]
    repeats = drawn.groupby(["model", "repeat"])[HEADLINE].mean().dropna()
    models = repeats.groupby("model").agg(["mean", "min", "max"]).reset_index()
    values = [
        {"model": row["model"], "mean": row["mean"], "low": row["min"], "high": row["max"]}
        for row in records(models)
    ]
    axis = f"ΔAUPRC at {support} compounds (mean, range)"
    title = f"ΔAUPRC of every model at support {support}, with the range over repeats"
    return charts.ranges(values, styles, axis=axis, title=title, key=f"spread{place}")


def _undrawn(rows: pd.DataFrame) -> tuple[str, ...]:
    failed = rows[rows["reason"].ne("")]
    counted = failed.groupby(["support", "reason"])["model"].agg(lambda m: sorted(set(m)))
    return tuple(
        f"support {row['support']}: {row['reason']} ({', '.join(map(model_label, row['model']))})"
        for row in records(counted.reset_index())
    )


def _example(rows: Rows, findings: Findings) -> Example | None:
    if not rows:
        return None
    present = {str(row["model"]): None for row in rows}
    model = next((name for name in findings.models if name in present), next(iter(present)))
    support = [row for row in rows if row["model"] == model and row["role"] == "support"]
    query = [row for row in rows if row["model"] == model and row["role"] == "query"]
    return Example(
        model=model,
        groups=(
            _group("Support, active", [row for row in support if int(row["active"])]),
            _group("Support, inactive", [row for row in support if not int(row["active"])]),
            _group(f"Top of the query as ranked by {model_label(model)}", query, _SHOWN_RANKED),
        ),
    )


def _group(title: str, rows: Rows, shown: int = _SHOWN) -> Group:
    return Group(title, tuple(_compound(row) for row in rows[:shown]), len(rows))


def _compound(row: dict[str, Any]) -> Compound:
    smiles = str(row["smiles"])
    return Compound(
        smiles=smiles,
        drawing=drawings.molecule(smiles),
        active=bool(int(row["active"])),
        rank=int(row["rank"]),
        probability=float(row["probability"]),
    )
