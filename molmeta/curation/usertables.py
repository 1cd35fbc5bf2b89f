"""Reads chemists' tables with any column names, label words, units and thresholds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from molmeta.curation.detection.choice import Choice, choose
from molmeta.curation.detection.columns import classify, filled, stripped
from molmeta.curation.detection.judged import JudgedTable
from molmeta.curation.detection.labels import read_labels
from molmeta.curation.detection.partners import without_statistics
from molmeta.curation.detection.questions import question
from molmeta.curation.detection.structures import as_smiles
from molmeta.curation.headers import TableFile, table_of_frame
from molmeta.curation.tablefiles import read_file
from molmeta.curation.tableoptions import TableOptions
from molmeta.curation.tables import Layout, read_table, rows_of
from molmeta.curation.units import is_concentration, scale_of, split_qualifiers, to_scale
from molmeta.errors import ConfigError, exists
from molmeta.molecules.compounds import smiles_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBER_AND_UNIT = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,2})?)\s*(.*?)\s*$")


@dataclass(frozen=True)
class UserTable:
    """Rows of a table, and how they were understood.

    Attributes:
        rows: as `molmeta.curation.tables.read_table` returns them.
        columns: names of the columns that were read, by role.
        unit: unit of the values, "" if missing.
        thresholds: threshold of each assay on the scale of `molmeta.curation.units`, if given.
        threshold: the threshold as given, "" for the default.
        left_out: number of rows without a usable label, by reason.
        names: names of compounds by their SMILES in `rows`, if the table has names.
    """

    rows: pd.DataFrame
    columns: Mapping[str, str]
    unit: str = ""
    thresholds: Mapping[str, float] = field(default_factory=dict[str, float])
    threshold: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])
    names: Mapping[str, str] = field(default_factory=dict[str, str])


def read_user_table(
    table: Path | pd.DataFrame, options: TableOptions | None = None, *, strict: bool = True
) -> UserTable:
    """Read a table of measured compounds with any names of columns and labels.

    Args:
        table: text, workbook, SDF or Parquet file, folder of FS-Mol's release, or a frame.
        options: what the user says about columns, unit, threshold and direction.
        strict: refuse labels and values that are not understood even if the columns have the
            documented names; otherwise curation drops and records these rows.

    Raises:
        TableError: the file cannot be read, a column is missing, a label is not understood, or two
            readings are similarly likely.
        ConfigError: options that contradict each other or the table.
    """
    options = options or TableOptions()
    if isinstance(table, Path) and exists(table) and table.is_dir():
        return UserTable(read_table(table), {})
    judged = judge(table, read_source(table, options), options, strict=strict)
    return read_chosen(judged, choose(judged))


def judge(
    table: Path | pd.DataFrame, source: TableFile, options: TableOptions, *, strict: bool = True
) -> JudgedTable:
    """Classify the columns of a table.

    Args:
        table: file or frame.
        source: its cells.
        options: as in `JudgedTable`.
        strict: as in `JudgedTable`.
    """
    where = table if isinstance(table, Path) else Path("support")
    columns = without_statistics(classify(source.frame, source.units))
    return JudgedTable(source.frame, columns, options, where, source.repeated, strict)


def read_chosen(table: JudgedTable, choice: Choice) -> UserTable:
    """Read the chosen columns.

    Raises:
        TableError, ConfigError: as `read_user_table`.
    """
    value = choice.values.column.name if choice.values is not None else ""
    for name in (choice.smiles, choice.label, value, choice.relation):
        if name in table.repeated:
            raise question(
                table.where, f"column '{name}' occurs twice",
                f"{[column.name for column in table.columns][:12]}", "every column once",
                "Rename one of them.",
            )  # fmt: skip
    return _Reader(table, choice).read()


def read_source(table: Path | pd.DataFrame, options: TableOptions) -> TableFile:
    """The cells of a file or a frame."""
    if isinstance(table, Path):
        return read_file(table, options.sheet)
    if table.empty:
        raise question(
            "support", "has no rows", "an empty table", "measured compounds", "Add some."
        )
    return table_of_frame(table)


def by_target(table: UserTable) -> UserTable:
    """Split each assay with several targets into one assay per target."""
    rows = table.rows
    named = rows[rows["target"].ne("")]
    n_targets = named.groupby("assay")["target"].nunique()
    split = rows["assay"].isin(n_targets.index[n_targets.gt(1)]) & rows["target"].ne("")
    rows = rows.assign(assay=rows["assay"].mask(split, rows["target"]))
    # The user's threshold applies to all of them.
    names = [str(name) for name in rows["assay"].unique()] if table.thresholds else []
    limit = next(iter(table.thresholds.values()), float("nan"))
    return replace(table, rows=rows, thresholds=dict.fromkeys(names, limit))


class _Reader:
    """Converts the chosen columns of a table into rows with the columns of curation."""

    def __init__(self, table: JudgedTable, choice: Choice) -> None:
        self.frame, self.choice, self.strict = table.frame, choice, table.strict
        self.options, self.where = table.options, table.where
        units = choice.values.units if choice.values is not None else pd.Series(dtype="str")
        self.units = [str(unit) for unit in units.unique() if unit]

    def read(self) -> UserTable:
        frame = self._renamed()
        if self.choice.label:
            # Rows without a structure are footnotes.
            labels = self.frame.loc[frame["smiles"].ne(""), self.choice.label]
            # Curation drops and records unknown labels, but only of the documented column.
            strict = self.strict or self.choice.label.casefold() != "active"
            frame["active"] = read_labels(labels, self.where, strict=strict)
            return self._table(frame)
        if self.options.threshold is None and self.options.higher_is_active is None:
            return self._table(frame)
        if len({scale_of(unit) for unit in self.units}) > 1:
            raise question(
                self.where, "no threshold holds for all values", f"the units {self.units}",
                "units that convert into each other", "Keep the rows of one kind of unit.",
            )  # fmt: skip
        return self._on_scale(frame) if self._high_is_potent() else self._labelled(frame)

    def _table(self, frame: pd.DataFrame) -> UserTable:
        rows = rows_of(frame, Layout(), self.where)
        chosen = self.choice
        value = chosen.values.column.name if chosen.values is not None else ""
        columns = {
            "smiles": chosen.smiles, "label": chosen.label, "value": value,
            "relation": chosen.relation, "assay": chosen.assay, "target": chosen.target,
            "name": chosen.name,
        }  # fmt: skip
        columns = {role: name for role, name in columns.items() if name}
        return UserTable(rows, columns, ", ".join(self.units), names=self._names(frame))

    def _names(self, frame: pd.DataFrame) -> dict[str, str]:
        if not self.choice.name:
            return {}
        names = stripped(self.frame[self.choice.name].reindex(frame.index))
        pairs = zip(frame["smiles"], names, strict=True)
        return {str(smiles): str(name) for smiles, name in pairs if name}

    def _on_scale(self, frame: pd.DataFrame) -> UserTable:
        """Keep the values: curation labels them on the scale pX or %."""
        table = self._table(frame)
        if self.options.threshold is None:
            return table
        limit, unit = self._threshold()
        scaled = float(to_scale(pd.Series([limit]), pd.Series([unit])).iloc[0])
        assays = [str(name) for name in table.rows["assay"].unique()]
        thresholds = dict.fromkeys(assays, scaled)
        return replace(table, thresholds=thresholds, threshold=f"{limit:g} {unit}")

    def _labelled(self, frame: pd.DataFrame) -> UserTable:
        """Label each value in its own unit, if it has no scale or another direction."""
        high = self.options.higher_is_active
        if self.options.threshold is None or high is None or len(self.units) > 1:
            raise question(
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
            threshold=f"{limit:g} {unit}".strip(),
            left_out=left_out if undecided.any() else {},
        )

    def _high_is_potent(self) -> bool:
        """Whether the values have a scale, pX or %, on which high values are active."""
        unit, high = next(iter(self.units), ""), self.options.higher_is_active
        return scale_of(unit) != "" and high in (None, not is_concentration(unit))

    def _threshold(self) -> tuple[float, str]:
        text = str(self.options.threshold)
        match = _NUMBER_AND_UNIT.match(text)
        if match is None or not (match[2] or len(self.units) < 2):
            raise ConfigError(
                f"--threshold: must be a number in the unit of the values; got '{text}' for values "
                f"in {', '.join(self.units)}, expected for example 6.5 or '100 nM'. Correct it."
            )
        table_unit = next(iter(self.units), "")
        unit = match[2] or table_unit
        if unit not in (*self.units, table_unit) and scale_of(unit) != (
            scale_of(table_unit) or "none"
        ):
            raise ConfigError(
                f"--threshold: its unit does not fit the values; got '{text}' for values in "
                f"{', '.join(self.units)}, expected a unit that converts. Correct it, or --unit."
            )
        return float(match[1]), unit

    def _renamed(self) -> pd.DataFrame:
        """The chosen columns under the names of `molmeta.curation.tables`."""
        chosen, source = self.choice, self.frame
        frame = pd.DataFrame({"smiles": smiles_texts(source[chosen.smiles])}, index=source.index)
        frame["smiles"] = frame["smiles"].map({s: as_smiles(s) for s in frame["smiles"].unique()})
        if chosen.values is not None:
            frame["value"], frame["unit"] = chosen.values.texts, chosen.values.units
        for name, column in (("relation", chosen.relation), ("target", chosen.target)):
            if column:
                frame[name] = source[column]
        for name in ("cluster", *([] if self.options.smiles_column else ["smiles_fixed"])):
            for column in source.columns:
                if str(column).casefold() == name:
                    frame[name] = source[column]
        assays = self._assays()
        return frame if assays is None else frame.assign(assay=assays)

    def _assays(self) -> pd.Series | None:
        """Names of the assays from target and kind of value; None to use the name of the file."""
        chosen, source = self.choice, self.frame
        if chosen.documented or not (chosen.assay or chosen.kind or chosen.target):
            return source[chosen.assay] if chosen.assay else None
        first = chosen.assay or chosen.target
        parts = [stripped(source[first])] if first else []
        if chosen.kind and chosen.values is not None:
            kinds = stripped(source[chosen.kind])
            measured = filled(chosen.values.texts.astype("str")).index
            used = kinds[kinds.index.isin(measured)]
            groups = used.groupby(parts[0] if parts else np.zeros(len(used)))
            if groups.nunique().gt(1).any():
                parts.append(kinds)
        if not chosen.assay and all(part.nunique() < 2 for part in parts):
            return None
        joined = parts[0] if len(parts) == 1 else parts[0] + " " + parts[1]
        return joined.str.strip()
