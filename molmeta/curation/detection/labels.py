"""Reads a column of labels, in words or numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from molmeta.curation.detection.cells import (
    ACTIVE,
    BLANK,
    INACTIVE,
    MINUS_ONE,
    SPREADSHEET_ERRORS,
    UNDECIDED,
)
from molmeta.curation.detection.columns import stripped
from molmeta.curation.detection.questions import question

if TYPE_CHECKING:
    from molmeta.errors import TableError


def read_labels(column: pd.Series, where: object, *, strict: bool = True) -> pd.Series:
    """Labels as 0.0 and 1.0, NaN for blank cells and compounds without a result.

    Args:
        column: words or numbers.
        where: table that messages name.
        strict: refuse a label that is not understood; otherwise it stays as it is.

    Raises:
        TableError: a label that is not understood, or blanks next to actives alone.

    Example:
        >>> read_labels(pd.Series(["yes", "no", ""]), "a.csv").tolist()
        [1.0, 0.0, nan]
    """
    words = stripped(column).str.casefold()
    blank = words.isin(BLANK | SPREADSHEET_ERRORS)
    inactive = words.isin(INACTIVE)
    # In some collections -1 means inactive, in others not measured; next to 0 it is ambiguous.
    inactive |= words.isin(MINUS_ONE) & (not inactive.any())
    active = words.isin(ACTIVE)
    unknown = ~(active | inactive | blank | words.isin(UNDECIDED))
    if unknown.any() and strict:
        raise _unknown_label(column, unknown, where)
    if blank.any() and active.any() and not inactive.any() and strict:
        raise question(
            where, f"a label in '{column.name}' is blank",
            f"'{column[blank].iloc[0]}' in {blank.sum()} rows next to actives alone",
            "a label in every row", "Write 0 for inactive, or remove rows that were not measured.",
        )  # fmt: skip
    labels = pd.Series(np.select([active, inactive], [1.0, 0.0], np.nan), index=column.index)
    return labels.astype(object).where(~unknown & ~words.isin(UNDECIDED), column)


def _unknown_label(column: pd.Series, unknown: pd.Series, where: object) -> TableError:
    words = column.astype("str").str.strip()
    step = "Rename the labels."
    if set(words[~words.str.casefold().isin(BLANK)]) == {"1", "2"}:
        step = (
            f"Give --value-column '{column.name}' --threshold 1.5 with --higher-is-active if 2 is "
            "active, or --lower-is-active if 1 is."
        )
    first = ", ".join(f"'{value}'" for value in list(column[unknown].astype("str").unique())[:3])
    return question(
        where, f"a label in '{column.name}' is not understood", f"{first} in {unknown.sum()} rows",
        "1 and 0, true and false, yes and no, or active and inactive", step,
    )  # fmt: skip
