"""Shows how a support table is read: columns, evidence, threshold, dropped rows."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from molmeta.curation.curate import curate
from molmeta.curation.detection.choice import Choice, choose
from molmeta.curation.measurements import REASONS
from molmeta.curation.reading import is_curated
from molmeta.curation.tableoptions import TableOptions
from molmeta.curation.tables import Layout, read_table
from molmeta.curation.usertables import UserTable, by_target, judge, read_chosen, read_source
from molmeta.errors import ConfigError, MolMetaError, TableError
from molmeta.screening.supports import LEAST_SHARE, RULES, reading_of, several_assays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from molmeta.curation.detection.columns import Column

_SHOWN = 20


@dataclass(frozen=True)
class Inspection:
    """How a table is read. Printed, it is the text of `molmeta inspect`.

    Attributes:
        source: name of the table.
        notes: position of the header, and other notes on the layout.
        columns: a row for each column: its name, what it is taken for, whether it is read, its
            unit and the evidence.
        assays: a row for each assay: its name, compounds, actives and threshold.
        facts: what was understood, by subject, as in the log of a screen.
        dropped: number and first row of the dropped rows, by reason.
        options: options of the command line that fix this reading.
        layout: `layout` of the config that fixes this reading; empty where only the detection
            reads the table.
        question: what is not clear, with the option that decides; "" where all is.
    """

    source: str
    notes: Sequence[str]
    columns: pd.DataFrame
    assays: pd.DataFrame = field(default_factory=pd.DataFrame)
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    dropped: pd.DataFrame = field(default_factory=pd.DataFrame)
    options: str = ""
    layout: Mapping[str, Any] = field(default_factory=dict[str, Any])
    question: str = ""

    @property
    def config(self) -> str:
        """The layout as YAML, "" without one."""
        content = {"layout": dict(self.layout)}
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        return text if self.layout else ""

    def __str__(self) -> str:
        parts = ["; ".join([self.source, *self.notes]), _table(self.columns)]
        if len(self.assays) > 1:
            parts.append(f"{len(self.assays)} assays\n{_table(self.assays)}")
        parts.append("\n".join(f"{subject}: {text}" for subject, text in self.facts.items()))
        if len(self.dropped):
            parts.append(f"rows left out\n{_table(self.dropped)}")
        if self.options:
            parts.append(f"options that fix this reading: {self.options}")
        if self.layout:
            parts.append(f"config that fixes this reading:\n{self.config.rstrip()}")
        return "\n\n".join(filter(None, parts))


def inspect_table(
    table: Path | pd.DataFrame, options: TableOptions | None = None, assay: str = ""
) -> Inspection:
    """Find out how a table is read, and what is not clear.

    Args:
        table: file or frame.
        options: what the user says about columns, unit, threshold and direction.
        assay: name of the assay, if the table contains several.

    Raises:
        TableError: the file cannot be read at all, or is curated already.
    """
    options = options or TableOptions()
    name = table.name if isinstance(table, Path) else "table in memory"
    _require_raw(table)
    source = read_source(table, options)
    judged = judge(table, source, options)
    choice: Choice | None = None
    try:
        choice = choose(judged)
        user = by_target(read_chosen(judged, choice))
    except MolMetaError as error:
        columns = _listed(judged.columns, choice)
        return Inspection(name, source.notes, columns, question=str(error))
    seen = Inspection(
        f"{name}: {len(source.frame)} rows",
        source.notes,
        _listed(judged.columns, choice),
        options=_options(choice, options, user),
        layout=_layout(table, choice, options, user),
    )
    return _curated(seen, name, user, assay)


def _require_raw(table: Path | pd.DataFrame) -> None:
    if isinstance(table, Path) and (table.is_dir() or is_curated(table)):
        what = "a folder" if table.is_dir() else "a curated table"
        raise TableError(
            f"{table}: has nothing to find out; got {what}, expected a table of measured "
            "compounds. Use it as it is."
        )


def _curated(seen: Inspection, name: str, user: UserTable, assay: str) -> Inspection:
    """Add the assays and the dropped rows of a curated table."""
    rules = RULES.model_copy(update={"thresholds": user.thresholds})
    curated = curate(user.rows, rules=rules, least_share=LEAST_SHARE)
    assays = curated.assays.sort_values("n_compounds", ascending=False)
    names = [str(n) for n in assays["assay"] if assay in ("", n)]
    facts: Mapping[str, str] = {}
    question = "" if len(names) == 1 else several_assays(name, list(assays["assay"]), assay)
    if len(names) == 1:
        facts = dict(reading_of(name, user, curated, names[0]).facts())
        facts.pop("rows left out", "")
        about = assays.set_index("assay").loc[names[0]]
        facts = {**facts, "compounds": f"{about['n_compounds']}, {about['n_active']} active"}
        status = str(about["status"])
        question = "" if status == "ok" else f"{name}: {status}."
    return replace(
        seen,
        assays=assays[["assay", "n_compounds", "n_active", "threshold", "status"]],
        facts=facts,
        dropped=_reasons(curated.dropped[curated.dropped["assay"].isin(names)]),
        question=question,
    )


def _reasons(dropped: pd.DataFrame) -> pd.DataFrame:
    by_reason = dropped.groupby("reason")["row"].agg(["size", "min"]).reset_index()
    by_reason["reason"] = by_reason["reason"].map(REASONS)
    return by_reason.set_axis(["reason", "rows", "first row"], axis=1)


def _listed(columns: Sequence[Column], choice: Choice | None) -> pd.DataFrame:
    """What each column is taken for; columns that are read come first."""
    read = {} if choice is None else _roles(choice)
    rows = [
        {
            "column": column.name,
            "taken for": read.get(column.name, column.role),
            "read": "yes" if column.name in read else "",
            "unit": _unit(column, choice),
            "evidence": column.evidence,
        }
        for column in columns
    ]
    frame = pd.DataFrame(rows)
    return frame.sort_values("read", ascending=False, kind="stable").reset_index(drop=True)


def _roles(choice: Choice) -> dict[str, str]:
    values = choice.values
    roles = {
        choice.name: "name", choice.kind: "type", choice.target: "target", choice.assay: "assay",
        choice.relation: "relation", "" if values is None else values.source: "unit",
        "" if values is None else values.column.name: "value", choice.label: "label",
        choice.smiles: "structure",
    }  # fmt: skip
    roles.pop("", None)
    return roles


def _unit(column: Column, choice: Choice | None) -> str:
    values = None if choice is None else choice.values
    if values is None or values.column.name != column.name:
        return column.unit
    units = ", ".join(str(unit) for unit in values.units.unique() if unit)
    return f"{units} ({values.evidence})" if units else ""


def _options(choice: Choice, options: TableOptions, user: UserTable) -> str:
    """The options of the command line that make the choices of the detection explicit."""
    values = choice.values
    unit = "" if values is None or values.source or "," in user.unit else user.unit
    given: dict[str, str] = {
        "--sheet": options.sheet,
        "--smiles-column": choice.smiles,
        "--label-column": choice.label,
        "--value-column": "" if values is None or choice.label else values.column.name,
        "--unit": options.unit or ("" if choice.label else unit),
        "--decimal": options.decimal or ("" if values is None else values.decimal),
    }
    return " ".join(f"{name} {shlex.quote(value)}" for name, value in given.items() if value)


def _layout(
    table: Path | pd.DataFrame, choice: Choice, options: TableOptions, user: UserTable
) -> dict[str, Any]:
    """The layout that gives the same rows, {} without one."""
    if not isinstance(table, Path) or options.threshold is not None:
        return {}
    values = choice.values
    source = "" if values is None else values.source
    columns = {
        "smiles": choice.smiles, "active": choice.label,
        "value": "" if values is None else values.column.name, "unit": source,
        "relation": choice.relation, "assay": choice.assay, "target": choice.target,
    }  # fmt: skip
    layout: dict[str, Any] = {"columns": {role: name for role, name in columns.items() if name}}
    if values is not None and not source and "," not in user.unit:
        layout["unit"] = user.unit
    try:
        same = read_table(table, layout=Layout.from_mapping(layout))
    except (TableError, ConfigError):
        return {}
    return layout if _same_rows(same, user.rows) else {}


def _same_rows(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    return list(first.columns) == list(second.columns) and all(
        first[name].astype("str").eq(second[name].astype("str")).all() for name in first
    )


def _table(frame: pd.DataFrame) -> str:
    """A table as text, its columns aligned to the left."""
    shown = frame.head(_SHOWN) if "assay" in frame else frame
    cells = [list(map(str, frame.columns))]
    cells += [[f"{c:.4g}" if isinstance(c, float) else str(c) for c in r] for r in shown.to_numpy()]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    return "\n".join([*lines, *(["..."] if len(shown) < len(frame) else [])])
