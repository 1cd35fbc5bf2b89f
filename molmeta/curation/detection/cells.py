"""Cells as people write them: numbers with units and qualifiers, labels in words, dates."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import NamedTuple

import pandas as pd

from molmeta.curation.units import RELATIONS, is_foreign, scale_of

ACTIVE = frozenset({
    "1", "1.0", "true", "t", "yes", "y", "active", "positive", "pos", "+", "hit", "binder",
    "inhibitor", "probe",
})  # fmt: skip
INACTIVE = frozenset({
    "0", "0.0", "false", "f", "no", "n", "inactive", "negative", "neg", "-", "not active",
    "non-hit", "non-binder", "nonbinder", "non-inhibitor", "noninhibitor",
})  # fmt: skip
MINUS_ONE = frozenset({"-1", "-1.0"})
"""Inactive, unless the column has another word for inactive: then it may be 'not measured'."""
UNDECIDED = frozenset({
    "inconclusive", "unspecified", "ambiguous", "not tested", "not determined", "nt", "nd", "n.d.",
    "n.t.",
})  # fmt: skip
"""Words for a compound without a result."""
BLANK = frozenset({"", "nan", "na", "n/a", "none", "null", "<na>"})
SPREADSHEET_ERRORS = frozenset({"#n/a", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!"})

_MONTH = r"(?:jan|feb|m[aä]r|mrz|apr|may|mai|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zä]*"
_DATE = re.compile(
    rf"\d{{4}}-\d\d?-\d\d?(?:[ t][\d:.]+)?|\d{{1,2}}[-/. ]+{_MONTH}(?:[-/. ]+\d{{2,4}})?"
    rf"|{_MONTH}[-/. ]+\d{{1,4}}|\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}",
    re.IGNORECASE,
)
_ERROR = r"(?:±|\+/-|\+-)\s*[\d.,]+(?:[eE][-+]?\d+)?"
_CELL = re.compile(
    r"(?P<qualifier>[<>=~≤≥≈]{0,2}|ca\.)\s*"
    r"(?P<number>[-+]?(?:\d{1,3}(?:[ ']\d{3})+(?:[.,]\d+)?|[.,]?\d[\d.,]*)(?:[eE][-+]?\d+)?)\s*"
    rf"(?:{_ERROR}\s*)?(?P<unit>[^\s\d(±][^(±]*?)?\s*(?:{_ERROR})?\s*(?:\([^)]*\))?"
)
_SPELLINGS = (
    (re.compile(r"^(?:approx(?:\.|imately)?|about|circa)\s*", re.IGNORECASE), "~"),
    (re.compile(r"^([<>])\s+="), r"\1="),
    (re.compile(r"(?<=\d)\s*[x\u00d7·*]\s*10\s*\^?\s*([-+]?\d+)$"), r"e\1"),
    (re.compile(r"(?<=\d)(?:\s*[*†‡§#]+|[⁰¹²³⁴⁵⁶⁷⁸⁹ᵃᵇᶜᵈᵉ]+|[a-d])$"), ""),
)
"""Spellings of numbers, and what to replace them with."""
_PLAIN = re.compile(r"[<>=~≤≥≈]{0,2}\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
# Three digits after a comma or point may be thousands (1,234): alone they decide nothing.
_COMMA_IS_DECIMAL = re.compile(
    r"[-+]?(?:\d*,(?:\d{1,2}|\d{4,})|0,\d+|\d{1,3}(?:\.\d{3})+,\d+)(?:[eE][-+]?\d+)?$"
    r"|[-+]?\d+,\d+[eE]"
)
_COMMA_IS_GROUP = re.compile(r"[-+]?\d{1,3}(?:(?:,\d{3}){2,}|(?:,\d{3})+\.\d*)$")
_POINT_IS_DECIMAL = re.compile(
    r"[-+]?(?:\d*\.(?:\d{0,2}|\d{4,})|0\.\d+|\.\d+|\d{4,}\.\d+)(?:[eE][-+]?\d+)?$"
    r"|[-+]?\d+\.\d+[eE]"
)
_GROUPS = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+")
_POINT_IS_GROUP = re.compile(r"[-+]?\d{1,3}(?:\.\d{3}){2,}$")

TYPED = "e0"
"""Ending of numbers whose decimal sign is known to be a point, even if other cells use a comma."""


class Parsed(NamedTuple):
    """A cell that starts with a number: qualifier, number as written, unit; "" where missing."""

    qualifier: str
    number: str
    unit: str


class Numbers(NamedTuple):
    """The numbers of a column.

    Attributes:
        texts: of each row, qualifier and number with a decimal point; other cells unchanged.
        units: of each row, the unit within the cell, "" if missing.
        is_number: of each row, whether the cell is a number.
    """

    texts: pd.Series
    units: pd.Series
    is_number: pd.Series


def plain(text: str) -> str:
    """A cell without surrounding blanks, HTML escapes, no-break spaces or a leading apostrophe."""
    text = html.unescape(text) if "&" in text else text
    text = text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2212", "-").strip()
    return text[1:].lstrip() if text[:1] == "'" and text.count("'") == 1 else text


@lru_cache(maxsize=1 << 17)
def parse_cell(text: str) -> Parsed | None:
    """The number that a cell holds, or None for any other text.

    Example:
        >>> parse_cell(">10 µM")
        Parsed(qualifier='>', number='10', unit='µM')
        >>> [parse_cell(text) is None for text in ("35 ± 4", "17*", "3 x 10^2", "10-20")]
        [False, False, False, True]
    """
    match = _CELL.fullmatch(_unmarked(plain(text)))
    if match is None:
        return None
    unit = (match["unit"] or "").strip()
    if unit and not is_unit(unit):
        return None
    qualifier = "~" if match["qualifier"] == "ca." else match["qualifier"]
    return Parsed(qualifier, match["number"], unit) if qualifier in RELATIONS else None


def _unmarked(text: str) -> str:
    """A number as in a table of a paper, without marks of footnotes and in plain notation."""
    for pattern, plainly in _SPELLINGS:
        text = pattern.sub(plainly, text)
    return text


def is_unit(text: str) -> bool:
    """Whether a text is a unit, convertible or not."""
    return scale_of(text) != "" or is_foreign(text)


def is_date(text: str) -> bool:
    """Whether a cell is a date, such as Excel makes of '1-2'."""
    return _DATE.fullmatch(text.strip()) is not None


def is_blank(text: str) -> bool:
    """Whether a cell is blank, or holds the error of a formula."""
    word = text.strip().casefold()
    return word in BLANK or word in SPREADSHEET_ERRORS


def decimal_of(numbers: list[str]) -> str:
    """The decimal sign of numbers as written, "?" if it is not clear and "!" if both occur.

    Example:
        >>> [decimal_of(list(n)) for n in (("7,5",), ("1,234.5",), ("1,234",), ("7.5", "7,5"))]
        [',', '.', '?', '!']
    """
    comma = any(_COMMA_IS_DECIMAL.match(n) or _POINT_IS_GROUP.match(n) for n in numbers)
    point = any(_POINT_IS_DECIMAL.match(n) or _COMMA_IS_GROUP.match(n) for n in numbers)
    if comma or point:
        return "!" if comma and point else ("," if comma else ".")
    return "?" if any("," in number for number in numbers) else "."


def groups_of_three(numbers: list[str]) -> bool:
    """Whether commas must separate thousands, because numbers of three digits have none.

    Example:
        >>> groups_of_three(["1,234", "567"]), groups_of_three(["1,234", "5"])
        (True, False)
    """
    whole = [int(number) for number in numbers if number.isdigit()]
    return any(100 <= n < 1000 for n in whole) and max(whole) < 1000


def may_be_groups(numbers: list[str]) -> bool:
    """Whether each point may separate groups of three digits.

    Example:
        >>> may_be_groups(["1.234", "567"]), may_be_groups(["1.234", "0.5"])
        (True, False)
    """
    dotted = [number for number in numbers if "." in number]
    return bool(dotted) and all(_GROUPS.fullmatch(number) for number in dotted)


def written_numbers(cells: pd.Series) -> list[str]:
    """The distinct numbers of a column as written."""
    parsed = (parse_cell(str(text)) for text in cells.unique())
    numbers = [cell.number for cell in parsed if cell is not None]
    return [number for number in numbers if not number.endswith(TYPED)]


def numbers_of(cells: pd.Series, decimal: str) -> Numbers:
    """Read the cells of a column as numbers with this decimal sign."""
    if pd.api.types.is_numeric_dtype(cells):
        return Numbers(cells, pd.Series("", index=cells.index, dtype="str"), cells.notna())
    distinct = [str(text) for text in cells.unique()]
    # Columns repeat their cells (bounds, labels), so each distinct text is parsed once.
    parsed = {text: parse_cell(text) for text in distinct}
    texts = {text: _normal(text, cell, decimal) for text, cell in parsed.items()}
    units = {text: "" if cell is None else cell.unit for text, cell in parsed.items()}
    is_number = {text: cell is not None for text, cell in parsed.items()}
    return Numbers(
        cells.map(texts).astype("str"),
        cells.map(units).astype("str"),
        cells.map(is_number).astype(bool),
    )


def _normal(text: str, cell: Parsed | None, decimal: str) -> str:
    if cell is None:
        return "" if text.strip().casefold() in SPREADSHEET_ERRORS else text
    if cell.number.endswith(TYPED):
        return f"{cell.qualifier}{cell.number}"
    # Kept as written, because it has no groups or unit to remove.
    if decimal == "." and _PLAIN.fullmatch(text.strip()):
        return text
    group = "." if decimal == "," else ","
    number = cell.number.replace(" ", "").replace("'", "").replace(group, "")
    return f"{cell.qualifier}{number.replace(decimal, '.')}"
