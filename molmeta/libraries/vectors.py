"""Adds a model's vectors to the features of a library, so that a screen need not compute them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.errors import ConfigError
from molmeta.libraries.file import VECTORS
from molmeta.molecules.blocks import EMBEDDING, Vectors

if TYPE_CHECKING:
    from molmeta.libraries.prepare import Prepared
    from molmeta.models.model import Model


def with_vectors(chunk: Prepared, model: Model) -> Prepared:
    """Return a chunk with the vectors that a model computes whatever the support, shape (G, W).

    Raises:
        ConfigError: the model has no vectors that are independent of the support.
    """
    if not chunk.records:
        return chunk
    molecules = model.learner.prepare(chunk.molecules().padded())
    if EMBEDDING not in molecules.blocks:
        raise ConfigError(
            f"featurize: '{model.recipe.learner}' has no vectors to keep; got it as --model, "
            "expected a model whose encoder does not depend on the support. Leave --model out."
        )
    values = molecules.block(EMBEDDING, Vectors).values[: len(chunk.records)].numpy()
    return chunk._replace(arrays={**chunk.arrays, VECTORS: values})
