"""Checks that a recipe and its training options fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta import learners
from molmeta.assays.records import records_in
from molmeta.errors import ConfigError
from molmeta.learners.base import LearnsMeasurements

if TYPE_CHECKING:
    from molmeta.learners import MetaLearner
    from molmeta.training.task import Task


def require_consistent(task: Task) -> None:
    """Refuse a task that cannot be trained, before its learner is built.

    Raises:
        ConfigError: the episodes of a step cannot be shared equally among the devices, or the
            learner is a baseline.
    """
    options = task.training
    if options.episodes % options.devices:
        raise ConfigError(
            "training: 'episodes' is not a multiple of 'devices'; got "
            f"{options.episodes} on {options.devices}, expected a multiple. Change either of them."
        )
    if not learners.get(task.recipe.learner).meta_trained:
        raise ConfigError(
            f"learner '{task.recipe.learner}': is a baseline, which is not meta-trained; got it in "
            "a training recipe, expected another learner. List it under 'baselines'."
        )


def require_weights(learner: MetaLearner, task: Task) -> None:
    """Refuse a training that would change no weight of its learner.

    Raises:
        ConfigError: the encoder is held, and holds all weights.
    """
    options, encoder = task.training, learner.encoder
    of_encoder = 0 if encoder is None else len(list(encoder.parameters()))
    if options.steps and not options.encoder_rate and of_encoder == len(list(learner.parameters())):
        raise ConfigError(
            f"training: nothing is trained; got 'encoder_rate' 0 for '{task.recipe.learner}', all "
            "of whose weights are those of its encoder, expected a rate above 0. Raise it, or set "
            "'steps' to 0."
        )


def learning_measurements(learner: MetaLearner) -> LearnsMeasurements:
    """Return a learner that can be trained on measurements.

    Raises:
        ConfigError: it learns from episodes only, or its encoder reads activity records, from
            which only episodes can hide their own target.
    """
    if isinstance(learner, LearnsMeasurements) and not records_in(learner):
        return learner
    raise ConfigError(
        "training: 'compounds' needs a learner with an output for each training assay and an "
        "encoder without activity records; got another one, expected for example 'multitask' with "
        "'gine'. Remove 'compounds', or change the recipe."
    )


def sees_vectors_only(learner: MetaLearner) -> bool:
    """Whether a learner reads nothing but its encoder's vectors, which hide no records.

    Fingerprints of all training compounds, with a number for each bit, would fill the memory.
    """
    encoder = learner.encoder
    same = encoder is not None and learner.featurizers == encoder.featurizers
    return same and not records_in(learner)
