"""Shows how a table of measured compounds is read, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from molmeta.api._inputs import SupportOptions, existing
from molmeta.curation.tableoptions import TableOptions
from molmeta.screening.inspection import Inspection, inspect_table

if TYPE_CHECKING:
    import pandas as pd


def inspect(
    table: Path | str | pd.DataFrame, *, assay: str = "", **options: Unpack[SupportOptions]
) -> Inspection:
    """Find out how a table of measured compounds is read, and what is not clear.

    Args:
        table: CSV, TSV, Excel, SDF or Parquet file, or a frame.
        assay: name of the assay, if the table contains several.
        options: names of columns, unit, threshold and direction of the table, named as the
            attributes of `molmeta.curation.tableoptions.TableOptions`.

    Returns:
        What each column is taken for and why, the threshold, and the dropped rows. Options and a
        config that fix this reading follow, and a question if it is not clear; see `print`.

    Raises:
        TableError: the table cannot be read at all.

    Example:
        >>> import molmeta, pandas as pd
        >>> table = pd.DataFrame({"Structure": ["CCO", "CCN"], "IC50": ["35 nM", "> 10 µM"]})
        >>> found = molmeta.inspect(table)
        >>> found.columns[["column", "taken for"]].to_numpy().tolist()
        [['Structure', 'structure'], ['IC50', 'value']]
        >>> found.facts["activity threshold"].partition(",")[0]
        'pX 6.228 (592 nM)'
    """
    source = existing(table) if isinstance(table, (str, Path)) else table
    return inspect_table(source, TableOptions(**options), assay)
