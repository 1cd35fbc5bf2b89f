"""From the text of a measurement to a label or a scaled value, or a reason to drop the row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from molmeta.curation.detection.cells import BLANK
from molmeta.curation.units import (
    LARGEST_PERCENT,
    PERCENT_UNIT,
    PX,
    PX_RANGE,
    flip_for_concentrations,
    relations,
    scales,
    split_qualifiers,
    to_scale,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

REASONS = {
    "missing_assay": "the assay is missing",
    "missing_smiles": "the SMILES is missing",
    "invalid_smiles": "RDKit or InChI cannot read the SMILES as a molecule",
    "missing_label": "the label is missing in a table with labels",
    "bad_label": "the label is neither 0 nor 1",
    "missing_value": "the value is missing",
    "bad_value": "the value is not a number",
    "not_finite": "the value is infinite",
    "missing_unit": "the unit is missing",
    "unknown_unit": "the unit is not a concentration, pX or percentage",
    "unknown_relation": "the qualifier is not one of < > = ~",
    "not_positive": "the concentration is zero or negative",
    "implausible_value": "the value is implausible: pX outside 0 to 15, or beyond 500 %",
    "minority_unit": "most of the assay is on the other scale; % and pX cannot be converted",
    "contradictory_labels": "repeats of the compound have both labels",
    "repeats_disagree": "repeats of the compound are too far apart",
    "mixed_qualifiers": "repeats give an upper and a lower bound, but no exact value",
    "undecidable": "the bound does not say on which side of the threshold the value is",
    "assay_left_out": "the assay as a whole is too small or one-sided",
}
"""Meaning of the reason codes of dropped rows."""


def measured(rows: pd.DataFrame) -> pd.DataFrame:
    """Convert the measurement of each row, or give the reason to drop the row.

    In a table with labels, an unusable value is left blank and the row is kept.

    Args:
        rows: as `molmeta.curation.tables.read_table` returns them.

    Returns:
        row, assay, smiles, target and cluster, unchanged, and
        active: 0.0 or 1.0; NaN in tables without labels.
        value, unit, relation: on the pX or % scale; NaN, "" and "" where blank.
        reason, detail: "" for rows to keep.
    """
    values, problem = _values(rows)
    active = _labels(rows)
    if "active" in rows:
        problem = _first({"missing_label": _blank(rows["active"]), "bad_label": active.isna()})
    missing = {"missing_assay": rows["assay"].eq(""), "missing_smiles": _blank(rows["smiles"])}
    problem = _first(missing, problem)
    kept = rows[["row", "assay", "smiles", "target", "cluster"]]
    detail = _details(rows, problem)
    return kept.join(values).assign(active=active, reason=problem, detail=detail)


def _values(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Return value, unit and relation of each row, blank where unusable, and the reasons."""
    if "value" not in rows:
        blank = pd.DataFrame({"value": np.nan, "unit": "", "relation": ""}, index=rows.index)
        return blank.astype({"unit": "str", "relation": "str"}), pd.Series("", index=rows.index)
    qualifier, number = split_qualifiers(rows["value"])
    relation = relations(qualifier.where(qualifier.ne(""), rows["relation"]))
    scale = scales(rows["unit"])
    value = to_scale(number, rows["unit"])
    scaled = pd.DataFrame({"value": value, "unit": scale, "relation": relation}, index=rows.index)
    problem = _value_problems(rows, number, scaled)
    scaled["relation"] = flip_for_concentrations(relation, rows["unit"])
    usable = problem.eq("")
    return scaled.assign(
        value=value.where(usable),
        unit=scale.where(usable, ""),
        relation=scaled["relation"].where(usable, ""),
    ), problem


def _value_problems(rows: pd.DataFrame, number: pd.Series, scaled: pd.DataFrame) -> pd.Series:
    low, high = PX_RANGE
    px, percent = scaled["unit"].eq(PX), scaled["unit"].eq(PERCENT_UNIT)
    # Only concentrations change on their way to pX.
    concentration = px & scaled["value"].ne(number)
    return _first({
        "missing_value": _blank(rows["value"]),
        "bad_value": number.isna(),
        "not_finite": number.abs().eq(np.inf),
        "missing_unit": rows["unit"].eq(""),
        "unknown_unit": scaled["unit"].eq(""),
        "unknown_relation": scaled["relation"].eq(""),
        "not_positive": concentration & number.le(0),
        "implausible_value": (px & ~scaled["value"].between(low, high))
        | (percent & number.abs().gt(LARGEST_PERCENT)),
    })  # fmt: skip


def _labels(rows: pd.DataFrame) -> pd.Series:
    if "active" not in rows:
        return pd.Series(np.nan, index=rows.index)
    number = pd.to_numeric(rows["active"], errors="coerce").astype("float64")
    return number.where(number.isin([0.0, 1.0]))


def _first(problems: Mapping[str, pd.Series], otherwise: str | pd.Series = "") -> pd.Series:
    """The first problem that applies to each row, in the order of the mapping."""
    columns = list(problems.values())
    reasons = np.select(columns, list(problems), default=otherwise)
    return pd.Series(reasons, index=columns[0].index, dtype="str")


def _details(rows: pd.DataFrame, problem: pd.Series) -> pd.Series:
    detail = pd.Series("", index=rows.index, dtype="str")
    bad = rows[problem.ne("")]
    if "active" in rows:
        detail[bad.index] = "active " + bad["active"].astype("str").fillna("")
    elif len(bad):
        value, unit = bad["value"].astype("str").fillna(""), bad["unit"]
        detail[bad.index] = (bad["relation"] + " " + value + " " + unit).str.strip()
    return detail


def _blank(cells: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(cells):
        return cells.isna()
    return cells.isna() | cells.astype("str").str.strip().str.casefold().isin(BLANK)
