"""Ragged arrays and sparse matrices as torch tensors.

A ragged array holds the items of all rows one after the other: item j belongs to row i if
offsets[i] <= j < offsets[i + 1].
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

from molmeta.runtime.deferred import Deferred

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

torch: Any = Deferred("torch")


def tensor_of(array: NDArray[Any]) -> Tensor:
    """Return a tensor that shares the memory of an array."""
    return torch.from_numpy(array)


def csr(offsets: Tensor, columns: Tensor, values: Tensor, width: int) -> Tensor:
    """Return a sparse matrix whose row i has the values offsets[i] to offsets[i + 1].

    The arguments are not checked, because blocks are checked when they are read.
    """
    _silence_beta_warning()
    shape = (len(offsets) - 1, width)
    return torch.sparse_csr_tensor(offsets, columns, values, shape, check_invariants=False)


def ragged_index(offsets: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the positions of the items of some rows, and the offsets of the selection.

    Args:
        offsets: offsets of the ragged array, shape (G + 1,).
        rows: rows to select, repeats allowed, shape (R,).

    Returns:
        Positions of all items of all rows, in order, and offsets of shape (R + 1,).

    Example:
        >>> import torch
        >>> ragged_index(torch.tensor([0, 2, 5]), torch.tensor([1, 0]))
        (tensor([2, 3, 4, 0, 1]), tensor([0, 3, 5]))
    """
    starts, lengths = offsets[rows], offsets[rows + 1] - offsets[rows]
    new = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
    # Item j of the selection is item j + shift of the array, with one shift for each row.
    shift = (starts - new[:-1]).repeat_interleave(lengths)
    return shift + torch.arange(int(new[-1]), device=offsets.device), new


def owner_of(offsets: Tensor) -> Tensor:
    """Return the row of each item of a ragged array with offsets of shape (G + 1,).

    Example:
        >>> import torch
        >>> owner_of(torch.tensor([0, 2, 2, 3]))
        tensor([0, 0, 2])
    """
    rows = torch.arange(len(offsets) - 1, device=offsets.device)
    return rows.repeat_interleave(offsets.diff())


def offsets_by_owner(owners: Tensor, n: int) -> Tensor:
    """Return the offsets of a ragged array of n rows from the row of each item.

    Example:
        >>> import torch
        >>> offsets_by_owner(torch.tensor([0, 0, 2]), 3)
        tensor([0, 2, 2, 3])
    """
    counts = torch.bincount(owners, minlength=n)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


@cache
def _silence_beta_warning() -> None:
    """Let torch issue its warning that CSR matrices are in beta once, where it is ignored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.sparse_csr_tensor([0, 0], [], [], (1, 1), check_invariants=False)
