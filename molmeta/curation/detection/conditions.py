"""Finds a column by which a table holds several assays below each other, such as cell lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from molmeta.curation.detection.columns import stripped

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

_MOST, _LEAST = 0.8, 0.2
"""Share of the repeated compounds that a column must separate, and of all compounds that must be
repeated."""
_FEWEST = 3
PX_NOISE, PERCENT_NOISE, LABEL_NOISE = 0.25, 12.0, 0.1
"""Largest mean difference of replicates, in pX, percentage points, and labels of 0 and 1."""
_OF_REPLICATES = re.compile(
    r"(?<![a-z])(?:rep(?:licate|eat)?s?|run|batch|lot|plate|well|date|operator|analyst|scientist|"
    r"chemist|user|authors?|vendor|supplier|doi|pmid|journal|year|created|modified|measurement|"
    r"trial|occasion|session|notebook|passage|donor|instrument|lab|site|cro|prep|stock|dilution|"
    r"salt|data[\s_]?source|curation|page|ref(?:erence)?|row|n|sd|sem|hill|slope|cv|r2|count)"
    r"(?![a-z])",
    re.IGNORECASE,
)
"""Names of columns by which replicates of one assay differ."""
_DOSE = re.compile(r"(?<![a-z])(?:conc(?:entration)?|dose)(?![a-z])", re.IGNORECASE)


def separating_column(
    compounds: pd.Series, frame: pd.DataFrame, names: Iterable[str], values: pd.Series, noise: float
) -> str:
    """The column by whose cells the results of most repeated compounds differ, "" without one.

    Args:
        compounds: text that identifies the compound of each row, and its assay if known.
        frame: the table.
        names: columns to consider.
        values: result of each row, in pX or per cent, or labels.
        noise: largest mean difference between the results of replicates.
    """
    rows = values.index[values.notna()]
    compounds = compounds.loc[rows]
    repeated = compounds[compounds.duplicated(keep=False)]
    n = repeated.nunique()
    if n < max(_FEWEST, _LEAST * compounds.nunique()):
        return ""
    spread = values.loc[repeated.index].groupby(repeated).agg(np.ptp)
    if float(spread.mean()) <= noise:
        return ""
    candidates = (name for name in names if not _OF_REPLICATES.search(name))
    cells = ((name, stripped(frame[name]).loc[repeated.index]) for name in candidates)
    return next((name for name, column in cells if _separates(column, repeated)), "")


def dose_column(frame: pd.DataFrame, names: Iterable[str]) -> str:
    """A column with several concentrations at which compounds were tested, "" without one."""
    for name in filter(_DOSE.search, names):
        shares = stripped(frame[name]).value_counts(normalize=True)
        if len(shares) > 1 and shares.iloc[1] >= _LEAST:
            return name
    return ""


def _separates(cells: pd.Series, compounds: pd.Series) -> bool:
    cells = cells[cells.ne("")]
    n_distinct, n_compounds = cells.nunique(), compounds.nunique()
    # Of an identifier or a measured property, most cells are different.
    if not 2 <= n_distinct <= max(2, n_compounds // 2):
        return False
    by_compound = cells.groupby(compounds.loc[cells.index]).nunique()
    return bool(by_compound.ge(2).sum() >= _MOST * n_compounds)
