"""Reads tables as chemists have them: any column names, label words, units and thresholds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pandas as pd

from molmeta.curation.tablefiles import read_columns
from molmeta.curation.tables import Layout, read_table, rows_of
from molmeta.curation.units import is_concentration, scale_of, split_qualifiers, to_scale
from molmeta.errors import ConfigError, TableError, exists, suggestion
from molmeta.molecules.compounds import smiles_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTIVE = frozenset({"1", "1.0", "true", "t", "yes", "y", "active", "positive", "pos", "+"})
INACTIVE = frozenset({"0", "0.0", "false", "f", "no", "n", "inactive", "negative", "neg", "-"})
MINUS_ONE = frozenset({"-1", "-1.0"})
"""Inactive where the column has no other word for it; else some sets mean 'not measured'."""
BLANK = frozenset({"", "nan", "na", "n/a", "none", "null", "<na>"})
_NUMBER_AND_UNIT = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,2})?)\s*(.*?)\s*$")
_UNIT_IN_NAME = (re.compile(r"[(\[]([^)\]]+)[)\]]\s*$"), re.compile(r"[_\s]([^_\s]+)$"))


@dataclass(frozen=True)
class TableOptions:
    """How to read a table of measured compounds.

    Attributes:
        smiles_column: by default 'smiles', or the only column whose name contains it.
        label_column: by default 'active', unless a threshold or a column of values is given.
        value_column: by default 'value'.
        unit: unit of the values; by default the column 'unit', or the unit in the column's name,
            such as 'IC50 (nM)'.
        threshold: value beyond which a compound is active, in the unit of the values or with a
            unit of its own, such as '100 nM'. By default the rule of FS-Mol.
        higher_is_active: whether high values mean active; by default true, and false for
            concentrations, where low values are potent.
    """

    smiles_column: str = ""
    label_column: str = ""
    value_column: str = ""
    unit: str = ""
    threshold: str | float | None = None
    higher_is_active: bool | None = None

    def __post_init__(self) -> None:
        if self.label_column and self.threshold is not None:
            raise ConfigError(
                "--threshold: applies to measured values, not to labels; got "
                f"{self.threshold} and --label-column '{self.label_column}', expected one of them. "
                "Leave one out."
            )


@dataclass(frozen=True)
class UserTable:
    """Rows of a table, and how they were understood.

    Attributes:
        rows: as `molmeta.curation.tables.read_table` returns them.
        columns: name in the source of the columns that were read, by role.
        unit: unit of the values, "" where there is none.
        thresholds: given threshold of each assay on the scale of `molmeta.curation.units`.
        threshold: the threshold as given, "" where the default applies.
        left_out: number of rows without a usable label, by reason.
    """

    rows: pd.DataFrame
    columns: Mapping[str, str]
    unit: str = ""
    thresholds: Mapping[str, float] = field(default_factory=dict[str, float])
    threshold: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])


def read_user_table(table: Path | pd.DataFrame, options: TableOptions | None = None) -> UserTable:
    """Read a table of measured compounds, whatever its columns and labels are called.

    Args:
        table: CSV, TSV or Parquet file, folder of FS-Mol's release, or a frame.
        options: names of columns, unit, threshold and direction.

    Raises:
        TableError: the file cannot be read, a column is missing, a label is not understood, or a
            value has no unit.
        ConfigError: options that contradict each other or the table.
    """
    options = options or TableOptions()
    if isinstance(table, Path) and exists(table) and table.is_dir():
        return UserTable(read_table(table), {})
    where = table if isinstance(table, Path) else Path("support")
    frame = read_columns(table) if isinstance(table, Path) else _numbered(table)
    return _Reader(frame, options, where).read()


def read_labels(column: pd.Series, where: object) -> pd.Series:
    """Labels as 0.0 and 1.0, NaN for blank cells.

    Raises:
        TableError: a label that is not understood, or blanks beside actives alone.

    Example:
        >>> read_labels(pd.Series(["yes", "no", ""]), "a.csv").tolist()
        [1.0, 0.0, nan]
    """
    words = column.astype("str").fillna("").str.strip().str.casefold()
    blank = words.isin(BLANK)
    inactive = words.isin(INACTIVE)
    # In some collections -1 means inactive, in others not measured: beside 0 it is ambiguous.
    inactive |= words.isin(MINUS_ONE) & (not inactive.any())
    active = words.isin(ACTIVE)
    unknown = ~(active | inactive | blank)
    if unknown.any():
        _refuse(
            where, f"a label in '{column.name}' is not understood", _quoted(column[unknown]),
            "1 and 0, true and false, yes and no, or active and inactive", "Rename the labels.",
        )  # fmt: skip
    if blank.any() and active.any() and not inactive.any():
        _refuse(
            where, f"a label in '{column.name}' is blank",
            f"'{column[blank].iloc[0]}' in {blank.sum()} rows beside actives alone",
            "a label in every row", "Write 0 for inactive, or remove rows that were not measured.",
        )  # fmt: skip
    return pd.Series(np.select([active, inactive], [1.0, 0.0], np.nan), index=column.index)


class _Reader:
    """Finds out what each column of one table means."""

    def __init__(self, frame: pd.DataFrame, options: TableOptions, where: Path) -> None:
        self.frame, self.options, self.where = frame, options, where
        self.names = [str(column) for column in frame.columns]
        label, value = options.label_column, options.value_column
        # A threshold, or a column of values that is named, asks for labels made from values.
        if label or not (value or options.threshold is not None):
            label = self._column("active", label)
        self.columns = {
            "smiles": self._smiles(),
            "label": label,
            "value": self._column("value", value),
        }
        if not (label or self.columns["value"]):
            self._missing(
                "active", "'active' or 'value'", "Name yours with --label-column or --value-column."
            )
        self.units = self._units() if self.columns["value"] else []

    def read(self) -> UserTable:
        frame = self._renamed()
        if self.columns["label"]:
            frame["active"] = read_labels(self.frame[self.columns["label"]], self.where)
            return self._table(frame)
        if not self.units:
            self._missing("unit", "a unit such as nM, pIC50 or %", "Name the unit with --unit.")
        if self.options.threshold is None and self.options.higher_is_active is None:
            return self._table(frame)
        if len({scale_of(unit) for unit in self.units}) > 1:
            _refuse(
                self.where, "no threshold holds for all values", f"the units {self.units}",
                "units that convert into each other", "Keep the rows of one kind of unit.",
            )  # fmt: skip
        return self._on_scale(frame) if self._high_is_potent() else self._labelled(frame)

    def _table(self, frame: pd.DataFrame) -> UserTable:
        rows = rows_of(
            frame, Layout(unit=self.options.unit or next(iter(self.units), "")), self.where
        )
        columns = {role: name for role, name in self.columns.items() if name}
        return UserTable(rows, columns, ", ".join(self.units))

    def _on_scale(self, frame: pd.DataFrame) -> UserTable:
        """Leave the labels to curation, which compares values on the scale pX or %."""
        table = self._table(frame)
        if self.options.threshold is None:
            return table
        limit, unit = self._threshold()
        scaled = float(to_scale(pd.Series([limit]), pd.Series([unit])).iloc[0])
        assays = [str(name) for name in table.rows["assay"].unique()]
        thresholds = dict.fromkeys(assays, scaled)
        return replace(table, thresholds=thresholds, threshold=f"{limit:g} {unit}")

    def _labelled(self, frame: pd.DataFrame) -> UserTable:
        """Label each value in its own unit, where a scale or its direction does not apply."""
        high = self.options.higher_is_active
        if self.options.threshold is None or high is None or len(self.units) > 1:
            _refuse(
                self.where, f"values in {', '.join(self.units)} cannot be labelled",
                f"threshold {self.options.threshold}, higher is active: {high}",
                "one unit, a --threshold, and --higher-is-active or --lower-is-active",
                "Give them, or name a unit such as nM, uM, pIC50 or % with --unit.",
            )  # fmt: skip
        limit, unit = self._threshold()
        sign = 1.0 if high else -1.0
        qualifiers, numbers = split_qualifiers(frame["value"])
        beyond = sign * (numbers - limit)
        outward = qualifiers.str.startswith(">" if high else "<")
        inward = qualifiers.str.startswith("<" if high else ">")
        # "> 10" may lie on either side of 50, so it labels nothing.
        undecided = (outward & beyond.lt(0)) | (inward & beyond.gt(0)) | numbers.isna()
        labels = (beyond.gt(0) | (outward & beyond.ge(0))).astype("float64")
        decided = frame.index[~undecided]
        kept = frame.drop(columns="value").assign(active=labels).reindex(decided)
        left_out = {"the value is missing or does not decide the label": int(undecided.sum())}
        return replace(
            self._table(kept),
            threshold=f"{limit:g} {unit}",
            left_out=left_out if undecided.any() else {},
        )

    def _high_is_potent(self) -> bool:
        """Whether the values have a scale, pX or %, on which high means active."""
        unit, high = self.units[0], self.options.higher_is_active
        return scale_of(unit) != "" and high in (None, not is_concentration(unit))

    def _threshold(self) -> tuple[float, str]:
        text = str(self.options.threshold)
        match = _NUMBER_AND_UNIT.match(text)
        if match is None or not (match[2] or len(self.units) == 1):
            raise ConfigError(
                f"--threshold: must be a number in the unit of the values; got '{text}' for values "
                f"in {', '.join(self.units)}, expected for example 6.5 or '100 nM'. Correct it."
            )
        unit = match[2] or self.units[0]
        if unit not in self.units and scale_of(unit) != (scale_of(self.units[0]) or "none"):
            raise ConfigError(
                f"--threshold: its unit does not fit the values; got '{text}' for values in "
                f"{', '.join(self.units)}, expected a unit that converts. Correct it, or --unit."
            )
        return float(match[1]), unit

    def _units(self) -> list[str]:
        if self.options.unit:
            return [self.options.unit]
        if column := self._column("unit"):
            texts = self.frame[column].astype("str").fillna("").str.strip()
            return [str(unit) for unit in texts.unique() if unit]
        unit = _unit_in(self.columns["value"])
        return [unit] if unit else []

    def _renamed(self) -> pd.DataFrame:
        """The frame with our names for the columns to read, and without others of these names."""
        used = {name: _OURS[role] for role, name in self.columns.items() if name}
        ours = {*_OURS.values(), *(["smiles_fixed"] if self.options.smiles_column else [])}
        ours |= {"unit"} if self.options.unit else set()
        clash = [name for name in self.names if name.casefold() in ours and name not in used]
        frame = self.frame.drop(columns=clash).rename(columns=used)
        return frame.assign(smiles=smiles_texts(frame["smiles"]))

    def _smiles(self) -> str:
        name = self._column("smiles", self.options.smiles_column)
        candidates = [column for column in self.names if "smiles" in column.casefold()]
        if not name and len(candidates) != 1:
            self._missing("smiles", "'smiles'", "Name yours with --smiles-column.")
        return name or candidates[0]

    def _column(self, default: str, name: str = "") -> str:
        if name and name not in self.names:
            self._missing(name, "one of these", "Correct the name.")
        return name or next((c for c in self.names if c.casefold() == default), "")

    def _missing(self, name: str, rule: str, step: str) -> NoReturn:
        _refuse(
            self.where, f"column '{name}' is missing", self.names[:12], rule,
            step + suggestion(name, self.names),
        )  # fmt: skip


_OURS = {"smiles": "smiles", "label": "active", "value": "value"}


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    if frame.empty:
        _refuse("support", "has no rows", "an empty table", "measured compounds", "Add some.")
    copy = frame.rename(columns=str)
    return copy.set_axis(pd.RangeIndex(1, len(copy) + 1))


def _unit_in(name: str) -> str:
    """The unit that the name of a column gives, as 'IC50 (nM)', 'ic50_um' and 'pIC50' do."""
    matches = [match for pattern in _UNIT_IN_NAME if (match := pattern.search(name))]
    candidates = [name, *(match[1] for match in matches)]
    return next((unit for unit in candidates if scale_of(unit)), "")


def _quoted(cells: pd.Series) -> str:
    first = [f"'{value}'" for value in list(cells.astype("str").unique())[:3]]
    return f"{', '.join(first)} in {len(cells)} rows"


def _refuse(where: object, problem: str, got: object, rule: str, step: str) -> NoReturn:
    raise TableError(f"{where}: {problem}; got {got}, expected {rule}. {step}")
