"""Whether two columns hold the same results, as IC50 and pIC50 do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from molmeta.curation.detection import cells as texts
from molmeta.curation.detection.columns import Column, stripped
from molmeta.curation.detection.partners import unit_column
from molmeta.curation.units import PX, scale_of, split_qualifiers, to_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


TOLERANCE = 0.11
"""Largest difference in pX of the same result written twice."""


def agree(frame: pd.DataFrame, columns: Sequence[Column], first: Column, second: Column) -> bool:
    """Whether two columns hold the same results, where both have one.

    Concentrations of unknown unit may differ from others by a factor.
    """
    differences = _px(frame, columns, first) - _px(frame, columns, second)
    differences = differences[np.isfinite(differences)]
    if len(differences) < 3:
        return False
    if not (is_clear(first) and is_clear(second)):
        differences -= differences.median()
    return bool(differences.abs().lt(TOLERANCE).mean() >= 0.95)


def unit_by_agreement(
    frame: pd.DataFrame, columns: Sequence[Column], column: Column, other: Column
) -> str:
    """The unit of concentration in which a column agrees with another, "" without one."""
    if not agree(frame, columns, column, other):
        return ""
    shift = float((_px(frame, columns, column) - _px(frame, columns, other)).median())
    unit = {0: "nM", 3: "uM", 6: "mM", 9: "M"}.get(round(shift), "")
    return unit if abs(shift - round(shift)) < TOLERANCE else ""


def is_clear(column: Column) -> bool:
    """Whether the name alone gives a unit that is on a scale."""
    return scale_of(column.unit) != ""


def _px(frame: pd.DataFrame, columns: Sequence[Column], column: Column) -> pd.Series:
    """Values in -log10 M; concentrations without a unit are taken to be in nM."""
    cells = frame[column.name]
    decimal = "," if texts.decimal_of(texts.written_numbers(cells)) == "," else "."
    numbers = texts.numbers_of(cells, decimal)
    _, values = split_qualifiers(numbers.texts.where(numbers.is_number))
    units = numbers.units
    if source := unit_column(columns, column):
        units = units.where(units.ne(""), stripped(frame[source]))
    rest = column.unit or ("nM" if column.quantity in ("concentration", "generic") else PX)
    return to_scale(values, units.where(units.ne(""), rest))
