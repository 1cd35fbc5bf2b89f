"""From a folder of tables to rows with fixed columns, before any check of measurements."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import pandas as pd
from pydantic import Field

from molmeta.curation.releases import melt_wide, read_release, release_files
from molmeta.curation.tablefiles import is_table, read_columns, table_name
from molmeta.errors import TableError, closest
from molmeta.runtime.hiddenfiles import is_hidden
from molmeta.runtime.options import Options

SPLITS = ("train", "valid", "test")
Column = Literal[
    "assay", "smiles", "smiles_fixed", "active", "value", "unit", "relation", "target", "cluster",
]  # fmt: skip
COLUMNS: tuple[Column, ...] = get_args(Column)
_log = logging.getLogger(__name__)
TEXT: tuple[Column, ...] = ("assay", "smiles", "unit", "relation", "target", "cluster")


class About(Options):
    """A table that describes the assays, in the folder of your tables."""

    section = "layout"

    file: str = ""
    """File name; "" if the table is missing."""
    assay: str = "assay"
    """Column with the name of the assay."""
    target: str = "target"
    """Column with the target of the assay."""
    cluster: str = "cluster"
    """Column with the cluster of related assays."""


class Layout(Options):
    """How the columns of source tables are named: `layout` in the config.

    Raises:
        ConfigError: an unknown option or column.
    """

    section = "layout"

    kind: Literal["long", "wide"] = "long"
    """'long' for one measurement per row, 'wide' for one 0/1 column per assay, as in MoleculeNet.
    """
    columns: Mapping[Column, str] = Field(default_factory=dict[Column, str])
    """Names of columns in your tables where they differ from data/README.md. A table with none of
    these names is read by the names in data/README.md."""
    unit: str = ""
    """Unit of `value` in tables without a `unit` column: nM, uM, mM, M, pIC50, %, ..."""
    about: About = About()
    """A table that describes the assays, where your tables do not give targets and clusters."""


def find_tables(folder: Path, *, splits: Sequence[str] = SPLITS) -> dict[tuple[str, str], Path]:
    """Return the path of every table by (split, table), sorted by name within a split.

    A split is a folder of tables, or a single file named after the split. A folder of the FS-Mol
    release is one table, also named after the split.

    Raises:
        TableError: a split is missing or empty, or two files of a split have the same name.
    """
    paths: dict[tuple[str, str], Path] = {}
    for split in splits:
        for name, path in _tables_of(folder, split):
            if (split, name) in paths:
                raise TableError(
                    f"{path}: table '{name}' has two files; the other one is "
                    f"{paths[split, name]}. Rename or remove one of them."
                )
            paths[split, name] = path
    return paths


def read_table(path: Path, *, layout: Layout | None = None) -> pd.DataFrame:
    """Read a table, or a folder of the FS-Mol release, into rows with fixed columns.

    Returns:
        `row` (int64, as in the source); the text columns assay, smiles, unit, relation, target
        and cluster, "" where unknown; `active` and `value` as in the source, if it has them.

    Raises:
        TableError: the file cannot be read, or a column is missing.
    """
    layout = layout or Layout()
    if path.is_dir():
        return _described(rows_of(read_release(path), Layout(), path), layout, path)
    frame = read_columns(path)
    if layout.kind == "wide":
        smiles = _source_column(frame, layout, "smiles")
        _require(smiles, "smiles", frame, path)
        rows = rows_of(melt_wide(frame, smiles=str(smiles), where=path), Layout(), path)
    else:
        rows = rows_of(frame, _fitting(layout, frame), path)
    return _described(rows, layout, path)


def _tables_of(folder: Path, split: str) -> list[tuple[str, Path]]:
    split_folder = folder / split
    # One file of a release is one assay; as separate tables they would be thousands of jobs.
    if split_folder.is_dir() and release_files(split_folder):
        return [(split, split_folder)]
    in_folder = sorted(split_folder.iterdir()) if split_folder.is_dir() else []
    single_files = sorted(folder.glob(f"{split}.*")) if folder.is_dir() else []
    tables = [path for path in in_folder if is_table(path)]
    tables += [path for path in single_files if is_table(path) and table_name(path) == split]
    if not tables:
        raise TableError(
            f"{split_folder}: contains no tables; got {[p.name for p in in_folder][:5]}, expected "
            "CSV, TSV, Excel (.xlsx), SDF or Parquet files. Save at least one assay there."
        )
    for path in in_folder:
        if path not in tables and not (is_hidden(path.name) or path.name.startswith("README")):
            _log.warning(
                "%s: is not read, because its name is not that of a CSV, TSV, Excel (.xlsx), SDF "
                "or Parquet file", path,
            )  # fmt: skip
    return [(table_name(path), path) for path in tables]


def rows_of(frame: pd.DataFrame, layout: Layout, where: Path) -> pd.DataFrame:
    """Rows of a table in memory, in the form that `read_table` returns.

    Args:
        frame: columns as in the source; its index numbers the rows.
        layout: names of the columns.
        where: file that messages name; an assay without a name takes the file's.

    Raises:
        TableError: a column is missing.
    """
    named = _renamed(frame, layout, where)
    _require_measurement(named, frame, layout, where)
    rows = pd.DataFrame({"row": frame.index.astype("int64")}, index=frame.index)
    for column in TEXT:
        rows[column] = _text(named, column)
    if "assay" not in named:
        rows["assay"] = table_name(where)
    if "unit" not in named:
        rows["unit"] = layout.unit
    if "smiles_fixed" in named:
        fixed = _text(named, "smiles_fixed")
        rows["smiles"] = rows["smiles"].where(fixed.eq(""), fixed)
    for column in ("active", "value"):
        if column in named:
            rows[column] = named[column]
    return rows.reset_index(drop=True)


def _fitting(layout: Layout, frame: pd.DataFrame) -> Layout:
    """Return a layout without column names for a table that has none of the named columns.

    You can thus save your own tables next to those of a published collection.
    """
    named = any(name in frame.columns for name in layout.columns.values())
    return layout if named or not layout.columns else layout.model_copy(update={"columns": {}})


def _described(rows: pd.DataFrame, layout: Layout, where: Path) -> pd.DataFrame:
    """Fill in blank targets and clusters from the table that describes the assays."""
    about = layout.about
    if not about.file:
        return rows
    path = where.parent / Path(about.file).name
    frame = read_columns(path)
    _require(about.assay if about.assay in frame else None, about.assay, frame, path)
    assays = frame[about.assay].astype("str")
    for column, source in (("target", about.target), ("cluster", about.cluster)):
        if source in frame:
            description_of = dict(zip(assays, _text(frame, source), strict=True))
            described = rows["assay"].map(description_of).fillna("")
            rows[column] = rows[column].where(rows[column].ne(""), described)
    return rows


def _renamed(frame: pd.DataFrame, layout: Layout, where: Path) -> pd.DataFrame:
    sources = {column: _source_column(frame, layout, column) for column in COLUMNS}
    for column in layout.columns:
        _require(sources.get(column), layout.columns[column], frame, where)
    _require(sources["smiles"], "smiles", frame, where)
    return pd.DataFrame(
        {column: frame[source] for column, source in sources.items() if source is not None}
    )


def _source_column(frame: pd.DataFrame, layout: Layout, column: Column) -> str | None:
    """Return the name that a column has in the source; case matters only where names clash."""
    name = layout.columns.get(column, column)
    # In reverse, so that the first of columns that differ only in case wins.
    folded = {str(other).casefold(): str(other) for other in reversed(list(frame.columns))}
    return name if name in frame.columns else folded.get(name.casefold())


def _require(source: str | None, name: str, frame: pd.DataFrame, where: Path) -> None:
    if source is None:
        raise _missing(name, f"'{name}'", frame, where)


def _require_measurement(
    named: pd.DataFrame, frame: pd.DataFrame, layout: Layout, where: Path
) -> None:
    if "active" in named:
        return
    if "value" not in named:
        raise _missing("active", "'active' (0/1) or 'value'", frame, where, also="value")
    if "unit" not in named and not layout.unit:
        raise _missing("unit", "'unit' for 'value' (nM, uM, pIC50, %, ...)", frame, where)


def _missing(
    name: str, rule: str, frame: pd.DataFrame, where: Path, *, also: str = ""
) -> TableError:
    columns = [str(column) for column in frame.columns]
    close = {missing: closest(missing, columns) for missing in (name, also) if missing}
    hints = (f"Did you mean '{c}'? Rename it to '{missing}'." for missing, c in close.items() if c)
    return TableError(
        f"{where}: column '{name}' is missing; got {columns[:12]}, expected {rule}. "
        f"{next(hints, 'See data/README.md.')}"
    )


def _text(named: pd.DataFrame, column: str) -> pd.Series:
    if column not in named:
        return pd.Series("", index=named.index, dtype="str")
    # pandas keeps missing cells as NaN in "str" columns, so they are filled afterwards.
    return named[column].astype("str").fillna("").str.strip()
