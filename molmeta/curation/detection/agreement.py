"""Whether two columns hold the same results, as IC50 and pIC50 do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from molmeta.curation.detection import cells as texts
from molmeta.curation.units import PX, scale_of, split_qualifiers, to_scale

if TYPE_CHECKING:
    from molmeta.curation.detection.columns import Column

TOLERANCE = 0.11
"""Largest difference in pX of the same result written twice."""


def agree(frame: pd.DataFrame, first: Column, second: Column) -> bool:
    """Whether two columns hold the same results, where both have one.

    Concentrations of unknown unit may differ from others by a factor.
    """
    differences = _differences(frame, first, second)
    if len(differences) < 3:
        return False
    if not (is_clear(first) and is_clear(second)):
        differences -= differences.median()
    return bool(differences.abs().lt(TOLERANCE).mean() >= 0.95)


def unit_by_agreement(frame: pd.DataFrame, column: Column, other: Column) -> str:
    """The unit of concentration with which a column agrees with another one, "" if none does."""
    if not agree(frame, column, other):
        return ""
    shift = float(_differences(frame, column, other).median())
    unit = {0: "nM", 3: "uM", 6: "mM", 9: "M"}.get(round(shift), "")
    return unit if abs(shift - round(shift)) < TOLERANCE else ""


def is_clear(column: Column) -> bool:
    """Whether the name alone gives a unit that is on a scale."""
    return scale_of(column.unit) != ""


def _differences(frame: pd.DataFrame, first: Column, second: Column) -> pd.Series:
    differences = _px(frame, first) - _px(frame, second)
    return differences[np.isfinite(differences)]


def _px(frame: pd.DataFrame, column: Column) -> pd.Series:
    """Values in -log10 M; concentrations without a unit are taken to be in nM."""
    cells = frame[column.name]
    decimal = "," if texts.decimal_of(texts.written_numbers(cells)) == "," else "."
    numbers = texts.numbers_of(cells, decimal)
    _, values = split_qualifiers(numbers.texts.where(numbers.found))
    unit = column.unit or ("nM" if column.quantity in ("concentration", "generic") else PX)
    return to_scale(values, pd.Series(unit, index=values.index))
