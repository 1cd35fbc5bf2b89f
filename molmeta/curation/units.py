"""Units and qualifiers of measurements, and their conversion to pX = -log10 M or % inhibition."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

MOLAR = {
    "fm": -15, "pm": -12, "nm": -9, "um": -6, "mm": -3, "m": 0,
    "pmol/l": -12, "nmol/l": -9, "umol/l": -6, "mmol/l": -3, "mol/l": 0,
    "picomolar": -12, "nanomolar": -9, "micromolar": -6, "millimolar": -3, "molar": 0,
}  # fmt: skip
"""Power of ten of each unit of concentration, in mol/l."""
LOGARITHMIC = frozenset({
    "px", "pxc50", "pic50", "pec50", "pac50", "pki", "pkd", "pchembl", "pchembl_value",
    "pchembl value", "pgi50", "pkb", "-log10 m", "-log10(m)", "-log m", "-log(m)",
})  # fmt: skip
PERCENT = frozenset({"%", "percent", "% inhibition", "%inhibition", "percent inhibition"})
FOREIGN = frozenset({
    "ug/ml", "ng/ml", "mg/ml", "mg/l", "ug/l", "g/l", "pg/ml", "ug ml-1", "ng ml-1", "mg l-1",
    "mg/kg", "ppm", "kcal/mol",
    "kj/mol", "rfu", "rlu", "cpm", "fold", "1/s", "s-1", "s", "min", "h", "m-1s-1", "ml/min",
    "u/ml", "iu/ml", "°c", "millimetre", "cm",
})  # fmt: skip
"""Units that neither pX nor % can be computed from."""

PX = "pX"
PERCENT_UNIT = "%"
PX_RANGE = (0.0, 15.0)
LARGEST_PERCENT = 500.0
"""Range of plausible values in pX, and the largest plausible percentage."""
RELATIONS = {
    "": "=", "=": "=", "==": "=", "~": "~", "~=": "~", "≈": "~", "ca.": "~",
    "<": "<", "<=": "<", "=<": "<", "<<": "<", "≤": "<",
    ">": ">", ">=": ">", "=>": ">", ">>": ">", "≥": ">",
}  # fmt: skip
FLIPPED = {"<": ">", ">": "<", "=": "=", "~": "~"}
_QUALIFIED = re.compile(r"^\s*([<>=~≤≥≈]{0,2})\s*(.*?)\s*$")


def scale_of(unit: str) -> str:
    """Return "pX" or "%" for a unit, and "" for any other.

    Case does not matter, except that mm is a length. Both Unicode signs for micro are accepted.

    Example:
        >>> scale_of("µM"), scale_of("% inhibition"), scale_of("ug/ml"), scale_of("mm")
        ('pX', '%', '', '')
    """
    name = _plain(unit)
    if name in MOLAR or name in LOGARITHMIC:
        return PX
    return PERCENT_UNIT if name in PERCENT else ""


def is_foreign(unit: str) -> bool:
    """Whether a text is a unit from which neither pX nor % can be computed.

    Example:
        >>> is_foreign("µg/mL"), is_foreign("nM"), is_foreign("mm")
        (True, False, True)
    """
    return _plain(unit) in FOREIGN


def is_concentration(unit: str) -> bool:
    """Whether a unit is one of concentration, so that low values are potent.

    Example:
        >>> is_concentration("nM"), is_concentration("pIC50")
        (True, False)
    """
    return _plain(unit) in MOLAR


def scales(units: pd.Series) -> pd.Series:
    """Return `scale_of` of each unit."""
    return _lookup(units, {unit: scale_of(unit) for unit in _distinct(units)})


def relations(texts: pd.Series) -> pd.Series:
    """Return "=", "<", ">" or "~" for each qualifier, and "" for any other.

    A blank means "=". Quotes, as in older ChEMBL exports, are removed.
    """
    table = {text: RELATIONS.get(text.strip("'\" "), "") for text in _distinct(texts)}
    return _lookup(texts, table)


def split_qualifiers(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Split text such as ">10000" into qualifier and number.

    Returns:
        Qualifiers, "" where missing; and float64 numbers, NaN where the rest is not a number.
    """
    if pd.api.types.is_numeric_dtype(values):
        blank = pd.Series("", index=values.index, dtype="str")
        return blank, values.astype("float64")
    parts = values.astype("str").fillna("").str.extract(_QUALIFIED)
    return parts[0].fillna(""), pd.to_numeric(parts[1], errors="coerce").astype("float64")


def to_scale(values: pd.Series, units: pd.Series) -> pd.Series:
    """Convert concentrations to -log10 M, and leave values in other units unchanged.

    Args:
        values: float64. NaN, infinite and non-positive concentrations give NaN or infinity.
        units: unit of each value.

    Example:
        >>> to_scale(pd.Series([100.0, 7.0]), pd.Series(["nM", "pIC50"])).tolist()
        [7.0, 7.0]
    """
    table = {unit: float(MOLAR.get(_plain(unit), np.nan)) for unit in _distinct(units)}
    exponents = units.map(table).astype("float64")
    # Zero and negative values become infinity and NaN; `measurements` reports these rows.
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = pd.Series(-np.log10(values.to_numpy()), index=values.index) - exponents
    return logarithms.where(exponents.notna(), values)


def flip_for_concentrations(relation: pd.Series, units: pd.Series) -> pd.Series:
    """Reverse "<" and ">" where the unit is a concentration: above 10 uM is below pX 5."""
    molar = units.map({unit: _plain(unit) in MOLAR for unit in _distinct(units)}).astype(bool)
    return relation.map(FLIPPED).fillna("").where(molar, relation)


def _plain(unit: str) -> str:
    # First the micro sign of UTF-8 that was read as Latin-1: it contains the sign itself.
    text = unit.strip().rstrip(".").replace("\u00c2\u00b5", "u").replace("\u00b5", "u")
    # A zone of inhibition is measured in mm; case alone tells it from a concentration.
    return "millimetre" if text == "mm" else text.replace("\u03bc", "u").casefold()


def _distinct(texts: pd.Series) -> Iterable[str]:
    return [str(text) for text in texts.unique()]


def _lookup(texts: pd.Series, table: dict[str, str]) -> pd.Series:
    return texts.map(table).fillna("").astype("str")
