"""Learners, one a file, found by file name: a new file is a new learner, nothing else to edit."""

from __future__ import annotations

from molmeta import registry
from molmeta.learners.base import MetaLearner, Predictor, probability
from molmeta.molecules.labelled import Labelled

__all__ = ["Labelled", "MetaLearner", "Predictor", "get", "names", "probability"]


def names() -> tuple[str, ...]:
    """Names of all learners."""
    return registry.names(__name__, MetaLearner)


def get(name: str) -> type[MetaLearner]:
    """Return the learner class of that name.

    Raises:
        ConfigError: there is none.
    """
    return registry.find(__name__, name, MetaLearner)
