"""Classifies the columns of a table by their names and cells, and records the evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import pandas as pd

from molmeta.curation.detection import cells as texts
from molmeta.curation.detection import names
from molmeta.curation.detection.structures import are_structures, is_structure_name
from molmeta.curation.units import RELATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from molmeta.curation.detection.names import Quantity

Role = Literal[
    "structure", "value", "label", "relation", "unit", "type", "assay", "target", "other",
]  # fmt: skip
_MOLECULES = 50
"""Distinct cells from which a column of structures is judged."""
_SAMPLE = 2_000
"""Cells from which a column is judged."""
_MOST = 0.8
"""Share of the cells that must fit the role of a column."""
_CLASSES = frozenset("0123456")
"""Numbers of classes."""
LABEL_NAME = re.compile(
    r"(?:is[\s_]?)?active\??|(?:.*[\W_])?(?:label|class|outcome|hit|call|classification|y|"
    r"bioactivity)\??|activity(?:[\W_](?:status|flag|comment|call))?|result|response|phenotype",
    re.IGNORECASE,
)
_RELATION_WORDS = (
    r"relation|operator|qualifier|modifier|mod|prefix|sign|symbol|relational|censor(?:ed|ing)?"
)
_RELATION_NAME = re.compile(rf"(?<![a-z])(?:{_RELATION_WORDS})(?![a-z])", re.IGNORECASE)
_UNIT_NAME = re.compile(r"(?<![a-z])units?(?![a-z])", re.IGNORECASE)
_TYPE_NAME = re.compile(
    r"(?:standard|activity|result|published|measurement|value)?[\s_]*(?:type|endpoint|parameter|"
    r"readout|measure)",
    re.IGNORECASE,
)
_ASSAY_NAME = re.compile(
    r"(?:bio)?assay(?:[\s_]*(?:name|id|title|chembl[\s_]?id|code))?|protocol(?:[\s_]*name)?"
    r"|(?:pubchem[\s_])?aid",
    re.IGNORECASE,
)
_TARGET_NAME = re.compile(
    r"target(?:[\s_]*(?:name|pref[\s_]?name|gene|symbol|chembl[\s_]?id|id|protein))?"
    r"|(?:gene|protein|receptor|kinase|enzyme)(?:[\s_]*(?:name|symbol|id))?",
    re.IGNORECASE,
)

_MEANINGS: dict[Quantity, str] = {
    "pX": "-log10 M by its name", "log": "logarithms of concentrations by its name",
    "concentration": "concentrations by its name", "inhibition": "inhibition by its name",
    "remaining": "remaining activity by its name", "percent": "percentages by its name",
    "generic": "results of any kind by its name", "": "",
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """What a column seems to contain.

    Attributes:
        name: in the table.
        position: from 0.
        role: kind of its content.
        evidence: reason for the role, in words.
        quantity: what its values measure.
        unit: of its values, "" if each value has its own unit or the unit is unknown.
        n: rows with a usable cell.
    """

    name: str
    position: int
    role: Role
    evidence: str
    quantity: Quantity = ""
    unit: str = ""
    n: int = 0


def classify(frame: pd.DataFrame, units: Mapping[str, str]) -> list[Column]:
    """Classify every column by the rows that have a structure, which leaves footnotes out.

    Args:
        frame: the table, with text cells or typed columns.
        units: units by column, from a row below the header.
    """
    rows = pd.Series(data=False, index=frame.index)
    for name in frame.columns:
        present = _sample(frame[name])
        if len(present) and _structure(str(name), filled(present)):
            rows |= stripped(frame[name]).ne("")
    compounds = frame[rows] if rows.any() else frame
    return [
        _column(str(name), i, compounds[name], units.get(str(name), ""))
        for i, name in enumerate(frame.columns)
    ]


def stripped(column: pd.Series) -> pd.Series:
    """The cells as text without surrounding blanks, "" if missing."""
    return column.astype("str").fillna("").str.strip()


def filled(column: pd.Series) -> pd.Series:
    """The cells that are not blank, as text."""
    kept = column[column.notna()].astype("str").str.strip()
    return kept[~kept.map({text: texts.is_blank(text) for text in kept.unique()}).astype(bool)]


def _column(name: str, position: int, column: pd.Series, unit: str) -> Column:
    n_present = int(stripped(column).ne("").sum())
    step = max(1, n_present // _SAMPLE)
    cells = filled(_sample(column))
    n = min(len(cells) * step, n_present)
    if not n:
        return Column(name, position, "other", "blank")
    for judge in (_structure, _relation, _unit, _type, _assay_or_target, _label):
        if judged := judge(name, cells):
            role, evidence = judged
            return Column(name, position, role, evidence, n=n)
    judged = _value(name, position, cells, unit)
    return replace(judged, n=min(judged.n * step, n_present))


def _sample(column: pd.Series) -> pd.Series:
    """Cells that are not empty, evenly spaced if there are many."""
    present = column[stripped(column).ne("")]
    return present.iloc[:: max(1, len(present) // _SAMPLE)]


def _structure(name: str, cells: pd.Series) -> tuple[Role, str] | None:
    named = is_structure_name(name)
    distinct = list(cells.unique())
    if not named and len(distinct) < max(2, len(cells) // 4):
        return None
    step = max(1, len(distinct) // _MOLECULES)
    fits = are_structures(distinct[::step], strict=not named)
    if named and fits:
        return "structure", "the name says so, and the cells are molecules"
    if fits:
        return "structure", "the cells are molecules"
    exact = name.casefold() in ("smiles", "smiles_fixed")
    return ("structure", "the name says so") if exact else None


def _relation(name: str, cells: pd.Series) -> tuple[Role, str] | None:
    signs = {text.strip("'\" ") for text in cells.unique()}
    if signs <= RELATIONS.keys() and (_RELATION_NAME.search(name) or not signs <= {"", "-", "~"}):
        return "relation", f"the cells are {_listed(signs)}"
    return ("relation", "the name says so") if name.casefold() == "relation" else None


def _unit(name: str, cells: pd.Series) -> tuple[Role, str] | None:
    share = cells.map(texts.is_unit).mean()
    if share >= _MOST or name.casefold() == "unit" or (_UNIT_NAME.search(name) and share > 0):
        return "unit", f"the cells are {_listed(cells.unique())}"
    return None


def _type(name: str, cells: pd.Series) -> tuple[Role, str] | None:
    if not _TYPE_NAME.fullmatch(name.strip()):
        return None
    named_quantities = cells.map(
        lambda text: names.quantity_of(str(text)) not in ("", "generic")
    ).mean()
    return ("type", f"the cells are {_listed(cells.unique())}") if named_quantities > 0 else None


def _assay_or_target(name: str, cells: pd.Series) -> tuple[Role, str] | None:
    if _ASSAY_NAME.fullmatch(name.strip()):
        return "assay", f"the name says so; {cells.nunique()} different"
    numeric = all(texts.parse_cell(str(text)) is not None for text in cells.unique())
    if _TARGET_NAME.fullmatch(name.strip()) and not numeric:
        return "target", f"the name says so; {cells.nunique()} different"
    return None


def _label(name: str, cells: pd.Series) -> tuple[Role, str] | None:
    words = cells.str.casefold()
    label_words = texts.ACTIVE | texts.INACTIVE | texts.MINUS_ONE | texts.UNDECIDED
    if name.casefold() == "active":
        return "label", "the name says so"
    named = LABEL_NAME.fullmatch(name.strip()) is not None
    if words.isin(label_words).mean() < _MOST or (names.is_other(name) and not named):
        # Classes in other words, or more than two classes, need a question.
        classes = named and words.nunique() <= 6 and not _is_measured(name, words)
        why = f"the name says so; the cells are {_listed(cells.unique())}"
        return ("label", why) if classes else None
    if names.unit_of(name) or names.quantity_of(name) not in ("", "generic"):
        return None
    why = "the name says so, and the cells are " if named else "the cells are "
    return "label", why + _listed(cells.unique())


def _is_measured(name: str, words: pd.Series) -> bool:
    """Whether the cells may be measured values instead of class numbers."""
    numbers = [texts.parse_cell(word) for word in words.unique()]
    whole = all(cell is not None and cell.number in _CLASSES for cell in numbers)
    text = all(cell is None for cell in numbers)
    short_text = text and words.str.len().max() <= 12
    return not (whole or short_text) or names.unit_of(name) != ""


def _value(name: str, position: int, cells: pd.Series, unit: str) -> Column:
    parsed = cells.map({text: texts.parse_cell(text) for text in cells.unique()})
    n = int(parsed.notna().sum())
    n_dates = int(cells.map(texts.is_date).sum())
    quantity, unit = names.quantity_of(name), unit or names.unit_of(name)
    if not n or (n + n_dates < len(cells) / 2 and not quantity):
        return Column(name, position, "other", "the cells are text", n=len(cells))
    if not quantity and unit and not names.is_other(name):
        quantity = "generic"
    if not quantity:
        return Column(name, position, "other", "numbers, but the name is not that of a result", n=n)
    within = {cell.unit for cell in parsed if cell is not None and cell.unit}
    source = f"unit {unit} by its name" if unit else "no unit in its name"
    source = f"units {_listed(within)} in the cells" if within else source
    return Column(
        name, position, "value", f"{n} numbers, {_MEANINGS[quantity]}, {source}", quantity, unit, n
    )


def _listed(items: Iterable[object]) -> str:
    listed = sorted(map(str, items))
    return ", ".join(f"'{item}'" for item in listed[:5]) + (", ..." if len(listed) > 5 else "")
