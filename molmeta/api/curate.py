"""Turns a table of measurements into curated assays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from molmeta.api._inputs import existing
from molmeta.curation.curate import Curated
from molmeta.curation.curate import curate as curate_rows
from molmeta.curation.tables import read_table
from molmeta.curation.usertables import read_user_table

if TYPE_CHECKING:
    import pandas as pd

    from molmeta.curation.curate import Rules
    from molmeta.curation.tables import Layout


def curate(
    table: Path | str | pd.DataFrame,
    *,
    rules: Rules | None = None,
    layout: Layout | None = None,
    cores: int = 1,
) -> Curated:
    """Standardise, convert, merge and label the measurements of a table.

    Args:
        table: file as `data/README.md` describes it, folder of FS-Mol's release, or frame with
            the columns of a file.
        rules: rules for rows and assays; the defaults if missing.
        layout: kind, names of columns and unit of a file.
        cores: processes that standardise molecules.

    Returns:
        Curated compounds, dropped rows with their reasons, and a summary of the assays.

    Raises:
        TableError: the table cannot be read, or a column is missing.

    Example:
        >>> import molmeta, pandas as pd
        >>> from molmeta.curation.curate import Rules
        >>> rows = pd.DataFrame({"smiles": ["OCC", "CCN", "nonsense"], "active": [1, 0, 0]})
        >>> done = molmeta.curate(rows, rules=Rules(min_compounds=2, min_class=1))
        >>> list(done.kept["smiles"]), list(done.dropped["reason"])
        (['CCO', 'CCN'], ['invalid_smiles'])
    """
    if isinstance(table, (str, Path)):
        rows = read_table(existing(table), layout=layout)
    else:
        rows = read_user_table(table).rows
    return curate_rows(rows, rules=rules, cores=cores)
