"""Finds a column by which a table holds several assays below each other, such as cell lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from molmeta.curation.detection.cells import parse_cell
from molmeta.curation.detection.columns import stripped

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

_MOST, _LEAST = 0.8, 0.2
"""Share of the repeated compounds that a column must separate, and of all compounds that must be
repeated."""
_FEWEST = 3
_OF_REPLICATES = re.compile(
    r"(?<![a-z])(?:rep(?:licate|eat)?s?|run|batch|lot|plate|well|date|day|exp(?:eriment)?|operator|"
    r"analyst|scientist|chemist|user|page|ref(?:erence)?|source|doi|journal|year|author|comments?|"
    r"notes?|remarks?|id|no|number|code|name|sample|row|vendor|supplier|n)(?![a-z])",
    re.IGNORECASE,
)
"""Names of columns by which replicates of one assay differ."""
_CONDITION = re.compile(
    r"(?<![a-z])(?:conc(?:entration)?|dose|time|temp(?:erature)?|ph|hours?|h)(?![a-z])",
    re.IGNORECASE,
)
"""Names of conditions that are numbers; other numbers are results or properties."""


def separating_column(compounds: pd.Series, frame: pd.DataFrame, names: Iterable[str]) -> str:
    """The column by whose cells the repeats of most compounds differ, "" without one.

    Args:
        compounds: text that identifies the compound of each row, and its assay if known.
        frame: the table.
        names: columns to consider.
    """
    repeated = compounds[compounds.duplicated(keep=False)]
    n = repeated.nunique()
    if n < max(_FEWEST, _LEAST * compounds.nunique()):
        return ""
    candidates = (name for name in names if not _OF_REPLICATES.search(name))
    cells = ((name, stripped(frame[name]).loc[repeated.index]) for name in candidates)
    return next((name for name, column in cells if _separates(name, column, repeated)), "")


def _separates(name: str, cells: pd.Series, compounds: pd.Series) -> bool:
    distinct = cells.unique()
    # Of an identifier, every cell is different.
    if not 2 <= len(distinct) <= max(2, compounds.nunique() // 2) or cells.eq("").any():
        return False
    if all(parse_cell(str(text)) for text in distinct) and not _CONDITION.search(name):
        return False
    by_compound = cells.groupby(compounds)
    return bool(by_compound.nunique().eq(by_compound.size()).mean() >= _MOST)
