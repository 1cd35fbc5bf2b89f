"""A table whose columns have been judged, and what the user says about it."""

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
    """What the choice of columns starts from.

    Attributes:
        frame: the table.
        columns: of `molmeta.curation.detection.columns.classify`.
        options: what the user has named wins.
        where: file that messages name, and the assay if no column does.
        repeated: names that several columns of the file have.
        strict: ask about results that are not numbers in a column 'value' too, and about labels
            that are not understood in a column 'active'; otherwise curation drops these rows.
    """

    frame: pd.DataFrame
    columns: Sequence[Column]
    options: TableOptions
    where: Path
    repeated: frozenset[str] = frozenset()
    strict: bool = True
