"""Merge repeats of a compound within an assay, or give the reason to drop them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from molmeta.curation.units import PERCENT_UNIT

if TYPE_CHECKING:
    from collections.abc import Iterable


def merge_repeats(rows: pd.DataFrame, *, spread: float, percent_spread: float) -> pd.DataFrame:
    """Merge the rows with the same `key`, that is, with the same assay and InChIKey.

    The merged value is the median of the exact values or, without exact values, the tightest bound.
    Repeats are dropped if their exact values differ by more than the spread, or if a bound
    contradicts the median by more than the spread. They are also dropped if all of them are bounds,
    on both sides. In tables with labels, only labels count: repeats with both labels are dropped,
    and the value is left blank where values disagree.

    Args:
        rows: columns key, assay, inchikey, smiles, active, value, unit and relation.
        spread: largest difference on the pX scale.
        percent_spread: largest difference of % inhibition, in percentage points.

    Returns:
        One row per key, which is the index: assay, inchikey, smiles, active, value, unit,
        relation, reason and detail. The SMILES is the alphabetically first one.
    """
    # The alphabetically first SMILES does not depend on the order of the rows.
    first = rows.sort_values(["key", "smiles"], kind="stable").drop_duplicates("key")
    first = first.set_index("key")[["assay", "inchikey", "smiles", "unit"]]
    bounds = _bounds(rows)
    limit = pd.Series(spread, index=first.index)
    limit = limit.where(first["unit"].ne(PERCENT_UNIT), percent_spread)
    problem = _problems(bounds, limit)
    labels = rows.groupby("key")["active"].agg(["min", "max"])
    labelled = labels["min"].notna()
    reason = problem.mask(labelled, "").mask(labels["min"].ne(labels["max"]) & labelled, _LABELS)
    merged = bounds["mid"].fillna(bounds["below"]).fillna(bounds["above"])
    value = merged.where(problem.eq(""))
    cases = [bounds["certain"], bounds["mid"].notna(), bounds["below"].notna()]
    relation = pd.Series(np.select(cases, ["=", "~", "<"], default=">"), bounds.index, dtype="str")
    return first.assign(
        active=labels["min"],
        value=value,
        unit=first["unit"].where(value.notna(), ""),
        relation=relation.where(value.notna(), ""),
        reason=reason,
        detail=_details(bounds, reason),
    )


_LABELS = "contradictory_labels"


def _bounds(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the range of the repeats of each key.

    low, mid, high: minimum, median and maximum of the exact values.
    below, above: tightest upper and lower bound.
    certain: whether one of the values is exact and not approximate (~).
    """
    relation, value = rows["relation"], rows["value"]
    by_key = pd.DataFrame(
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
            "low": by_key["exact"].min(),
            "mid": by_key["exact"].median(),
            "high": by_key["exact"].max(),
            "below": by_key["below"].min(),
            "above": by_key["above"].max(),
            "certain": by_key["certain"].any(),
        }
    )


def _problems(bounds: pd.DataFrame, limit: pd.Series) -> pd.Series:
    mid = bounds["mid"]
    apart = (bounds["high"] - bounds["low"]).gt(limit)
    apart |= (mid - bounds["below"]).gt(limit) | (bounds["above"] - mid).gt(limit)
    both_ways = mid.isna() & bounds["below"].notna() & bounds["above"].notna()
    reason = np.select([apart, both_ways], ["repeats_disagree", "mixed_qualifiers"], default="")
    return pd.Series(reason, index=bounds.index, dtype="str")


def _details(bounds: pd.DataFrame, reason: pd.Series) -> pd.Series:
    detail = pd.Series("", index=bounds.index, dtype="str")
    dropped = bounds[reason.ne("") & reason.ne(_LABELS)]
    columns = (dropped["low"], dropped["high"], dropped["below"], dropped["above"])
    lines = [_line(numbers) for numbers in zip(*columns, strict=True)]
    detail[dropped.index] = pd.Series(lines, index=dropped.index, dtype="str")
    detail[reason.eq(_LABELS)] = "0 and 1"
    return detail


def _line(numbers: Iterable[float]) -> str:
    words = zip(("", "to ", "below ", "above "), numbers, strict=True)
    return " ".join(f"{word}{number:.4g}" for word, number in words if not np.isnan(number))
