"""Metrics of predictions; a decorated function in any file of this folder is a new metric."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

from molmeta import registry
from molmeta.evaluation.metrics.base import KINDS, REGISTERED, Kind, Metric

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Kind", "Metric", "class_metrics", "get", "names", "ranking_metrics", "value_metrics"]


def names(*kinds: Kind) -> tuple[str, ...]:
    """Names of the metrics of these kinds, or of all kinds, in the order of `KINDS`."""
    _import_all(tuple(__path__))
    metrics = [m for kind in kinds or KINDS for m in REGISTERED.values() if m.kind == kind]
    return tuple(metric.name for metric in metrics)


@cache
def _import_all(folders: tuple[str, ...]) -> None:
    """Import all files of the package, once for each state of its search path."""
    del folders
    for module in registry.names(__name__):
        importlib.import_module(f"{__name__}.{module}")


def get(name: str) -> Metric:
    """Return the metric of a name that `names` lists."""
    return REGISTERED[name]


def ranking_metrics(labels: ArrayLike, scores: ArrayLike) -> dict[str, float]:
    """Return every ranking metric by name.

    Args:
        labels: 1 for active and 0 for inactive, shape (Q,).
        scores: higher means more likely active, shape (Q,).

    Raises:
        EpisodeError: the labels have one class, the shapes differ, or a score is not finite.
    """
    return {name: get(name).function(labels, scores) for name in names("ranking")}


def class_metrics(labels: ArrayLike, logits: ArrayLike) -> dict[str, float]:
    """Return every ranking and probability metric by name.

    Args:
        labels: 1 for active and 0 for inactive, shape (Q,).
        logits: log-odds of activity, shape (Q,). Compounds are ranked by logits because
            probabilities tie where they round to 0 or 1.

    Raises:
        EpisodeError: as `ranking_metrics`.

    Example:
        >>> class_metrics([1, 0, 1, 0], [2.0, -1.0, 0.5, -3.0])["auroc"]
        1.0
    """
    return {name: get(name).function(labels, logits) for name in names("ranking", "probability")}


def value_metrics(values: ArrayLike, predicted: ArrayLike, reference: float) -> dict[str, float]:
    """Return every metric of predicted values by name.

    Args:
        values: measured, shape (Q,).
        predicted: in the unit of the values, shape (Q,).
        reference: prediction without a model, the mean value of the support.

    Raises:
        EpisodeError: the shapes differ, or a value or prediction is not finite.

    Example:
        >>> value_metrics([5.0, 7.0], [5.0, 6.0], 6.0)["r2"]
        0.5
    """
    return {name: get(name).function(values, predicted, reference) for name in names("value")}
