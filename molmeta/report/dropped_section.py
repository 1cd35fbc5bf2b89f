"""Counts what was dropped, left out or could not be drawn, with the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from molmeta.report.evidence import records
from molmeta.report.wording import model_label

if TYPE_CHECKING:
    import pandas as pd

    from molmeta.report.evidence import Evidence

_EXAMPLES = 2
_NAMED = 6
_LISTED = 300


@dataclass(frozen=True)
class Losses:
    """What did not make it into the numbers.

    Attributes:
        tables: one row a table: assays and rows read, kept, merged, dropped.
        reasons: one row a table and reason: how often, and examples.
        left_out: assays that are not usable, with their status; at most 300.
        n_left_out: how many there are in all.
        undrawn: one row a support size and reason: the assays and models concerned.
    """

    tables: list[dict[str, Any]]
    reasons: list[dict[str, Any]]
    left_out: list[dict[str, Any]]
    n_left_out: int
    undrawn: list[dict[str, Any]]


def losses(evidence: Evidence) -> Losses:
    """Return the losses of curation and of evaluation."""
    refused = evidence.assays[evidence.assays["status"].ne("ok")]
    return Losses(
        tables=_tables(evidence.assays),
        reasons=_reasons(evidence.dropped),
        left_out=records(refused.head(_LISTED)),
        n_left_out=len(refused),
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
        {"split": split, "table": table, "reason": reason, "n": len(rows), "examples": _some(rows)}
        for (split, table, reason), rows in dropped.groupby(["split", "table", "reason"])
    ]


def _some(rows: pd.DataFrame) -> list[str]:
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
            "assays": _named([str(name) for name in group["assay"].unique()]),
            "models": _named([model_label(str(name)) for name in group["model"].unique()]),
        }
        for (support, reason), group in rows.groupby(["support", "reason"])
    ]


def _named(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
