"""From a folder of assays to rows with fixed columns; judges no measurement and no molecule."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from molmeta.curation.releases import melt_wide, read_release, release_files
from molmeta.curation.tablefiles import is_table, read_columns, table_name
from molmeta.errors import ConfigError, TableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SPLITS = ("train", "valid", "test")
COLUMNS = (
    "assay", "smiles", "smiles_fixed", "active", "value", "unit", "relation", "target", "cluster",
)  # fmt: skip
ABOUT = ("file", "assay", "target", "cluster")
TEXT = ("assay", "smiles", "unit", "relation", "target", "cluster")


@dataclass(frozen=True)
class Layout:
    """How the columns of a source are named.

    Attributes:
        kind: "long", one measurement a row, or "wide", one 0/1 column an assay.
        columns: name in the source of each of our columns, where it differs; a table that has
            none of these names, as one of your own beside a published set, is read by ours.
        unit: unit of `value` where the source has no such column.
        about: a table of the assays themselves that stands beside the source, where there is one:
            its `file`, and its columns `assay`, `target` and `cluster`, by the name they have.
    """

    kind: Literal["long", "wide"] = "long"
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    unit: str = ""
    about: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        unknown = sorted(set(self.columns) - set(COLUMNS)) + sorted(set(self.about) - set(ABOUT))
        if self.kind not in ("long", "wide") or unknown:
            raise ConfigError(
                f"layout: kind or columns mean nothing here; got '{self.kind}' and {unknown}, "
                f"expected 'long' or 'wide' and keys among {list(COLUMNS)}. Correct the config."
            )


def find_tables(folder: Path, *, splits: Sequence[str] = SPLITS) -> dict[tuple[str, str], Path]:
    """Return the path of every table by (split, table), in the order of the names.

    A split is a folder of tables, a folder of FS-Mol's release (one table, named as the split),
    or a single file named as the split.

    Raises:
        TableError: a split is missing or empty, or two files of a split have the same name.
    """
    found: dict[tuple[str, str], Path] = {}
    for split in splits:
        for name, path in _tables_of(folder, split):
            if (split, name) in found:
                raise TableError(
                    f"{path}: table '{name}' is there twice; got {found[split, name]} too, "
                    "expected one file a name. Rename or remove one of them."
                )
            found[split, name] = path
    return found


def read_table(path: Path, *, layout: Layout | None = None) -> pd.DataFrame:
    """Read one table, or one folder of FS-Mol's release, into rows with fixed columns.

    Returns:
        `row` (int64, as in the source), then text columns assay, smiles, unit, relation, target
        and cluster, "" where unknown; `active` and `value` as they stand, each only where the
        source has it.

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


def check_assays_distinct(assays: Mapping[tuple[str, str], Iterable[str]]) -> None:
    """Refuse an assay that stands in two tables, of one split or of two.

    Args:
        assays: names of the assays of each (split, table).

    Raises:
        TableError: with both places.
    """
    owner: dict[str, tuple[str, str]] = {}
    for place, names in assays.items():
        for name in dict.fromkeys(names):
            if name in owner:
                raise TableError(
                    f"{'/'.join(place)}: assay '{name}' stands in two tables; got it in "
                    f"{'/'.join(owner[name])} too, expected every assay once. "
                    "Rename or remove one of them."
                )
            owner[name] = place


def _tables_of(folder: Path, split: str) -> list[tuple[str, Path]]:
    inside = folder / split
    if inside.is_dir() and release_files(inside):
        return [(split, inside)]
    within = sorted(inside.iterdir()) if inside.is_dir() else []
    beside = sorted(folder.glob(f"{split}.*")) if folder.is_dir() else []
    tables = [p for p in within if is_table(p)] + [
        p for p in beside if is_table(p) and table_name(p) == split
    ]
    if not tables:
        raise TableError(
            f"{inside}: holds no table; got {[p.name for p in within][:5]}, expected CSV, TSV or "
            "Parquet files, .gz allowed. Put at least one assay there."
        )
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
    """Forget the names of a published set for a table that has none of them, as one of your own."""
    named = any(name in frame.columns for name in layout.columns.values())
    return layout if named or not layout.columns else replace(layout, columns={})


def _described(rows: pd.DataFrame, layout: Layout, where: Path) -> pd.DataFrame:
    """Fill in target and cluster from the table of the assays, where the rows do not give them."""
    if not layout.about:
        return rows
    path = where.parent / Path(layout.about.get("file", "")).name
    about = read_columns(path)
    names = {ours: layout.about.get(ours, ours) for ours in ABOUT[1:]}
    _require(names["assay"] if names["assay"] in about else None, names["assay"], about, path)
    assays = about[names["assay"]].astype("str")
    for column in ("target", "cluster"):
        if names[column] in about:
            known = dict(zip(assays, _text(about, names[column]), strict=True))
            given = rows["assay"].map(known).fillna("")
            rows[column] = rows[column].where(rows[column].ne(""), given)
    return rows


def _renamed(frame: pd.DataFrame, layout: Layout, where: Path) -> pd.DataFrame:
    sources = {column: _source_column(frame, layout, column) for column in COLUMNS}
    for ours in layout.columns:
        _require(sources.get(ours), layout.columns[ours], frame, where)
    _require(sources["smiles"], "smiles", frame, where)
    return pd.DataFrame({ours: frame[its] for ours, its in sources.items() if its is not None})


def _source_column(frame: pd.DataFrame, layout: Layout, ours: str) -> str | None:
    wanted = layout.columns.get(ours, ours)
    folded = {str(column).casefold(): str(column) for column in reversed(list(frame.columns))}
    return wanted if wanted in frame.columns else folded.get(wanted.casefold())


def _require(found: str | None, wanted: str, frame: pd.DataFrame, where: Path) -> None:
    if found is None:
        raise _missing(wanted, f"'{wanted}'", frame, where)


def _require_measurement(
    named: pd.DataFrame, frame: pd.DataFrame, layout: Layout, where: Path
) -> None:
    if "active" in named:
        return
    if "value" not in named:
        raise _missing("active", "'active' (0/1) or 'value'", frame, where, also="value")
    if "unit" not in named and not layout.unit:
        raise _missing("unit", "'unit' beside 'value' (nM, uM, pIC50, %, ...)", frame, where)


def _missing(
    wanted: str, rule: str, frame: pd.DataFrame, where: Path, *, also: str = ""
) -> TableError:
    columns = [str(column) for column in frame.columns]
    hints = [_hint(name, columns) for name in (wanted, also) if name]
    return TableError(
        f"{where}: column '{wanted}' is missing; got {columns[:12]}, expected {rule}. "
        f"{next(filter(None, hints), 'See data/README.md.')}"
    )


def _hint(wanted: str, columns: list[str]) -> str:
    close = difflib.get_close_matches(wanted, columns, n=1, cutoff=0.6)
    return f"Did you mean '{close[0]}'? Rename it to '{wanted}'." if close else ""


def _text(named: pd.DataFrame, column: str) -> pd.Series:
    if column not in named:
        return pd.Series("", index=named.index, dtype="str")
    return named[column].astype("str").fillna("").str.strip()
