"""How near vectors of any scale are to each other, in units of a support."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class Nearness:
    """Vectors of molecules, and the scale on which those of a support are compared.

    Attributes:
        vectors: of G molecules, shape (G, V).
    """

    vectors: Tensor

    @cached_property
    def scale(self) -> Tensor:
        """Median squared distance l of different vectors, 1 if there are none."""
        distances = torch.pdist(self.vectors).square()
        positive = distances[distances > 0]
        return positive.median() if len(positive) else self.vectors.new_ones(())

    @cached_property
    def _squares(self) -> Tensor:
        return self._distances(self.vectors).square()

    def among(self, rows: Tensor) -> Tensor:
        """Return the same of all molecules, shape (G, G), if those at `rows` are the support."""
        return (-self._squares / Nearness(self.vectors[rows]).scale).exp()

    def to(self, support: Nearness) -> Tensor:
        """Return exp(-|u - u'|^2 / l) for S vectors of a support, whose l it is, shape (G, S)."""
        return (-self._distances(support.vectors).square() / support.scale).exp()

    def _distances(self, others: Tensor) -> Tensor:
        # Not by products: rounding would make a compound differ from itself.
        mode = "donot_use_mm_for_euclid_dist"
        return torch.cdist(self.vectors, others, compute_mode=mode)
