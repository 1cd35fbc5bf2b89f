"""Chooses the column of values, and finds out their unit, sign and decimal sign."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from molmeta.curation.detection import cells as texts
from molmeta.curation.detection import names
from molmeta.curation.detection.columns import Column, filled
from molmeta.curation.detection.partners import partner
from molmeta.curation.detection.questions import missing, question
from molmeta.curation.units import (
    MOLAR,
    PERCENT_UNIT,
    PX,
    is_concentration,
    scale_of,
    split_qualifiers,
    to_scale,
)
from molmeta.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.curation.tableoptions import TableOptions

_REPLICATE = re.compile(
    r"(?<![a-z])(?:mean|geo[\s_]?mean|average|avg|median|geometric|run|rep|replicate|exp|trial|"
    r"test)(?![a-z])|\d+(?![a-z0-9])|(?<=50)[\s_]\d"
)
_LOG_UNIT = re.compile(r"log(?:10)?[\s(]*(\w+)\)?", re.IGNORECASE)
_POSSIBLE_PX = (1.5, 11.5)
"""Range of -log10 M within which a unit is possible."""
_PX_VALUES = (0.0, 15.0)
_RIVAL = 0.2
"""Share of the rows of the fullest column from which another one may be meant as well."""
_WORDS = 0.2
"""Share of the cells from which results in words are a question."""
_UNITS = ("nM", "uM", "mM", "M")
_SAME = 0.11
"""Largest difference in pX of the same result written twice."""


@dataclass(frozen=True)
class Values:
    """A column of values.

    Attributes:
        column: the column.
        texts: qualifier and number of each row with a decimal point; numbers if they are typed.
        units: unit of each row, "" where none is known.
        evidence: where the unit comes from, in words.
        source: column of the units, "" where they come from elsewhere.
        decimal: decimal sign of the cells, "" where it is a point.
    """

    column: Column
    texts: pd.Series
    units: pd.Series
    evidence: str
    source: str = ""
    decimal: str = ""


class ValueReader:
    """Reads the column of values of one table.

    Args:
        frame: the table.
        columns: what each column is taken for.
        options: what the user says.
        where: table that messages name.
    """

    def __init__(
        self, frame: pd.DataFrame, columns: Sequence[Column], options: TableOptions, where: object
    ) -> None:
        self.frame, self.columns, self.options, self.where = frame, columns, options, where
        self.candidates = [column for column in columns if column.role == "value"]

    def has_measurements(self) -> bool:
        """Whether a column is named after a measured quantity."""
        return any(column.quantity != "generic" or column.unit for column in self.candidates)

    def listed(self) -> str:
        """Names of the columns of values."""
        return ", ".join(f"'{column.name}'" for column in self.candidates[:4])

    def read(self, *, needed: bool) -> Values | None:
        """The values to read.

        Args:
            needed: False where labels are read; values that are not clear are then left out.
        """
        if needed or self.options.value_column:
            column = self._chosen()
            return self._values(column) if column is not None else None
        try:
            column = self._chosen()
            values = self._values(column) if column is not None else None
        except TableError:
            return None
        return values if values is not None and values.units.ne("").any() else None

    def _chosen(self) -> Column | None:
        if name := self.options.value_column:
            return self._given(name)
        ranked = sorted(self.candidates, key=self._tier)
        if not ranked or self._tier(ranked[0]) == 0:
            return ranked[0] if ranked else None
        best = self._tier(ranked[0])
        rivals = self._distinct([column for column in ranked if self._tier(column) == best])
        rivals += [
            column for column in ranked
            if self._tier(column) == _INHIBITION > best and 2 * rivals[0].n < column.n
        ]  # fmt: skip
        if len(rivals) > 1:
            raise question(
                self.where, "has several columns of results",
                ", ".join(f"'{column.name}' ({column.n} values)" for column in rivals[:6]), "one",
                "Name it with --value-column.",
            )  # fmt: skip
        return rivals[0]

    def _given(self, name: str) -> Column:
        listed = [column.name for column in self.columns]
        column = next((column for column in self.columns if column.name == name), None)
        if column is None:
            raise missing(self.where, name, listed)
        if column.role == "value":
            return column
        quantity = names.quantity_of(name) or "generic"
        return replace(column, role="value", quantity=quantity, unit=names.unit_of(name))

    def _tier(self, column: Column) -> int:
        """How surely a column is the result that is meant; 0 is beyond doubt."""
        standard = column.name.casefold().replace("_", " ") in ("value", "standard value")
        if standard and (self._unit_column(column) or column.unit or self.options.unit):
            return 0
        if column.quantity in ("pX", "concentration", "log"):
            return _MEASURED if scale_of(column.unit) or not column.unit else _UNCLEAR
        if column.quantity == "generic" and scale_of(column.unit) == PX:
            return _MEASURED
        return _INHIBITION if column.quantity == "inhibition" else _UNCLEAR

    def _unit_column(self, column: Column) -> str:
        """Column of the units; a pIC50 has none, and a unit next to it is that of an IC50."""
        return "" if column.quantity == "pX" else partner(self.columns, column, "unit")

    def _distinct(self, columns: Sequence[Column]) -> list[Column]:
        """Leave out replicates of a mean, other forms of the same result, and sparse columns."""
        means = {names.stem(c.name, _REPLICATE) for c in columns if names.is_mean(c.name)}
        kept = [
            column for column in columns
            if names.is_mean(column.name) or names.stem(column.name, _REPLICATE) not in means
        ]  # fmt: skip
        # Of the same result in two forms, concentrations keep their qualifiers.
        kept.sort(key=lambda column: (-column.n, column.quantity == "pX", not column.unit))
        distinct: list[Column] = []
        for column in kept:
            if not any(self._same(column, other) for other in distinct):
                distinct.append(column)
        known = [c for c in distinct if column_is_clear(c)] or distinct
        most = known[0].n
        return [c for c in distinct if c is known[0] or c.n >= max(2, _RIVAL * most)]

    def _same(self, first: Column, second: Column) -> bool:
        """Whether two columns hold the same results, where both have one."""
        differences = (self._px(first) - self._px(second)).dropna()
        if len(differences) < 3:
            return False
        differences = differences[np.isfinite(differences)]
        if not (column_is_clear(first) and column_is_clear(second)):
            # An unknown unit of concentration shifts all logarithms alike.
            differences -= differences.median()
        return bool(differences.abs().lt(_SAME).mean() >= 0.95)

    def _px(self, column: Column) -> pd.Series:
        """Values on the scale -log10 M, shifted by a constant where the unit is not known."""
        decimal = texts.decimal_of(texts.written_numbers(self.frame[column.name]))
        numbers = texts.numbers_of(self.frame[column.name], "," if decimal == "," else ".")
        _, values = split_qualifiers(numbers.texts.where(numbers.found, ""))
        unit = column.unit or ("nM" if column.quantity in ("concentration", "generic") else PX)
        return to_scale(values, pd.Series(unit, index=values.index))

    def _values(self, column: Column) -> Values:
        cells = self.frame[column.name]
        self._require_no_dates(column)
        decimal = "." if pd.api.types.is_numeric_dtype(cells) else self._decimal(column)
        numbers = texts.numbers_of(cells, decimal)
        qualifiers, values = split_qualifiers(numbers.texts)
        if self._is_logarithm(column):
            return self._from_logarithms(column, qualifiers, values)
        units, evidence = self._units(column, numbers.units, values)
        self._require_numbers(column, numbers, values, units)
        if not self.options.unit:
            self._require_direction(column, units)
        source = self._unit_column(column) if evidence.startswith("column ") else ""
        sign = "," if decimal == "," else ""
        return Values(column, numbers.texts, units, evidence, source, sign)

    def _require_no_dates(self, column: Column) -> None:
        cells = filled(self.frame[column.name])
        dates = cells[cells.map(texts.is_date).astype(bool)]
        if len(dates):
            raise question(
                self.where, f"column '{column.name}' has dates among its values",
                f"'{dates.iloc[0]}' in row {dates.index[0]}, {len(dates)} in all",
                "numbers; spreadsheets make dates of entries such as 1-2",
                "Enter these values again as text, or clear the cells.",
            )  # fmt: skip

    def _require_numbers(
        self, column: Column, numbers: texts.Numbers, values: pd.Series, units: pd.Series
    ) -> None:
        """Ask about columns with many results in words, or with zeros for them.

        Left out, they would turn the weaker half of the actives into inactives.
        """
        cells = filled(self.frame[column.name])
        tested = cells[~cells.str.casefold().isin(texts.UNDECIDED)]
        bad = ~numbers.found | (units.map(is_concentration).astype(bool) & values.le(0))
        words = tested[bad.reindex(tested.index)]
        if len(words) > _WORDS * len(tested):
            raise question(
                self.where, f"column '{column.name}' has results that are not positive numbers",
                f"'{words.iloc[0]}' in row {words.index[0]}, {len(words)} in all",
                "numbers, and bounds such as >10000 for inactive compounds",
                "Enter the highest concentration tested as a bound, or clear these cells.",
            )  # fmt: skip

    def _decimal(self, column: Column) -> str:
        """The decimal sign of a column, that of the rest of the table where its own is unclear."""
        if self.options.decimal:
            return self.options.decimal
        written = texts.written_numbers(self.frame[column.name])
        sign = texts.decimal_of(written)
        if sign in (".", ",") and not (sign == "." and _may_be_groups(written)):
            return sign
        # A table has one decimal sign, and pX has no thousands.
        comma_elsewhere = "," in self._decimals_elsewhere(column)
        if sign == "." and column.quantity in ("pX", "inhibition"):
            return "."
        if sign in (".", "?") and comma_elsewhere:
            return ","
        if sign == "?" and column.quantity == "pX":
            return ","
        if sign == "?" and texts.groups_of_three(written):
            return "."
        example = next(number for number in written if "," in number or "." in number)
        raise question(
            self.where, f"commas or points in column '{column.name}' may be decimal signs or "
            "separate thousands", f"'{example}'", "one decimal sign in all rows",
            "Give it with --decimal ',' or --decimal '.'.",
        )  # fmt: skip

    def _decimals_elsewhere(self, column: Column) -> set[str]:
        others = [c.name for c in self.columns if c.role in ("value", "other") and c != column]
        kept = [name for name in others if not pd.api.types.is_numeric_dtype(self.frame[name])]
        return {texts.decimal_of(texts.written_numbers(filled(self.frame[name]))) for name in kept}

    def _is_logarithm(self, column: Column) -> bool:
        return column.quantity == "log" or _LOG_UNIT.fullmatch(self.options.unit) is not None

    def _from_logarithms(self, column: Column, qualifiers: pd.Series, values: pd.Series) -> Values:
        """Logarithms of concentrations become pX, whose sign and qualifiers are the other way."""
        match = _LOG_UNIT.fullmatch(self.options.unit)
        unit = (match[1] if match else self.options.unit or column.unit).casefold()
        known = values.dropna()
        if not unit and len(known) and known.between(-13, -1).all():
            unit = "m"
        if unit not in MOLAR:
            raise question(
                self.where, f"the unit whose logarithm '{column.name}' gives is not clear",
                f"values from {known.min():g} to {known.max():g}", "values such as -7 for log M",
                "Name the unit with --unit, such as 'log nM' or 'log M'.",
            )  # fmt: skip
        flipped = qualifiers.str.translate(str.maketrans("<>≤≥", "><≥≤"))
        px = -(values + MOLAR[unit])
        cells = (flipped + px.map("{:.10g}".format)).where(values.notna(), "")
        units = pd.Series(PX, index=values.index)
        return Values(column, cells, units, f"logarithms of {unit}")

    def _units(self, column: Column, within: pd.Series, values: pd.Series) -> tuple[pd.Series, str]:
        """The unit of each row, and where it comes from."""
        if self.options.unit:
            return pd.Series(self.options.unit, index=within.index), "given"
        source = self._unit_column(column)
        kind = partner(self.columns, column, "type")
        units, evidence = within, "within the cells"
        if source:
            listed = self.frame[source].astype("str").fillna("").str.strip()
            units, evidence = units.where(units.ne(""), listed), f"column '{source}'"
        elif column.unit:
            units, evidence = units.where(units.ne(""), column.unit), f"name of '{column.name}'"
        if kind:
            kinds = self.frame[kind].astype("str").fillna("")
            units = units.where(units.ne(""), kinds.map(_px_of_kind))
        if units.eq("").all():
            unit = self._by_size(column, values)
            units, evidence = pd.Series(unit, index=within.index), "size of the values"
        if column.quantity == "pX":
            self._require_px(column, values)
        return units.astype("str"), evidence

    def _by_companion(self, column: Column) -> str:
        """The unit with which the values agree with those of a column of known unit, or ""."""
        if column.quantity != "concentration":
            return ""
        for other in filter(column_is_clear, self.candidates):
            shift = (self._px(column) - self._px(other)).median()
            if self._same(column, other) and abs(shift - round(shift)) < _SAME:
                return {0: "nM", 3: "uM", 6: "mM", 9: "M"}.get(round(shift), "")
        return ""

    def _by_size(self, column: Column, values: pd.Series) -> str:
        """The only unit that the size of the values allows."""
        known = values[values.gt(0)] if column.quantity == "concentration" else values.dropna()
        if unit := self._by_companion(column):
            return unit
        if column.quantity == "concentration" and len(known):
            possible = [unit for unit in _UNITS if _is_possible(known, unit)]
            if len(possible) == 1:
                return possible[0]
            rule = " or ".join(possible or _UNITS)
        elif column.quantity == "inhibition" and values.abs().max() > 1.5:
            return PERCENT_UNIT
        else:
            rule = "a unit such as nM, pIC50 or %"
        if self.options.threshold is not None and self.options.higher_is_active is not None:
            return ""
        raise question(
            self.where, f"the unit of column '{column.name}' is missing",
            f"values from {values.min():g} to {values.max():g}", rule,
            "Name the unit with --unit.",
        )  # fmt: skip

    def _require_px(self, column: Column, values: pd.Series) -> None:
        known = values.dropna()
        if len(known) and known.between(*_PX_VALUES).mean() < 0.8:
            raise question(
                self.where, f"column '{column.name}' is named after -log10 M, but its values are "
                "not", f"values from {known.min():g} to {known.max():g}", "values from 0 to 15",
                "Name the unit with --unit, such as nM or 'log M'.",
            )  # fmt: skip

    def _require_direction(self, column: Column, units: pd.Series) -> None:
        """Ask about percentages of which low ones may mean active, and units without a scale."""
        high, threshold = self.options.higher_is_active, self.options.threshold
        if column.quantity in ("remaining", "percent") and high is None:
            raise question(
                self.where, f"column '{column.name}' may be the activity that is inhibited or the "
                "one that remains", "no direction", "one", "Give --higher-is-active for "
                "inhibition, or --lower-is-active with a --threshold such as 50.",
            )  # fmt: skip
        scaled = units.map({unit: scale_of(str(unit)) for unit in units.unique()}).ne("")
        if not scaled[units.ne("")].any() and (high is None or threshold is None):
            listed = ", ".join(f"'{unit}'" for unit in units.unique()[:3] if unit)
            raise question(
                self.where, f"no activity can be computed from the unit of '{column.name}'", listed,
                "a concentration in mol/l, pX or %", "Give a --threshold with --higher-is-active "
                "or --lower-is-active, or correct the unit with --unit.",
            )  # fmt: skip


_MEASURED, _INHIBITION, _UNCLEAR = 1, 2, 3


def column_is_clear(column: Column) -> bool:
    """Whether the name alone gives a unit that is on a scale."""
    return scale_of(column.unit) != ""


def _is_possible(values: pd.Series, unit: str) -> bool:
    px = to_scale(values, pd.Series(unit, index=values.index))
    # Nobody gives the IC50 of a potent series in mM.
    return bool(px.between(*_POSSIBLE_PX).all()) and (unit != "mM" or px.median() < 7)


def _may_be_groups(written: Sequence[str]) -> bool:
    """Whether each point may separate groups of three digits."""
    dotted = [number for number in written if "." in number]
    return bool(dotted) and all(re.fullmatch(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+", n) for n in dotted)


def _px_of_kind(kind: str) -> str:
    return PX if names.quantity_of(kind) == "pX" else ""
