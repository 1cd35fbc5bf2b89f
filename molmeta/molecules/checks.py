"""Checks that blocks read from a file fit together before anything uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from molmeta.molecules.blocks import AnyBlock, Bits, Graphs, Molecules, Vectors, owner_of
from molmeta.molecules.graphs import ATOM_SIZES, BOND_SIZES

if TYPE_CHECKING:
    from torch import Tensor


def consistent(molecules: Molecules, g: int) -> bool:
    """Tell whether blocks that were read from a file can be used for g molecules as they are."""
    return all(_consistent(block, g) for block in molecules.blocks.values())


def _consistent(block: AnyBlock, g: int) -> bool:
    """Tell whether a block of a file can be used for g molecules without a further look."""
    if isinstance(block, Vectors):
        values = block.values
        fits = values.dtype == torch.float32 and values.ndim == 2 and len(values) == g
        return fits and bool(torch.isfinite(values).all())
    if isinstance(block, Bits):
        inside = _within(block.positions, block.size)
        return inside and _ragged(block.offsets, g, block.positions)
    return (
        _categories(block.atoms, ATOM_SIZES)
        and _categories(block.bonds, BOND_SIZES)
        and _ragged(block.atom_offsets, g, block.atoms)
        and _ragged(block.bond_offsets, g, block.bonds)
        and block.ends.dtype == torch.int16
        and block.ends.shape == (len(block.bonds), 2)
        and _inside_their_molecules(block)
    )


def _inside_their_molecules(block: Graphs) -> bool:
    atoms = block.atom_offsets.diff()[owner_of(block.bond_offsets)].unsqueeze(1)
    return bool(((block.ends >= 0) & (block.ends < atoms)).all())


def _within(values: Tensor, size: int) -> bool:
    if values.dtype != torch.int16 or values.ndim != 1:
        return False
    return len(values) == 0 or (int(values.min()) >= 0 and int(values.max()) < size)


def _ragged(offsets: Tensor, g: int, items: Tensor) -> bool:
    return (
        offsets.dtype == torch.int64
        and offsets.shape == (g + 1,)
        and items.ndim > 0
        and int(offsets[0]) == 0
        and int(offsets[-1]) == len(items)
        and bool((offsets.diff() >= 0).all())
    )


def _categories(values: Tensor, sizes: tuple[int, ...]) -> bool:
    if values.dtype != torch.uint8 or values.ndim != 2 or values.shape[1] != len(sizes):
        return False
    return len(values) == 0 or bool((values.amax(0) < torch.tensor(sizes)).all())
