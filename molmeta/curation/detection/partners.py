"""Finds the columns of qualifiers, units and types that belong to a column of values."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from molmeta.curation.detection.names import statistic_words, stem, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.curation.detection.columns import Column, Role

_ROLE_WORDS = re.compile(
    r"(?<![a-z])(?:relation|operator|qualifier|modifier|mod|prefix|sign|symbol|units?|type|value|"
    r"results?|mean|average|avg|median|geo[\s_]?mean|geomean|[pnuµμ]m|percent|endpoint|parameter|"
    r"readout|measure)(?![a-z])"
)
_OTHER_END = {"low": "high", "high": "low", "min": "max"}


def partner(columns: Sequence[Column], value: Column, role: Role) -> str:
    """Name of the column of a role that belongs to a column of values, "" without one.

    A column belongs to the values if it is named after them. If its name is general, it belongs to
    them if it is next to them, or not next to other values.
    """
    candidates = [column for column in columns if column.role == role]
    # The name that data/README.md documents takes precedence.
    candidates.sort(key=lambda column: column.name.casefold() != role)
    stem = _stem(value.name)
    named = [column for column in candidates if _stem(column.name) == stem]
    general = [column for column in candidates if is_general(column)]
    if not named and role != "type":
        # A pIC50 next to the IC50 is the same result.
        others = [
            column for column in columns
            if column.role == "value" and column != value and column.quantity != "pX"
        ]  # fmt: skip
        named = [
            column for column in general
            if _are_neighbours(column, value)
            or not any(_are_neighbours(column, other) for other in others)
        ]  # fmt: skip
    chosen = named or (candidates if role == "type" else [])
    return chosen[0].name if chosen else ""


def is_general(column: Column) -> bool:
    """Whether the name of a column gives its role, but not the values it belongs to."""
    return _stem(column.name) == ""


def without_statistics(columns: Sequence[Column]) -> list[Column]:
    """The columns, where statistics of other columns are not taken for values.

    'IC50 n' counts replicates of 'IC50 (nM)', but 'delta IC50' next to 'gamma IC50' has results.
    """
    return [
        replace(column, role="other", evidence=f"a statistic of '{result}' by its name")
        if column.role == "value" and (result := _result_of(columns, column))
        else column
        for column in columns
    ]


def _result_of(columns: Sequence[Column], column: Column) -> str:
    """The column that holds the results of which a column has a statistic, "" without one."""
    words = words_of(column.name)
    statistic = statistic_words(column.name, has_unit=bool(column.unit))
    # A low end has a high one; alone, low is that of a condition.
    other_end = [_OTHER_END.get(word, word) if word in statistic else word for word in words]
    has_both = other_end == words or other_end in [words_of(other.name) for other in columns]
    if not (statistic and has_both):
        return ""
    bare = _stem(" ".join(word for word in words if word not in statistic))
    results = (other.name for other in columns if other.role == "value" and other != column)
    return next((name for name in results if _stem(name) == bare), "")


def _are_neighbours(first: Column, second: Column) -> bool:
    return abs(first.position - second.position) == 1


def unit_column(columns: Sequence[Column], value: Column) -> str:
    """Column of the units. A pIC50 has no unit; a unit next to it belongs to an IC50."""
    return "" if value.quantity == "pX" else partner(columns, value, "unit")


def _stem(name: str) -> str:
    return stem(name, _ROLE_WORDS)
