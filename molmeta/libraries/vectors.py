"""A model's vectors beside the features of a library, so that a screen need not compute them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.errors import ConfigError
from molmeta.libraries.file import VECTORS
from molmeta.molecules.blocks import EMBEDDING, Vectors

if TYPE_CHECKING:
    from molmeta.libraries.prepare import Prepared
    from molmeta.models.model import Model


def with_vectors(chunk: Prepared, model: Model) -> Prepared:
    """Return a chunk with what no support changes of a model's view of it, float32, shape (G, W).

    Raises:
        ConfigError: the model has no such vectors.
    """
    if not chunk.records:
        return chunk
    found = model.learner.prepare(chunk.molecules())
    if EMBEDDING not in found.blocks:
        raise ConfigError(
            f"featurize: '{model.recipe.learner}' has no vectors to keep; got it as --model, "
            "expected a model with an encoder that it leaves as it is. Leave --model out."
        )
    values = found.block(EMBEDDING, Vectors).values.numpy()
    return chunk._replace(arrays={**chunk.arrays, VECTORS: values})
