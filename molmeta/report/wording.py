"""Labels and number formats of the report."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from molmeta.evaluation.statistics import ALL, CLEAN, NEW, OUTSIDE_PANELS

if TYPE_CHECKING:
    from collections.abc import Sequence

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
_IN_SENTENCES = {
    "pretrained": "the pretrained model",
    "similarity": "similarity search",
    "tanimoto_gp": "the Tanimoto GP",
    "logistic_regression": "logistic regression",
    "random_forest": "random forest",
}
_MINUS = "\N{MINUS SIGN}"
"""As wide as a plus, so that columns of differences align."""


def model_label(name: str) -> str:
    """Return the display name of a model; names from the config stay as they are."""
    plain, _, options = name.partition(":")
    return _MODELS.get(plain, plain) + (f" ({options})" if options else "")


def in_sentence(name: str) -> str:
    """Return the name of a model as it appears within a sentence."""
    return _IN_SENTENCES.get(name, model_label(name))


def scope_labels(recorded: Sequence[str]) -> dict[str, str]:
    """Return the label of each scope of assays.

    Args:
        recorded: models that record their training compounds, and that saw some of the query.
    """
    models = listed([in_sentence(name) for name in recorded]) if len(recorded) < 3 else "any model"
    return {
        ALL: "All assays",
        CLEAN: "Not in this run's training data",
        OUTSIDE_PANELS: "Outside panels",
        NEW: f"Not seen by {models}",
    }


def percent(share: float) -> str:
    """Return a share in per cent, with three significant digits."""
    return f"{100 * share:.3g} %"


def number(value: float, digits: int = 3) -> str:
    """Return a number with a true minus sign, or a dash if it is not finite.

    Example:
        >>> number(0.25, 1)
        '0.2'
    """
    if not math.isfinite(value):
        return "\N{EN DASH}"
    # "z": what rounds to zero has no sign.
    return f"{value:z.{digits}f}".replace("-", _MINUS)


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return number(value) if not value > 0 else f"+{value:.3f}"


def span(low: float, high: float, digits: int = 3) -> str:
    """Return an interval in brackets, or "" if it is not finite."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"[{number(low, digits)}, {number(high, digits)}]"


def p_value(p: float, name: str = "p") -> str:
    """Return a p value with its name and relation, or "" if it is not finite.

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
    """Return a share as a whole percentage, or "" if it is not finite."""
    return f"{value:.0%}".replace("%", "\N{NO-BREAK SPACE}%") if math.isfinite(value) else ""


def counted(n: int, singular: str) -> str:
    """Return a number with its noun.

    Example:
        >>> counted(1, "assay"), counted(1200, "assay")
        ('1 assay', '1,200 assays')
    """
    return f"{n:,} {singular}{'' if n == 1 else 's'}"


def listed(items: Sequence[str], most: int | None = None) -> str:
    """Return items as an enumeration, with the number of the others after the first `most`.

    Example:
        >>> listed(["16", "32", "64"]), listed(["16", "32", "64"], 1)
        ('16, 32 and 64', '16 and 2 more')
    """
    shown = list(items)
    if most is not None and len(items) > most:
        shown = [*items[:most], f"{len(items) - most} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
