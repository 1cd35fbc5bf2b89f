"""Molecular graphs, all as one disjoint graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from molmeta.molecules.graphs import ATOM_SIZES, BOND_SIZES, MolGraph
from molmeta.molecules.kinds.base import Block, offsets_of
from molmeta.molecules.messages import Messages, Sums, members, messages
from molmeta.molecules.tensors import owner_of
from molmeta.runtime.deferred import Deferred

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from molmeta.molecules.kinds.base import Arrays

torch: Any = Deferred("torch")


@dataclass(frozen=True)
class Graphs(Block):
    """G molecules as one disjoint graph; categories stay small integers until an encoder.

    Attributes:
        atoms: category of each atom feature, uint8, shape (V, F).
        atom_offsets: int64, shape (G + 1,), so that a molecule without atoms keeps its row.
        ends: the two atoms of each bond, counted within its molecule, int16, shape (E / 2, 2).
        bonds: category of each bond feature, uint8, shape (E / 2, D).
        bond_offsets: int64, shape (G + 1,).
    """

    arrays: ClassVar[Mapping[str, str]] = {
        "atoms": "atom_offsets",
        "ends": "bond_offsets",
        "bonds": "bond_offsets",
    }

    atoms: Tensor
    atom_offsets: Tensor
    ends: Tensor
    bonds: Tensor
    bond_offsets: Tensor

    @classmethod
    def pack(cls, rows: Sequence[MolGraph], size: int) -> Arrays:
        del size
        # Joined with the arrays of the molecules, so that no molecules give the right types too.
        no_atoms = np.zeros((0, len(ATOM_SIZES)), np.uint8)
        no_bonds = np.zeros((0, len(BOND_SIZES)), np.uint8)
        return {
            "atoms": np.concatenate([no_atoms, *(row.atoms for row in rows)]),
            "atom_offsets": offsets_of([len(row.atoms) for row in rows]),
            "ends": np.concatenate([np.zeros((0, 2), np.int16), *(row.ends for row in rows)]),
            "bonds": np.concatenate([no_bonds, *(row.bonds for row in rows)]),
            "bond_offsets": offsets_of([len(row.bonds) for row in rows]),
        }

    def valid(self) -> bool:
        typed = _are_categories(self.atoms, ATOM_SIZES) and _are_categories(self.bonds, BOND_SIZES)
        if not typed or self.ends.dtype != torch.int16 or self.ends.shape != (len(self.bonds), 2):
            return False
        atoms = self.atom_offsets.diff()[owner_of(self.bond_offsets)].unsqueeze(1)
        return bool(((self.ends >= 0) & (self.ends < atoms)).all())

    @cached_property
    def messages(self) -> Messages:
        """Messages along the bonds, computed once for all layers and all steps of MAML."""
        return messages(len(self.atoms), self.edge_index, self.edge_categories)

    @cached_property
    def of_molecule(self) -> Sums:
        """Sums over the atoms of each molecule, shape (G, V)."""
        return members(self.atom_offsets)

    @property
    def edge_index(self) -> Tensor:
        """Each bond in both directions, atoms counted over all molecules, shape (2, E)."""
        ends = (self.ends + self.atom_offsets[owner_of(self.bond_offsets)].unsqueeze(1)).long().t()
        return torch.cat([ends, ends.flip(0)], dim=1)

    @property
    def edge_categories(self) -> Tensor:
        """Bond categories in the order of `edge_index`, shape (E, D)."""
        return torch.cat([self.bonds, self.bonds])


def _are_categories(values: Tensor, sizes: tuple[int, ...]) -> bool:
    if values.dtype != torch.uint8 or values.ndim != 2 or values.shape[1] != len(sizes):
        return False
    return len(values) == 0 or bool((values.amax(0) < torch.tensor(sizes)).all())
