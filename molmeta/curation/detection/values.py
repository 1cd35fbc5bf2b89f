"""Chooses the column of values, or asks if several columns may be meant."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from molmeta.curation.detection import names
from molmeta.curation.detection.agreement import agree, is_clear
from molmeta.curation.detection.measures import Measures, Values
from molmeta.curation.detection.partners import unit_column
from molmeta.curation.detection.questions import missing, question
from molmeta.curation.units import PX, scale_of
from molmeta.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.curation.detection.columns import Column
    from molmeta.curation.detection.judged import JudgedTable

_REPLICATE = re.compile(
    r"(?<![a-z])(?:mean|geo[\s_]?mean|average|avg|median|geometric|run|rep|replicate|exp|trial|"
    r"test)(?![a-z])|\d+(?![a-z0-9])|(?<=50)[\s_]\d"
)
_RIVAL = 0.2
"""Share of the rows of the fullest column above which another column may be meant."""


class ValueReader:
    """Reads the column of values of one table."""

    def __init__(self, table: JudgedTable) -> None:
        self.table = table
        self.frame, self.columns = table.frame, table.columns
        self.options, self.where = table.options, table.where
        self.candidates = [column for column in table.columns if column.role == "value"]

    def has_measurements(self) -> bool:
        """Whether a column is named after a measured quantity."""
        return any(column.quantity != "generic" or column.unit for column in self.candidates)

    def listed(self) -> str:
        """Names of the columns of values."""
        return ", ".join(f"'{column.name}'" for column in self.candidates[:4])

    def read(self, *, needed: bool) -> Values | None:
        """The values to read.

        Args:
            needed: False if labels are read; unclear values are then dropped.
        """
        needed = needed or bool(self.options.value_column)
        try:
            column = self._chosen()
            values = None if column is None else Measures(self.table, column).read()
        except TableError:
            if needed:
                raise
            return None
        clear = values is not None and values.units.ne("").any()
        return values if needed or clear else None

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
        """Rank of a column as the result that is meant; 0 is certain."""
        standard = column.name.casefold().replace("_", " ") in ("value", "standard value")
        if standard and (unit_column(self.columns, column) or column.unit or self.options.unit):
            return 0
        if column.quantity in ("pX", "concentration", "log"):
            return _MEASURED if scale_of(column.unit) or not column.unit else _UNCLEAR
        if column.quantity == "generic" and scale_of(column.unit) == PX:
            return _MEASURED
        return _INHIBITION if column.quantity == "inhibition" else _UNCLEAR

    def _distinct(self, columns: Sequence[Column]) -> list[Column]:
        """Drop replicates of a mean, other forms of the same result, and sparse columns."""
        means = {names.stem(c.name, _REPLICATE) for c in columns if names.is_mean(c.name)}
        kept = [
            column for column in columns
            if names.is_mean(column.name) or names.stem(column.name, _REPLICATE) not in means
        ]  # fmt: skip
        # Of the same result in two forms, concentrations keep their qualifiers.
        kept.sort(key=lambda column: (-column.n, column.quantity == "pX", not column.unit))
        distinct: list[Column] = []
        for column in kept:
            if not any(agree(self.frame, self.columns, column, other) for other in distinct):
                distinct.append(column)
        clear = [c for c in distinct if is_clear(c)] or distinct
        most = clear[0].n
        return [c for c in distinct if c is clear[0] or c.n >= max(2, _RIVAL * most)]


_MEASURED, _INHIBITION, _UNCLEAR = 1, 2, 3
