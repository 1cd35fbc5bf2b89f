"""Reads the name of a column: quantity, unit, or that it is not a result."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from molmeta.curation.detection.cells import is_unit, plain
from molmeta.curation.units import PERCENT_UNIT, PX, scale_of

if TYPE_CHECKING:
    from collections.abc import Sequence

Quantity = Literal[
    "pX", "log", "concentration", "inhibition", "remaining", "percent", "generic", ""
]
"""What a result measures: -log10 M, a concentration such as IC50 or its log10, % inhibition, % of
remaining activity, a percentage of unknown direction, or any result."""

_START = r"(?<![a-z])"
_HALF = r"(?:ic|ec|ac|xc|gi|ed|cc|tc|lc|ld)[\s_-]?(?:50|90)"
_CONSTANT = r"(?:k(?:[id]|app)|(?<!nf[\s_-])kb)(?![a-z])"
_MEASURE = rf"(?:{_HALF}|{_CONSTANT})"
_PATTERNS: tuple[tuple[Quantity, str], ...] = (
    # Not with an IC50 in the name: PKB, PKD and PKI are also proteins.
    ("pX", rf"^(?!.*(?<!p){_HALF}).*{_START}p{_CONSTANT}"),
    ("pX", rf"{_START}p(?:{_HALF}|chembl|activity|affinity|potency|x(?![a-z]))"),
    ("pX", rf"(?:-|neg(?:ative)?)[\s_]*log(?:10)?[\s_(]*{_MEASURE}"),
    ("log", rf"{_START}log(?:10)?[\s_(]*{_MEASURE}"),
    ("concentration", rf"{_START}{_MEASURE}|{_MEASURE}[\s_]*(?:[(\[]|$)|{_START}potency"),
    ("concentration", rf"{_START}mic(?![a-z])"),
    ("percent", r"uninhib|non[\s_-]?inhib|disinhib|loss of inhib"),
    ("remaining", r"remain|resid|(?:%|percent|pct).*(?:contr|ctrl|viab|surviv|growth|dmso)"),
    ("inhibition", r"inh(?![a-z])|inhib|displac"),
    ("percent", r"%|percent|pct"),
    (
        "generic",
        rf"{_START}(?:value|result|activity|response|measurement|affinity|readout)(?![a-z])",
    ),
)
_QUANTITIES: tuple[tuple[Quantity, re.Pattern[str]], ...] = tuple(
    (quantity, re.compile(pattern)) for quantity, pattern in _PATTERNS
)
_NOT_A_RESULT = frozenset({
    # statistics of a result
    "sd", "std", "stdev", "sem", "se", "error", "err", "count", "num", "number", "ci",
    "lower", "upper", "hill", "slope", "r2", "rsq", "chi2", "zprime",
    "max", "top", "bottom", "span", "curve", "fit", "pvalue", "runs", "replicates", "efficacy",
    "emax", "ratio", "selectivity", "le", "lle", "lipe", "bei", "sei", "efficiency", "score",
    "deviation", "variance", "confidence", "outlier", "spread", "fold", "shift", "change",
    "kinact", "yield", "vs", "lcl", "ucl", "l95", "u95", "experiments",
    # not measured
    "docking", "simulated",
    # properties, conditions and identifiers
    "mw", "molwt", "weight", "mass", "logp", "clogp", "alogp", "xlogp", "logd", "logs", "tpsa",
    "psa", "hba", "hbd", "rotatable", "rings", "pka", "purity", "solubility", "sol", "papp",
    "permeability", "clearance", "clint", "conc", "concentration", "dose", "tested", "year",
    "date", "page", "plate", "well", "batch", "lot", "charge",
    "atoms", "formula", "qed", "price", "amount", "volume", "cid", "sid", "aid", "id", "index",
    "rank", "kon", "koff", "comment", "comments", "remark", "note", "url", "units", "unit",
    "relation", "qualifier", "modifier", "mod", "operator", "prefix", "series", "violations",
})  # fmt: skip
_OFTEN_NOT_A_RESULT = frozenset({
    "cv", "delta", "flag", "high", "low", "min", "n", "nh", "ph", "tag", "temp", "temperature",
    "time", "type",
})  # fmt: skip
"""Words that are also part of targets, cells and conditions: PI3K delta, wild type, low ATP."""
_STATISTICS = frozenset({"cv", "n", "nh", "high", "low", "min"})
_COMPUTED = frozenset({"pred", "predicted", "prediction", "calc", "calculated"})
_EXPLICIT = ("pX", "log", "concentration", "inhibition")
"""Quantities that a name gives in so many words."""
_BRACKETS = re.compile(r"[(\[{]([^)\]}]+)[)\]}]")
_MEAN = re.compile(r"(?<![a-z])(?:geo[\s_]?mean|mean|average|avg|median|geometric)(?![a-z])")
_WORDS = re.compile(r"[^\W_]+")
_UNIT_TOKENS = re.compile(r"(?<![a-z\d])([pnum]m(?:ol/l|olar)?|(?<=50)[pnum]m)(?![a-z/])")
_EXCEPT_AFTER_AT = re.compile(r"@.*|(?<![a-z])at \d.*")


def quantity_of(name: str) -> Quantity:
    """The quantity that a column of this name measures, "" if unknown or not a result.

    Example:
        >>> [quantity_of(n) for n in ("pIC50", "EGFR IC50 (nM)", "% inh @ 10 uM", "IC50 SD", "MW")]
        ['pX', 'concentration', 'inhibition', '', '']
    """
    if is_other(name):
        return ""
    return _quantity_in(_folded(name))


def _quantity_in(text: str) -> Quantity:
    for quantity, pattern in _QUANTITIES:
        if pattern.search(text):
            return quantity
    return ""


def is_other(name: str) -> bool:
    """Whether the name says that a column holds a property, a statistic or an identifier.

    Example:
        >>> [is_other(n) for n in ("IC50 SD", "pIC50 (calc)", "delta Ki (nM)", "pH")]
        [True, True, False, True]
    """
    folded, words = _folded(name), {*words_of(name)}
    if words & _NOT_A_RESULT or _COMPUTED & {*_WORDS.findall(folded)}:
        return True
    named = _quantity_in(_BRACKETS.sub(" ", folded))
    return bool(words & _OFTEN_NOT_A_RESULT) and named not in _EXPLICIT


def words_of(name: str) -> list[str]:
    """The words of a name in lower case, without those in brackets.

    Example:
        >>> words_of("PI3K delta IC50 (nM)")
        ['pi3k', 'delta', 'ic50']
    """
    return _WORDS.findall(_BRACKETS.sub(" ", _folded(name)))


def statistic_words(name: str, *, has_unit: bool = True) -> tuple[str, ...]:
    """Words of a name that may be those of a statistic of another column, or of a condition.

    Args:
        name: of the column.
        has_unit: whether its values have a unit, as results do; conditions need not have one.

    Example:
        >>> statistic_words("IC50 n"), statistic_words("PI3K delta IC50"), statistic_words("IC50")
        (('n',), (), ())
    """
    words = words_of(name)
    # A difference is called delta pIC50; a delta further on is that of a target.
    start = words[:1] if words[:1] == ["delta"] else []
    known = _STATISTICS if has_unit else _OFTEN_NOT_A_RESULT - {"delta"}
    return (*start, *(word for word in words if word in known))


def unit_of(name: str) -> str:
    """The unit in the name of a column, such as 'IC50 (nM)', 'ic50_um' or 'pIC50'.

    Example:
        >>> [unit_of(n) for n in ("IC50 (nM)", "ic50_um", "pIC50", "MIC (ug/mL)", "IC50")]
        ['nM', 'um', 'pIC50', 'ug/mL', '']
    """
    quantity, folded = quantity_of(name), _folded(name)
    if quantity == "pX" or scale_of(name):
        return name if scale_of(name) else PX
    if unit := unit_in_brackets(name) or _unit_after_comma(name):
        return unit
    if quantity in ("inhibition", "remaining", "percent"):
        return PERCENT_UNIT if "%" in folded else ""
    if match := _UNIT_TOKENS.search(folded):
        start = folded.index(match[1])
        return plain(name)[start : start + len(match[1])]
    return ""


def unit_in_brackets(name: str) -> str:
    """The unit in brackets, "" without one."""
    return next((str(t).strip() for t in _BRACKETS.findall(name) if is_unit(t)), "")


def _unit_after_comma(name: str) -> str:
    text = name.rpartition(",")[2].strip()
    return text if "," in name and is_unit(text) else ""


def is_mean(name: str) -> bool:
    """Whether the name says that a column holds the mean of replicates."""
    return _MEAN.search(_folded(name)) is not None


def stem(name: str, words: re.Pattern[str]) -> str:
    """The name without some words, units and signs, to match columns that belong together.

    Example:
        >>> stem("IC50 (nM)", re.compile("x")), stem("IC50_units", re.compile("units"))
        ('ic50', 'ic50')
    """
    folded, unit = _folded(name), _folded(unit_of(name))
    # A pIC50 is its own unit, so removing it would leave nothing.
    bare = folded.replace(unit, " ") if unit and unit != folded else folded
    return " ".join(_WORDS.findall(words.sub(" ", _BRACKETS.sub(" ", bare))))


def _folded(name: str) -> str:
    """The name in lower case, without the concentration at which a percentage was measured."""
    return _EXCEPT_AFTER_AT.sub("", plain(name).replace("µ", "u").replace("μ", "u").casefold())


_COMPOUND = r"compound|molecule|mol|cmpd|cpd|ligand|drug|substance|sample|entry|item"
_COMPOUND_NAMES = (
    re.compile(rf"(?:(?:{_COMPOUND}|pref|common|generic)[\s_]*)?i?name|title", re.IGNORECASE),
    re.compile(
        rf"(?:{_COMPOUND})(?:[\s_]*(?:chembl[\s_]*)?(?:id|no\.?|number|code|key|#))?"
        r"|id|number|(?:corporate|vendor|catalog(?:ue)?|registry)[\s_]*(?:id|no\.?|number)"
        r"|(?:pubchem[\s_]*)?[cs]id|chembl[\s_]*id",
        re.IGNORECASE,
    ),
)


def compound_names(columns: Sequence[str]) -> str:
    """The column that names compounds, preferably with names and not numbers; "" without one.

    Example:
        >>> compound_names(["MW", "Compound ID", "Name"]), compound_names(["logP"])
        ('Name', '')
    """
    fits = (name for kind in _COMPOUND_NAMES for name in columns if kind.fullmatch(name.strip()))
    return next(fits, "")


_IDENTIFIER = re.compile(
    r".*(?:id|name|no|number|code|key|compound|cpd|molecule|title|index|column \d+)\W*",
    re.IGNORECASE,
)


def is_identifier(name: str) -> bool:
    """Whether the name is one of identifiers, names or numbers of compounds.

    Example:
        >>> is_identifier("Compound ID"), is_identifier("logP")
        (True, False)
    """
    return _IDENTIFIER.fullmatch(name) is not None
