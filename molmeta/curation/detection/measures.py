"""Reads the column of values: decimal sign, unit, logarithms and direction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from molmeta.curation.detection import cells as texts
from molmeta.curation.detection import names
from molmeta.curation.detection.agreement import is_clear, unit_by_agreement
from molmeta.curation.detection.columns import Column, filled, stripped
from molmeta.curation.detection.partners import partner, unit_column
from molmeta.curation.detection.questions import question
from molmeta.curation.units import (
    MOLAR,
    PERCENT_UNIT,
    PX,
    PX_RANGE,
    is_concentration,
    scales,
    split_qualifiers,
    to_scale,
)

if TYPE_CHECKING:
    from molmeta.curation.detection.judged import JudgedTable

_LOG_UNIT = re.compile(r"log(?:10)?[\s(]*(\w+)\)?", re.IGNORECASE)
_POSSIBLE_PX = (1.5, 11.5)
"""Range of -log10 M in which all values must lie for a unit to be possible."""
_WORDS = 0.2
"""Share of results in words above which the user has to decide."""
_FEW = 0.1
"""Share of cells in another kind of unit that is not worth a question; curation reports them."""
_WEAKEST_PX, _LEAST_PERCENT = 3.0, -20.0
"""Medians of pX and of inhibition below which unit or direction are in doubt."""
_UNITS = ("nM", "uM", "mM", "M")


@dataclass(frozen=True)
class Values:
    """A column of values.

    Attributes:
        column: the column.
        texts: qualifier and number of each row with a decimal point; numbers if they are typed.
        units: unit of each row, "" if unknown.
        evidence: source of the unit, in words.
        source: column of the units, "" if they have another source.
        decimal: decimal sign of the cells, "" for a point.
    """

    column: Column
    texts: pd.Series
    units: pd.Series
    evidence: str
    source: str = ""
    decimal: str = ""


class Measures:
    """Reads one column of values.

    Args:
        table: the table.
        column: the one to read.
    """

    def __init__(self, table: JudgedTable, column: Column) -> None:
        self.frame, self.columns, self.column = table.frame, table.columns, column
        self.name, self.options, self.where = column.name, table.options, table.where
        self.strict = table.strict or column.name.casefold() != "value"

    def read(self) -> Values:
        """Read the values.

        Raises:
            TableError: the unit, decimal sign or direction is not clear, or results are missing.
        """
        column = self.column
        cells = self.frame[column.name]
        decimal = "." if pd.api.types.is_numeric_dtype(cells) else self._decimal()
        numbers = texts.numbers_of(cells, decimal)
        if self.strict:
            self._require_no_dates(numbers.is_number)
        qualifiers, values = split_qualifiers(numbers.texts)
        if self.column.quantity == "log" or _LOG_UNIT.fullmatch(self.options.unit) is not None:
            return self._from_logarithms(qualifiers, values)
        units, evidence = self._units(numbers.units, values)
        self._require_direction()
        if self.strict:
            self._require_numbers(numbers, values, units)
            self._require_one_scale(numbers.units)
            self._require_scale(units)
            self._require_plausible(values, units)
        source = unit_column(self.columns, column) if evidence.startswith("column ") else ""
        sign = "," if decimal == "," else ""
        return Values(column, numbers.texts, units, evidence, source, sign)

    def _require_no_dates(self, is_number: pd.Series) -> None:
        cells = filled(self.frame.loc[~is_number, self.name])
        dates = cells[cells.map(texts.is_date).astype(bool)]
        if len(dates):
            raise question(
                self.where, f"column '{self.name}' has dates among its values",
                f"'{dates.iloc[0]}' in row {dates.index[0]}, {len(dates)} in all",
                "numbers; spreadsheets make dates of entries such as 1-2",
                "Enter these values again as text, or clear the cells.",
            )  # fmt: skip

    def _require_numbers(self, numbers: texts.Numbers, values: pd.Series, units: pd.Series) -> None:
        """Refuse columns in which many results are words or zeros.

        Without these rows, the weaker half of the actives would be labelled inactive.
        """
        cells = filled(self.frame[self.name])
        tested = cells[~cells.str.casefold().isin(texts.UNDECIDED)]
        bad = ~numbers.is_number | (units.map(is_concentration).astype(bool) & values.le(0))
        words = tested[bad.reindex(tested.index)]
        if len(words) > _WORDS * len(tested):
            raise question(
                self.where, f"column '{self.name}' has results that are not positive numbers",
                f"'{words.iloc[0]}' in row {words.index[0]}, {len(words)} in all",
                "numbers, and bounds such as >10000 for inactive compounds",
                "Enter the highest concentration tested as a bound, or clear these cells.",
            )  # fmt: skip

    def _decimal(self) -> str:
        """The decimal sign of the column; if unclear, that of the rest of the table."""
        if self.options.decimal:
            return self.options.decimal
        written = texts.written_numbers(self.frame[self.name])
        sign = texts.decimal_of(written)
        if sign in (".", ",") and not (sign == "." and texts.may_be_groups(written)):
            return sign
        # A table has one decimal sign, and pX has no thousands.
        comma_elsewhere = "," in self._decimals_elsewhere()
        if sign == "." and self.column.quantity in ("pX", "inhibition"):
            return "."
        if sign in (".", "?") and comma_elsewhere:
            return ","
        if sign == "?" and self.column.quantity == "pX":
            return ","
        if sign == "?" and texts.groups_of_three(written):
            return "."
        example = next(number for number in written if "," in number or "." in number)
        raise question(
            self.where, f"commas or points in column '{self.name}' may be decimal signs or "
            "separate thousands", f"'{example}'", "one decimal sign in all rows",
            "Give it with --decimal ',' or --decimal '.'.",
        )  # fmt: skip

    def _decimals_elsewhere(self) -> set[str]:
        others = [c.name for c in self.columns if c.role in ("value", "other") and c != self.column]
        kept = [name for name in others if not pd.api.types.is_numeric_dtype(self.frame[name])]
        return {texts.decimal_of(texts.written_numbers(filled(self.frame[name]))) for name in kept}

    def _from_logarithms(self, qualifiers: pd.Series, values: pd.Series) -> Values:
        """Convert logarithms of concentrations to pX, which reverses signs and qualifiers."""
        match = _LOG_UNIT.fullmatch(self.options.unit)
        unit = (match[1] if match else self.options.unit or self.column.unit).casefold()
        numbers = values.dropna()
        if not unit and len(numbers) and numbers.between(-13, -1).all():
            unit = "m"
        if unit not in MOLAR:
            raise question(
                self.where, f"the unit whose logarithm '{self.name}' gives is not clear",
                f"values from {numbers.min():g} to {numbers.max():g}",
                "values such as -7 for log M",
                "Name the unit with --unit, such as 'log nM' or 'log M'.",
            )  # fmt: skip
        flipped = qualifiers.str.translate(str.maketrans("<>≤≥", "><≥≤"))
        px = -(values + MOLAR[unit])
        cells = (flipped + px.map("{:.10g}".format)).where(values.notna(), "")
        units = pd.Series(PX, index=values.index)
        return Values(self.column, cells, units, f"logarithms of {unit}")

    def _units(self, within: pd.Series, values: pd.Series) -> tuple[pd.Series, str]:
        """The unit of each row, and its source in words."""
        if self.options.unit:
            return pd.Series(self.options.unit, index=within.index), "given"
        source = unit_column(self.columns, self.column)
        kind = partner(self.columns, self.column, "type")
        units, evidence = within, "within the cells"
        if source:
            listed = stripped(self.frame[source])
            units, evidence = units.where(units.ne(""), listed), f"column '{source}'"
        elif self.column.unit:
            units = units.where(units.ne(""), self.column.unit)
            evidence = f"name of '{self.name}'"
        if kind:
            is_px = stripped(self.frame[kind]).map(names.quantity_of).eq("pX")
            units = units.mask(units.eq("") & is_px, PX)
        if units.eq("").all():
            unit = self._by_size(values)
            units, evidence = pd.Series(unit, index=within.index), "size of the values"
        if self.column.quantity == "pX":
            self._require_px(values)
            self._require_no_concentration()
        return units.astype("str"), evidence

    def _by_agreement(self) -> str:
        """The unit in which the values agree with a column whose unit is clear, or ""."""
        others = [c for c in self.columns if c.role == "value" and is_clear(c)]
        if self.column.quantity != "concentration":
            return ""
        units = (
            unit_by_agreement(self.frame, self.columns, self.column, other) for other in others
        )
        return next(filter(None, units), "")

    def _by_size(self, values: pd.Series) -> str:
        """The only unit that the size of the values allows."""
        numbers = (
            values[values.gt(0)] if self.column.quantity == "concentration" else values.dropna()
        )
        if unit := self._by_agreement():
            return unit
        if self.column.quantity == "concentration" and len(numbers):
            possible = [unit for unit in _UNITS if _is_possible(numbers, unit)]
            if len(possible) == 1:
                return possible[0]
            rule = " or ".join(possible or _UNITS)
            step = "Name the unit with --unit."
        elif self.column.quantity == "inhibition" and values.abs().max() > 1.5:
            return PERCENT_UNIT
        else:
            rule = "a unit such as nM, pIC50 or %"
            step = "Name the unit with --unit, or give a --threshold with --higher-is-active or "
            step += "--lower-is-active."
        if self.options.threshold is not None and self.options.higher_is_active is not None:
            return ""
        raise question(
            self.where, f"the unit of column '{self.name}' is missing",
            f"values from {values.min():g} to {values.max():g}", rule, step,
        )  # fmt: skip

    def _require_px(self, values: pd.Series) -> None:
        numbers = values.dropna()
        if len(numbers) and numbers.between(*PX_RANGE).mean() < 0.8:
            raise question(
                self.where, f"column '{self.name}' is named after -log10 M, but its values are "
                "not", f"values from {numbers.min():g} to {numbers.max():g}", "values from 0 to 15",
                "Name the unit with --unit, such as nM or 'log M'.",
            )  # fmt: skip

    def _require_no_concentration(self) -> None:
        """Refuse names such as PKD (nM), which may stand for a protein or a logarithm."""
        unit = names.unit_in_brackets(self.name)
        if is_concentration(unit) and unit != "M":
            raise question(
                self.where, f"column '{self.name}' may hold concentrations or their logarithms",
                f"the unit '{unit}' next to the name of a logarithm", "one of them",
                f"Give --unit {unit} or --unit pX.",
            )  # fmt: skip

    def _require_direction(self) -> None:
        """Refuse percentages and properties without a direction, as low ones may mean active."""
        high = self.options.higher_is_active
        if names.is_other(self.name) and high is None and self.strict:
            raise question(
                self.where, f"the name of column '{self.name}' does not say whether high or low "
                "values are active", "no direction", "one",
                "Give a --threshold with --higher-is-active or --lower-is-active.",
            )  # fmt: skip
        if self.column.quantity in ("remaining", "percent") and high is None:
            raise question(
                self.where, f"column '{self.name}' may be the activity that is inhibited or the "
                "one that remains", "no direction", "one", "Give --higher-is-active for "
                "inhibition, or --lower-is-active with a --threshold such as 50.",
            )  # fmt: skip

    def _require_one_scale(self, within: pd.Series) -> None:
        """Refuse cells of concentrations among cells of percentages, which cannot be compared."""
        kind = partner(self.columns, self.column, "type")
        unit = self.column.unit or self.options.unit
        units = within.where(within.ne(""), unit)[filled(self.frame[self.name]).index]
        scale = scales(units)
        shares = scale[scale.ne("")].value_counts(normalize=True)
        if not kind and len(shares) > 1 and shares.min() > _FEW:
            raise question(
                self.where, f"column '{self.name}' holds percentages and concentrations",
                f"{scale.eq(PERCENT_UNIT).sum()} and {scale.eq(PX).sum()} values",
                "one of them", "Keep the rows of one, or put them in two columns.",
            )  # fmt: skip

    def _require_plausible(self, values: pd.Series, units: pd.Series) -> None:
        """Refuse a unit in which most results are weaker than 1 mM, and negative inhibition."""
        scale = scales(units)
        scaled = to_scale(values, units)[scale.eq(PX)]
        if not self.options.unit and len(scaled) and scaled.median() < _WEAKEST_PX:
            raise question(
                self.where, f"the unit of column '{self.name}' makes most compounds weaker than "
                "1 mM", f"'{units[scaled.index[0]]}'", "the unit of the values",
                "Correct the unit, or confirm it with --unit.",
            )  # fmt: skip
        percent = values[scale.eq(PERCENT_UNIT)]
        if self.options.higher_is_active is None and percent.median() < _LEAST_PERCENT:
            raise question(
                self.where, f"column '{self.name}' has negative percentages", "values from "
                f"{percent.min():g} to {percent.max():g}", "their direction",
                "Give a --threshold with --lower-is-active or --higher-is-active.",
            )  # fmt: skip

    def _require_scale(self, units: pd.Series) -> None:
        """Refuse units from which no activity can be computed."""
        high, threshold = self.options.higher_is_active, self.options.threshold
        scaled = scales(units).ne("")
        if not scaled[units.ne("")].any() and (high is None or threshold is None):
            listed = ", ".join(f"'{unit}'" for unit in units.unique()[:3] if unit)
            raise question(
                self.where, f"no activity can be computed from the unit of '{self.name}'", listed,
                "a concentration in mol/l, pX or %", "Give a --threshold with --higher-is-active "
                "or --lower-is-active, or correct the unit with --unit.",
            )  # fmt: skip


def _is_possible(values: pd.Series, unit: str) -> bool:
    px = to_scale(values, pd.Series(unit, index=values.index))
    # IC50s of a potent series are not given in mM.
    return bool(px.between(*_POSSIBLE_PX).all()) and (unit != "mM" or px.median() < 7)
