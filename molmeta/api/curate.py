"""Turns a table of measurements into curated assays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from molmeta.api._inputs import SupportOptions, existing
from molmeta.curation.curate import Curated, Rules
from molmeta.curation.curate import curate as curate_rows
from molmeta.curation.tableoptions import TableOptions
from molmeta.curation.tables import Layout, read_table
from molmeta.curation.usertables import read_user_table
from molmeta.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd


def curate(
    table: Path | str | pd.DataFrame,
    *,
    rules: Rules | None = None,
    layout: Layout | None = None,
    cores: int = 1,
    **options: Unpack[SupportOptions],
) -> Curated:
    """Standardise, convert, merge and label the measurements of a table.

    Args:
        table: file, folder of FS-Mol's release, or frame with the columns of a file.
        rules: rules for rows and assays; the defaults if missing.
        layout: kind, names of columns and unit of a file, instead of detecting them.
        cores: processes that standardise molecules.
        options: names of columns, unit, threshold and direction of the table, named as the
            attributes of `molmeta.curation.tableoptions.TableOptions`.

    Returns:
        Curated compounds, dropped rows with their reasons, and a summary of the assays.

    Raises:
        TableError: the table cannot be read, a column is missing, or two readings of the table
            are similarly likely.
        ConfigError: options are given together with a layout.

    Example:
        >>> import molmeta, pandas as pd
        >>> from molmeta.curation.curate import Rules
        >>> rows = pd.DataFrame({"smiles": ["OCC", "CCN", "nonsense"], "active": [1, 0, 0]})
        >>> done = molmeta.curate(rows, rules=Rules(min_compounds=2, min_class=1))
        >>> list(done.kept["smiles"]), list(done.dropped["reason"])
        (['CCO', 'CCN'], ['invalid_smiles'])
    """
    source = existing(table) if isinstance(table, (str, Path)) else table
    if isinstance(source, Path) and layout not in (None, Layout()):
        _require_none(options)
        return curate_rows(read_table(source, layout=layout), rules=rules, cores=cores)
    read = read_user_table(source, TableOptions(**options), strict=False)
    rules = rules or Rules()
    # A threshold given as an option wins: it is more specific than the rules of a config.
    rules = rules.model_copy(update={"thresholds": {**rules.thresholds, **read.thresholds}})
    return curate_rows(read.rows, rules=rules, cores=cores)


def _require_none(options: SupportOptions) -> None:
    given = [name for name, value in options.items() if value not in ("", None)]
    if given:
        raise ConfigError(
            f"--{given[0].replace('_', '-')}: applies to tables that are read without a layout; "
            "got both, expected one of them. Leave one out."
        )
