"""Starts a learner from the encoder weights of trained models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from molmeta.learners import MetaLearner
    from molmeta.models.model import Model

ENCODER = "encoder."
"""Stands in the names of an encoder's weights, after what the learner calls its own part."""


def start_from(learner: MetaLearner, init: Sequence[Model]) -> None:
    """Give a learner the encoder weights of a trained model, or one of several to each part.

    Raises:
        ConfigError: the encoders differ.
    """
    brought = [_encoder_weights(model.learner) for model in init]
    found = brought[0] if len(brought) == 1 else _joined(brought)
    own = _encoder_weights(learner)
    if {n: tensor.shape for n, tensor in found.items()} != {n: t.shape for n, t in own.items()}:
        recipes = [f"'{m.recipe.encoder}' with {dict(m.recipe.encoder_options)}" for m in init]
        raise ConfigError(
            f"init: the encoders differ; got {' and '.join(recipes)}, expected the encoder of this "
            "recipe. Use one encoder with the same options in both."
        )
    names = filter(is_encoder, learner.state_dict())
    learner.load_state_dict({n: found[n.partition(ENCODER)[2]] for n in names}, strict=False)


def _encoder_weights(learner: MetaLearner) -> dict[str, Tensor]:
    """Weights by their name within the encoder."""
    state = learner.state_dict().items()
    return {n.partition(ENCODER)[2]: tensor for n, tensor in state if is_encoder(n)}


def _joined(parts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {f"parts.{k}.{n}": t for k, part in enumerate(parts) for n, t in part.items()}


def is_encoder(name: str) -> bool:
    """Tell whether a weight of this name belongs to the encoder of a learner."""
    return ENCODER in name
