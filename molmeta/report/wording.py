"""Names, numbers and explanations in the words of a chemist; computes nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from molmeta.evaluation.statistics import ALL, CLEAN, NEW, OUTSIDE_PANELS


@dataclass(frozen=True)
class Measure:
    """How a metric is shown.

    Attributes:
        label: its short name.
        meaning: what it tells a chemist.
        digits: decimals in tables.
        higher: whether a higher value is better.
    """

    label: str
    meaning: str
    digits: int = 3
    higher: bool = True


MEASURES = {
    "delta_auprc": Measure(
        "ΔAUPRC",
        "Average precision minus the share of actives in the query: how far the ranking lies "
        "above picking compounds blindly. 0 is chance; with half of the compounds active, 0.5 is "
        "a perfect ranking. It is the measure of the FS-Mol benchmark.",
    ),
    "auprc": Measure(
        "Average precision",
        "Walk down the ranked list and note the share of actives so far each time one more active "
        "is found; this is the mean of those shares. It depends on how common actives are.",
    ),
    "auroc": Measure(
        "AUROC",
        "The chance that a random active is ranked above a random inactive. 0.5 is chance. It "
        "weighs the whole list alike, also the part that nobody will ever buy.",
    ),
    "bedroc20": Measure(
        "BEDROC 20",
        "Like AUROC, but the top of the list counts most: about 80 % of the score comes from the "
        "first 8 %.",
    ),
    "ef1": Measure(
        "EF 1 %",
        "Enrichment factor: how many times more actives stand in the best 1 % of the list than in "
        "a blind pick of the same size. 1 is chance; with half of the compounds active it cannot "
        "exceed 2.",
        digits=2,
    ),
    "ef5": Measure("EF 5 %", "The same for the best 5 % of the list.", digits=2),
    "brier": Measure(
        "Brier score",
        "Mean squared distance between the predicted probability and what was measured (1 or 0). "
        "Lower is better; always saying 50 % gives 0.25.",
        higher=False,
    ),
    "log_loss": Measure(
        "Log loss",
        "Like the Brier score, but being sure and wrong costs far more. Lower is better; always "
        "saying 50 % gives 0.693.",
        higher=False,
    ),
    "calibration_error": Measure(
        "Calibration error",
        "How far the stated probabilities are off on average: of compounds said to be active with "
        "70 %, do 70 % turn out active? 0 is perfect.",
        higher=False,
    ),
    "r2": Measure(
        "R²",
        "Of models that predict values: by which share the squared errors fall below those of "
        "always saying the support's mean. 0 is no better than that mean, 1 is perfect, and it "
        "can be negative.",
    ),
    "rmse": Measure(
        "RMSE",
        "Of models that predict values: the typical error in the unit of the assay, log units "
        "for pX. Lower is better.",
        digits=2,
        higher=False,
    ),
    "spearman": Measure(
        "Spearman",
        "Of models that predict values: how well their order agrees with the measured one. 0 is "
        "chance, 1 the same order.",
    ),
}

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
