"""Descriptors, or any other dense block, through one linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from molmeta.encoders.base import Encoder
from molmeta.errors import ConfigError
from molmeta.molecules.blocks import Molecules, Vectors
from molmeta.molecules.featurizers import FEATURIZERS

if TYPE_CHECKING:
    from molmeta.assays.training_data import TrainingData

DESCRIPTORS = FEATURIZERS["descriptors"].size
"""Number of descriptors in this release of RDKit."""


class DescriptorVectors(Encoder):
    """Standardised dense features through a linear layer.

    Descriptors span many orders of magnitude. Each is therefore transformed by
    sign(x) log(1 + |x|), standardised by its mean and standard deviation over the training
    compounds, and clamped to [-5, 5].

    Args:
        width: length of a vector.
        block: dense block to read: `descriptors`, or `deepchem:NAME`.
        size: length of the block's vectors.
        dropout: dropout of the inputs.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        *,
        width: int = 128,
        block: str = "descriptors",
        size: int = DESCRIPTORS,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.width, self.block = width, block
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))
        self.project = nn.Sequential(nn.Dropout(dropout), nn.Linear(size, width))

    @property
    def featurizers(self) -> tuple[str, ...]:
        return (self.block,)

    def forward(self, molecules: Molecules) -> Tensor:
        values = self.compressed(molecules).to(self.mean.dtype)
        return self.project(((values - self.mean) / self.scale).clamp(-5, 5))

    def fit(self, data: TrainingData) -> None:
        values = self.compressed(data.compounds)
        deviation = values.std(0, correction=0)
        self.mean.copy_(values.mean(0))
        self.scale.copy_(torch.where(deviation > 0, deviation, torch.ones_like(deviation)))

    def compressed(self, molecules: Molecules) -> Tensor:
        """Return sign(x) log(1 + |x|) of the block's vectors, shape (G, size).

        Raises:
            ConfigError: the vectors have another length.
        """
        values = molecules.block(self.block, Vectors).values
        if values.shape[1] != len(self.mean):
            raise ConfigError(
                f"encoder 'descriptors': the vectors of '{self.block}' have another length; got "
                f"{values.shape[1]}, expected {len(self.mean)}. Set its option 'size'."
            )
        return values.sign() * values.abs().log1p()
