"""Sums of rows, which move states between atoms, bonds and molecules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from molmeta.molecules.messages import Sums


def summed(sums: Sums, x: Tensor) -> Tensor:
    """Return the product of a matrix of zeros and ones with x, differentiable any number of times.

    Args:
        sums: the matrix, shape (N, M).
        x: shape (M, W).
    """
    product: Any = _Product
    return product.apply(x, sums)


class _Product(torch.autograd.Function):
    """The gradient is a product with the transpose, which no scatter is needed for."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, sums: Sums) -> Tensor:  # noqa: ANN401 - torch
        ctx.sums = sums
        return F.embedding_bag(sums.columns, x, sums.offsets, mode="sum", include_last_offset=True)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401 - torch
        return summed(ctx.sums.transposed, grad_outputs[0].contiguous()), None
