"""From the text of a measurement to a label or a value on its scale, or the reason against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from molmeta.curation.units import (
    PERCENT_UNIT,
    PX,
    flip_for_concentrations,
    relations,
    scales,
    split_qualifiers,
    to_scale,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

REASONS = {
    "missing_assay": "the row names no assay",
    "missing_smiles": "the row has no SMILES",
    "invalid_smiles": "RDKit or InChI makes no molecule of the SMILES",
    "missing_label": "the table has labels, this row has none",
    "bad_label": "the label is neither 0 nor 1",
    "missing_value": "the row has no value",
    "bad_value": "the value is no number",
    "not_finite": "the value is infinite",
    "missing_unit": "the value has no unit",
    "unknown_unit": "the unit is no concentration, no pX and no percentage",
    "unknown_relation": "the qualifier is none of < > = ~",
    "not_positive": "a concentration is zero or negative",
    "implausible_value": "no assay measures that: pX outside 0 to 15, or beyond 500 %",
    "minority_unit": "most of the assay is on the other scale, and % and pX do not convert",
    "contradictory_labels": "repeats of the compound carry both labels",
    "repeats_disagree": "repeats of the compound lie too far apart",
    "mixed_qualifiers": "repeats say below one bound and above another, none is exact",
    "undecidable": "the bound lies on the near side of the threshold",
    "assay_left_out": "the assay as a whole is too small or one-sided",
}
"""What each reason code of a dropped row means."""

_PX_RANGE = (0.0, 15.0)
_PERCENT_LIMIT = 500.0
_BLANK = frozenset({"", "nan", "na", "n/a", "none", "null", "<na>"})


def measured(rows: pd.DataFrame) -> pd.DataFrame:
    """Judge each row for itself, apart from its molecule.

    In a table with labels a value that cannot be used goes, and the row stays.

    Args:
        rows: as `molmeta.curation.tables.read_table` returns them.

    Returns:
        row, assay, smiles, target, cluster as they were, and for each row
        active: 0.0, 1.0 or NaN where the table has no labels.
        value, unit, relation: on the pX or % scale; NaN, "" and "" where there is none.
        reason, detail: "" where nothing speaks against the row.
    """
    values, problem = _values(rows)
    active = _labels(rows)
    problem = _label_problems(rows, active) if "active" in rows else problem
    problem = pd.Series(_row_problems(rows, problem), index=rows.index, dtype="str")
    kept = rows[["row", "assay", "smiles", "target", "cluster"]]
    detail = _details(rows, problem)
    return kept.join(values).assign(active=active, reason=problem, detail=detail)


def _values(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Return value, unit and relation of each row, blank where there is a problem with them."""
    if "value" not in rows:
        blank = pd.DataFrame({"value": np.nan, "unit": "", "relation": ""}, index=rows.index)
        return blank.astype({"unit": "str", "relation": "str"}), pd.Series("", index=rows.index)
    qualifier, number = split_qualifiers(rows["value"])
    relation = relations(qualifier.where(qualifier.ne(""), rows["relation"]))
    scale = scales(rows["unit"])
    value = to_scale(number, rows["unit"])
    found = pd.DataFrame({"value": value, "unit": scale, "relation": relation}, index=rows.index)
    problem = pd.Series(_value_problems(rows, number, found), index=rows.index, dtype="str")
    found["relation"] = flip_for_concentrations(relation, rows["unit"])
    good = problem.eq("")
    return found.assign(
        value=value.where(good),
        unit=scale.where(good, ""),
        relation=found["relation"].where(good, ""),
    ), problem


def _value_problems(rows: pd.DataFrame, number: pd.Series, found: pd.DataFrame) -> NDArray[np.str_]:
    low, high = _PX_RANGE
    px, percent = found["unit"].eq(PX), found["unit"].eq(PERCENT_UNIT)
    concentration = px & found["value"].ne(number)
    problems = {
        "missing_value": _blank(rows["value"]),
        "bad_value": number.isna(),
        "not_finite": np.isinf(number),
        "missing_unit": rows["unit"].eq(""),
        "unknown_unit": found["unit"].eq(""),
        "unknown_relation": found["relation"].eq(""),
        "not_positive": concentration & number.le(0),
        "implausible_value": (px & ~found["value"].between(low, high))
        | (percent & number.abs().gt(_PERCENT_LIMIT)),
    }
    return np.select(list(problems.values()), list(problems), default="")


def _labels(rows: pd.DataFrame) -> pd.Series:
    if "active" not in rows:
        return pd.Series(np.nan, index=rows.index)
    number = pd.to_numeric(rows["active"], errors="coerce").astype("float64")
    return number.where(number.isin([0.0, 1.0]))


def _label_problems(rows: pd.DataFrame, active: pd.Series) -> pd.Series:
    problems = {"missing_label": _blank(rows["active"]), "bad_label": active.isna()}
    chosen = np.select(list(problems.values()), list(problems), default="")
    return pd.Series(chosen, index=rows.index, dtype="str")


def _row_problems(rows: pd.DataFrame, problem: pd.Series) -> NDArray[np.str_]:
    problems = {"missing_assay": rows["assay"].eq(""), "missing_smiles": _blank(rows["smiles"])}
    return np.select(list(problems.values()), list(problems), default=problem)


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
    return cells.isna() | cells.astype("str").str.strip().str.casefold().isin(_BLANK)
