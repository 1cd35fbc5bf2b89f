"""Descriptors, or any other dense block, through one linear layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molmeta.blocks import Molecules, Vectors
from molmeta.encoders.base import Encoder


class DescriptorVectors(Encoder):
    """Dense features, brought to one scale and projected.

    Descriptors span many orders of magnitude, so each goes through sign(x) log(1 + |x|), is then
    centred and scaled by the mean and deviation over the training molecules, and cut at 5.

    Args:
        width: length of one vector.
        block: dense block to read: `descriptors`, or `deepchem:NAME`.
        size: length of the block's vectors.
        dropout: share of inputs dropped in training.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        *,
        width: int = 128,
        block: str = "descriptors",
        size: int = 217,
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
        values = _compressed(molecules.block(self.block, Vectors).values.to(self.mean.dtype))
        return self.project(((values - self.mean) / self.scale).clamp(-5, 5))

    def fit(self, molecules: Molecules) -> None:
        values = _compressed(molecules.block(self.block, Vectors).values)
        deviation = values.std(0, correction=0)
        self.mean.copy_(values.mean(0))
        self.scale.copy_(torch.where(deviation > 0, deviation, torch.ones_like(deviation)))


def _compressed(values: Tensor) -> Tensor:
    return values.sign() * values.abs().log1p()
