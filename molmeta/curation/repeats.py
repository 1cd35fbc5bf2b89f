"""Repeats of a compound within an assay: one measurement of them, or the reason against them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from molmeta.curation.units import PERCENT_UNIT

if TYPE_CHECKING:
    from collections.abc import Iterable


def merge_repeats(rows: pd.DataFrame, *, spread: float, percent_spread: float) -> pd.DataFrame:
    """Merge rows that have the same `key`, that is the same assay and InChIKey.

    Exact values give their median; without any, the tightest of the bounds holds. Repeats go
    where exact values lie more than the spread apart, a bound contradicts the exact values by
    more than the spread, or bounds point both ways. Where the table has labels these decide
    alone: repeats go where they carry both, and values that disagree are left blank.

    Args:
        rows: key, assay, inchikey, smiles, active, value, unit, relation.
        spread: on the pX scale.
        percent_spread: in percentage points.

    Returns:
        One row a key, as index: assay, inchikey, smiles, active, value, unit, relation,
        reason, detail. The SMILES is the first of its repeats in the alphabet.
    """
    first = rows.sort_values(["key", "smiles"], kind="stable").drop_duplicates("key")
    first = first.set_index("key")[["assay", "inchikey", "smiles", "unit"]]
    bounds = _bounds(rows)
    limit = pd.Series(spread, index=first.index)
    limit = limit.where(first["unit"].ne(PERCENT_UNIT), percent_spread)
    problem = _problems(bounds, limit)
    labels = rows.groupby("key")["active"].agg(["min", "max"])
    labelled = labels["min"].notna()
    reason = problem.mask(labelled, "").mask(labels["min"].ne(labels["max"]) & labelled, _LABELS)
    value = _merged_value(bounds).where(problem.eq(""))
    return first.assign(
        active=labels["min"],
        value=value,
        unit=first["unit"].where(value.notna(), ""),
        relation=_merged_relation(bounds).where(value.notna(), ""),
        reason=reason,
        detail=_details(bounds, reason),
    )


_LABELS = "contradictory_labels"


def _bounds(rows: pd.DataFrame) -> pd.DataFrame:
    """Return for each key what its repeats say: exact low, mid, high; below; above; certain."""
    relation, value = rows["relation"], rows["value"]
    exact = pd.DataFrame(
        {
            "key": rows["key"],
            "exact": value.where(relation.isin(["=", "~"])),
            "below": value.where(relation.eq("<")),
            "above": value.where(relation.eq(">")),
            "certain": relation.eq("="),
        }
    ).groupby("key")
    return pd.DataFrame(
        {
            "low": exact["exact"].min(),
            "mid": exact["exact"].median(),
            "high": exact["exact"].max(),
            "below": exact["below"].min(),
            "above": exact["above"].max(),
            "certain": exact["certain"].any(),
        }
    )


def _problems(bounds: pd.DataFrame, limit: pd.Series) -> pd.Series:
    mid = bounds["mid"]
    apart = (bounds["high"] - bounds["low"]).gt(limit)
    apart |= (mid - bounds["below"]).gt(limit) | (bounds["above"] - mid).gt(limit)
    both_ways = mid.isna() & bounds["below"].notna() & bounds["above"].notna()
    reason = np.select([apart, both_ways], ["repeats_disagree", "mixed_qualifiers"], default="")
    return pd.Series(reason, index=bounds.index, dtype="str")


def _merged_value(bounds: pd.DataFrame) -> pd.Series:
    return bounds["mid"].fillna(bounds["below"]).fillna(bounds["above"])


def _merged_relation(bounds: pd.DataFrame) -> pd.Series:
    cases = [bounds["certain"], bounds["mid"].notna(), bounds["below"].notna()]
    return pd.Series(np.select(cases, ["=", "~", "<"], default=">"), bounds.index, dtype="str")


def _details(bounds: pd.DataFrame, reason: pd.Series) -> pd.Series:
    detail = pd.Series("", index=bounds.index, dtype="str")
    bad = bounds[reason.ne("") & reason.ne(_LABELS)]
    columns = (bad["low"], bad["high"], bad["below"], bad["above"])
    lines = [_line(numbers) for numbers in zip(*columns, strict=True)]
    detail[bad.index] = pd.Series(lines, index=bad.index, dtype="str")
    detail[reason.eq(_LABELS)] = "0 and 1"
    return detail


def _line(numbers: Iterable[float]) -> str:
    words = zip(("", "to ", "below ", "above "), numbers, strict=True)
    return " ".join(f"{word}{number:.4g}" for word, number in words if not np.isnan(number))
