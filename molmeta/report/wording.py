"""Names, numbers and explanations in the words of a chemist; computes nothing."""

from __future__ import annotations

import math

from molmeta.evaluation.statistics import ALL, CLEAN, NEW, OUTSIDE_PANELS

TERMS = {
    "Assay": "One measured property: compounds with a label active or inactive each.",
    "Support": "The compounds of a new assay that were measured already; all that a model is "
    "told about the assay. The support size is their number.",
    "Query": "The other compounds of the assay. The model ranks them, and only then are their "
    "labels looked at.",
    "Episode": "One draw of a support and a query from an assay. All models are judged on the "
    "same episodes, so their differences are paired.",
    "Meta-learner": "A model that learnt from other assays beforehand, so that a few compounds of "
    "a new assay are enough.",
    "Baseline": "A model that knows nothing but the support: similarity search, a Gaussian process "
    "on Tanimoto similarity, logistic regression, random forest. Meta-learning is worth its "
    "trouble only where it beats these.",
    "Interval": "95 % percentile interval of a bootstrap with 10,000 resamples that draws clusters "
    "of assays (one target, one panel) rather than single assays, because the assays of a cluster "
    "are not independent.",
    "p": "Wilcoxon's signed-rank test on the mean paired difference of each cluster, two-sided; "
    "p (Holm) is adjusted for all comparisons at one support size.",
    "Clean assay": "An assay that shares no panel with an assay the models were trained on, and "
    "less than 10 % of its compounds.",
    "New compounds": "Assays in which no model had met more than a tenth of the compounds in its "
    "own training; shown where a model keeps a record of them, as the pretrained model does.",
    "Panel": "Assays that share at least half of their compounds, such as one library screened "
    "against many kinases.",
}

SCOPES = {
    ALL: "All assays",
    CLEAN: "Clean assays",
    OUTSIDE_PANELS: "Outside panels",
    NEW: "New compounds",
}

_MODELS = {
    "pretrained": "Pretrained model",
    "profile_gp": "Profile GP",
    "protonet": "ProtoNet",
    "maml": "MAML",
    "mann": "MANN",
    "similarity": "Similarity search",
    "tanimoto_gp": "Tanimoto GP",
    "logistic_regression": "Logistic regression",
    "random_forest": "Random forest",
}
_MINUS = "\N{MINUS SIGN}"  # as wide as a plus, so that columns of differences align


def model_label(name: str) -> str:
    """Return a readable name of a model; names from the configuration stay as they are."""
    return _MODELS.get(name, name)


def in_sentence(name: str) -> str:
    """Return a model's name as it stands inside a sentence."""
    label = model_label(name)
    plain = label != name and label.split(" ")[0] in {"Similarity", "Logistic", "Random"}
    return label[0].lower() + label[1:] if plain else label


def number(value: float, digits: int = 3) -> str:
    """Return a number with a true minus sign, or a dash where there is none.

    Example:
        >>> number(0.25, 1)
        '0.2'
    """
    if not math.isfinite(value):
        return "\N{EN DASH}"
    return f"{value:.{digits}f}".replace("-", _MINUS)


def signed(value: float, digits: int = 3) -> str:
    """Return a difference with its sign."""
    return number(value, digits) if not value > 0 else f"+{value:.{digits}f}"


def span(low: float, high: float, digits: int = 3) -> str:
    """Return an interval in brackets, or nothing where it is not known."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"[{number(low, digits)}, {number(high, digits)}]"


def p_value(p: float, name: str = "p") -> str:
    """Return p with its name and sign of comparison, or nothing where it is not known.

    Example:
        >>> p_value(0.00001)
        'p < 0.001'
    """
    if not math.isfinite(p):
        return ""
    if p < 0.001:
        return f"{name} < 0.001"
    return f"{name} = {p:.2g}" if p < 0.1 else f"{name} = {p:.2f}"


def share(value: float) -> str:
    """Return a share as a whole per cent."""
    return f"{value:.0%}".replace("%", "\N{NO-BREAK SPACE}%") if math.isfinite(value) else ""


def listed(items: list[str]) -> str:
    """Return items joined as in a sentence.

    Example:
        >>> listed(["16", "32", "64"])
        '16, 32 and 64'
    """
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)
