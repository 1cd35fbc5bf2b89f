"""Rows, assays and episodes that are not in the numbers, with the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from molmeta.report.evidence import Evidence, records
from molmeta.report.sections.base import Inputs, Section
from molmeta.report.wording import listed, model_label

if TYPE_CHECKING:
    import pandas as pd


_EXAMPLES = 2
_NAMED = 6
_LISTED = 300


@dataclass(frozen=True)
class Losses:
    """What is not in the numbers.

    Attributes:
        tables: for each table, the number of assays, and of rows read, dropped and merged.
        reasons: for each table and reason, the number of dropped rows, and examples.
        unusable: assays that are not usable, with their status; at most 300.
        n_unusable: number of unusable assays.
        undrawn: for each support size and reason, the assays and models without an episode.
    """

    tables: list[dict[str, Any]]
    reasons: list[dict[str, Any]]
    unusable: list[dict[str, Any]]
    n_unusable: int
    undrawn: list[dict[str, Any]]


def losses(evidence: Evidence) -> Losses:
    """Return the rows, assays and episodes that are not evaluated."""
    unusable = evidence.assays[evidence.assays["status"].ne("ok")]
    return Losses(
        tables=_tables(evidence.assays),
        reasons=_reasons(evidence.dropped),
        unusable=records(unusable.head(_LISTED)),
        n_unusable=len(unusable),
        undrawn=_undrawn(evidence.metrics[evidence.metrics["reason"].ne("")]),
    )


def _tables(assays: pd.DataFrame) -> list[dict[str, Any]]:
    if assays.empty:
        return []
    marked = assays.assign(ok=assays["status"].eq("ok").astype(int), n_assays=1)
    sums = ["n_assays", "ok", "n_read", "n_dropped", "n_merged", "n_compounds"]
    return records(marked.groupby(["split", "table"])[sums].sum().astype(int).reset_index())


def _reasons(dropped: pd.DataFrame) -> list[dict[str, Any]]:
    if dropped.empty:
        return []
    return [
        {
            "split": split,
            "table": table,
            "reason": reason,
            "n": len(rows),
            "examples": _examples(rows),
        }
        for (split, table, reason), rows in dropped.groupby(["split", "table", "reason"])
    ]


def _examples(rows: pd.DataFrame) -> list[str]:
    return [
        f"row {row['row']}: {row['smiles']}" + (f" ({row['detail']})" if row["detail"] else "")
        for row in records(rows.head(_EXAMPLES))
    ]


def _undrawn(rows: pd.DataFrame) -> list[dict[str, Any]]:
    if rows.empty:
        return []
    return [
        {
            "support": support,
            "reason": reason,
            "n_assays": group["assay"].nunique(),
            "assays": listed([str(name) for name in group["assay"].unique()], _NAMED),
            "models": listed([model_label(str(name)) for name in group["model"].unique()], _NAMED),
        }
        for (support, reason), group in rows.groupby(["support", "reason"])
    ]


def build(inputs: Inputs) -> dict[str, Losses]:
    """Return the rows, assays and episodes that are not evaluated."""
    return {"losses": losses(inputs.evidence)}


SECTION = Section("Left out", 40, build)
