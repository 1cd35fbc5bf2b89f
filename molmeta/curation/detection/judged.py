"""A table with classified columns, and the options of the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from molmeta.curation.detection.columns import Column
    from molmeta.curation.tableoptions import TableOptions


@dataclass(frozen=True)
class JudgedTable:
    """A table with classified columns, and the options of the user.

    Attributes:
        frame: the table.
        columns: of `molmeta.curation.detection.columns.classify`.
        options: what the user says, which takes precedence.
        where: file name for messages, and the assay's name if no column gives it.
        repeated: names that occur more than once in the file.
        strict: also ask about results in a column 'value' that are not numbers, and about unclear
            labels in a column 'active'. Otherwise, curation drops these rows.
    """

    frame: pd.DataFrame
    columns: Sequence[Column]
    options: TableOptions
    where: Path
    repeated: frozenset[str] = frozenset()
    strict: bool = True
