"""Learners, one file each, found by file name: adding a file adds a learner."""

from __future__ import annotations

from molmeta import registry
from molmeta.learners.base import MetaLearner, Predictor, probability
from molmeta.molecules.labelled import Labelled

__all__ = ["Labelled", "MetaLearner", "Predictor", "get", "names", "probability"]


def names() -> tuple[str, ...]:
    """Return the names of all learners."""
    return registry.names(__name__, MetaLearner)


def get(name: str) -> type[MetaLearner]:
    """Return the class of the learner with this name.

    Raises:
        ConfigError: no learner has this name.
    """
    return registry.find(__name__, name, MetaLearner)
