"""Start training from the encoder weights of trained models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.errors import ConfigError
from molmeta.molecules.featurizers import revision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from molmeta.learners import MetaLearner
    from molmeta.models.model import Model


def start_from(learner: MetaLearner, init: Sequence[Model]) -> None:
    """Copy the encoder weights of a trained model, or of one model for each part of a join.

    Raises:
        ConfigError: the encoders differ, or read features of another revision.
    """
    for model in init:
        _require_same_features(model)
    states = [_encoder_state(model.learner) for model in init]
    parts = enumerate(states)
    joined = {f"parts.{k}.{name}": tensor for k, part in parts for name, tensor in part.items()}
    weights = states[0] if len(states) == 1 else joined
    if _shapes(weights) != _shapes(_encoder_state(learner)):
        recipes = [f"'{m.recipe.encoder}' with {dict(m.recipe.encoder_options)}" for m in init]
        raise ConfigError(
            f"init: the encoders differ; got {' and '.join(recipes)}, expected the encoder of this "
            "recipe. Use one encoder with the same options in both."
        )
    if learner.encoder is not None:
        learner.encoder.load_state_dict(weights)


def _require_same_features(model: Model) -> None:
    for name, of_model in model.history.get("featurizers", {}).items():
        if of_model != revision(name):
            raise ConfigError(
                f"init: the model was trained on other features; got revision {of_model} of "
                f"'{name}', expected {revision(name)}. Train it again with this version."
            )


def _encoder_state(learner: MetaLearner) -> dict[str, Tensor]:
    return {} if learner.encoder is None else learner.encoder.state_dict()


def _shapes(weights: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}
