"""Features of many molecules, packed without padding: select rows, move to a device, stay exact.

A block holds one kind of feature for G molecules. Nothing here knows how features are made.

Letters used throughout: G molecules, V atoms, E directed bonds, F atom features, D bond features,
W width, S support, Q query, B episodes.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from molmeta.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

EMBEDDING = "embedding"
"""Name of the block that holds a learner's own vectors."""

# Torch leaves some parameters without a type, which strict checking refuses; Any says so once.
_torch: Any = torch


def tensor_of(array: NDArray[Any]) -> Tensor:
    """Return a tensor that shares the memory of an array."""
    return _torch.from_numpy(array)


def csr(offsets: Tensor, columns: Tensor, values: Tensor, width: int) -> Tensor:
    """Return a sparse matrix whose row i has its values from offsets[i] to offsets[i + 1].

    Nothing is checked, as blocks are checked when they are read.
    """
    _hear_out()
    shape = (len(offsets) - 1, width)
    return _torch.sparse_csr_tensor(offsets, columns, values, shape, check_invariants=False)


def ragged_index(offsets: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return where the items of `rows` stand in a ragged array, and the new offsets.

    Args:
        offsets: item j belongs to row i where offsets[i] <= j < offsets[i + 1], shape (G + 1,).
        rows: rows to take, repeats allowed, shape (R,).

    Returns:
        Positions of all items of all rows, in order, and offsets of shape (R + 1,).

    Example:
        >>> ragged_index(torch.tensor([0, 2, 5]), torch.tensor([1, 0]))
        (tensor([2, 3, 4, 0, 1]), tensor([0, 3, 5]))
    """
    starts, lengths = offsets[rows], offsets[rows + 1] - offsets[rows]
    new = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
    shift = (starts - new[:-1]).repeat_interleave(lengths)
    return shift + torch.arange(int(new[-1]), device=offsets.device), new


@cache
def _hear_out() -> None:
    """Let torch say, once a process, that its CSR matrices are in beta: nobody can act on it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _torch.sparse_csr_tensor([0, 0], [], [], (1, 1), check_invariants=False)


@dataclass(frozen=True)
class Graphs:
    """G molecules as one disjoint graph; categories are small integers until an encoder meets them.

    Attributes:
        atoms: category of each atom feature, uint8, shape (V, F).
        atom_offsets: int64, shape (G + 1,), so that a molecule without atoms keeps its row.
        ends: the two atoms of each bond, counted within its molecule, int16, shape (E / 2, 2).
        bonds: category of each bond feature, uint8, shape (E / 2, D).
        bond_offsets: int64, shape (G + 1,).
    """

    atoms: Tensor
    atom_offsets: Tensor
    ends: Tensor
    bonds: Tensor
    bond_offsets: Tensor

    def __len__(self) -> int:
        return len(self.atom_offsets) - 1

    @property
    def device(self) -> torch.device:
        return self.atoms.device

    def select(self, rows: Tensor) -> Graphs:
        atoms, atom_offsets = ragged_index(self.atom_offsets, rows)
        bonds, bond_offsets = ragged_index(self.bond_offsets, rows)
        return Graphs(
            self.atoms[atoms], atom_offsets, self.ends[bonds], self.bonds[bonds], bond_offsets
        )

    @property
    def atom_molecule(self) -> Tensor:
        """Molecule of each atom, shape (V,)."""
        return owner_of(self.atom_offsets)

    @property
    def edge_index(self) -> Tensor:
        """Each bond both ways, atoms counted over all molecules, shape (2, E)."""
        ends = (self.ends + self.atom_offsets[owner_of(self.bond_offsets)].unsqueeze(1)).long().t()
        return torch.cat([ends, ends.flip(0)], dim=1)

    @property
    def edge_categories(self) -> Tensor:
        """Bond categories in the order of `edge_index`, shape (E, D)."""
        return torch.cat([self.bonds, self.bonds])


@dataclass(frozen=True)
class Bits:
    """Positions of the bits that are set in each of G fingerprints.

    Attributes:
        positions: in 0 .. size - 1, int16, shape (N,) over all molecules.
        offsets: int64, shape (G + 1,).
        size: length of one fingerprint.
    """

    positions: Tensor
    offsets: Tensor
    size: int

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def device(self) -> torch.device:
        return self.positions.device

    def select(self, rows: Tensor) -> Bits:
        positions, offsets = ragged_index(self.offsets, rows)
        return Bits(self.positions[positions], offsets, self.size)

    def sparse(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The fingerprints as a sparse CSR matrix of ones, shape (G, size).

        A product with it costs what an `EmbeddingBag` costs, and can be differentiated twice.
        """
        ones = torch.ones(len(self.positions), dtype=dtype, device=self.positions.device)
        return csr(self.offsets, self.positions.long(), ones, self.size)

    def dense(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The fingerprints as zeros and ones, shape (G, size)."""
        dense = torch.zeros(len(self), self.size, dtype=dtype, device=self.positions.device)
        dense[owner_of(self.offsets), self.positions.long()] = 1
        return dense


@dataclass(frozen=True)
class Vectors:
    """One dense vector a molecule, float32, shape (G, W)."""

    values: Tensor

    def __len__(self) -> int:
        return len(self.values)

    @property
    def device(self) -> torch.device:
        return self.values.device

    def select(self, rows: Tensor) -> Vectors:
        return Vectors(self.values[rows])


AnyBlock = Graphs | Bits | Vectors
BlockT = TypeVar("BlockT", Graphs, Bits, Vectors)


@dataclass(frozen=True)
class Molecules:
    """All blocks of the same G molecules.

    Attributes:
        blocks: by the name of the featurizer that made them.
        hidden_targets: number of the target whose activity records must not be used for each
            molecule, int64, shape (G,); None hides nothing. Only set in training.
    """

    blocks: Mapping[str, AnyBlock]
    hidden_targets: Tensor | None = None

    def __len__(self) -> int:
        return len(self._first)

    @property
    def device(self) -> torch.device:
        return self._first.device

    @property
    def _first(self) -> AnyBlock:
        for block in self.blocks.values():
            return block
        raise ConfigError(
            "molecules: have no features; got no block, expected those that the learner reads. "
            "Add them to 'featurizers' and featurize again."
        )

    def select(self, rows: Tensor) -> Molecules:
        hidden = None if self.hidden_targets is None else self.hidden_targets[rows]
        return Molecules({name: block.select(rows) for name, block in self.blocks.items()}, hidden)

    def to(self, device: torch.device) -> Molecules:
        hidden = None if self.hidden_targets is None else self.hidden_targets.to(device)
        blocks = {name: _moved(block, device) for name, block in self.blocks.items()}
        return Molecules(blocks, hidden)

    def only(self, names: tuple[str, ...]) -> Molecules:
        """Keep the named blocks, so that nothing else is copied when rows are selected."""
        kept = {name: self.blocks[name] for name in names if name in self.blocks}
        return replace(self, blocks=kept)

    def with_block(self, name: str, block: AnyBlock) -> Molecules:
        return replace(self, blocks={**self.blocks, name: block})

    def block(self, name: str, kind: type[BlockT]) -> BlockT:
        """Return one block.

        Raises:
            ConfigError: no featurizer of that name was run, or it makes another kind of block.
        """
        found = self.blocks.get(name)
        if not isinstance(found, kind):
            raise ConfigError(
                f"molecules: no {kind.__name__} named '{name}'; got {sorted(self.blocks)}, "
                f"expected them to hold '{name}'. Add it to 'featurizers' and featurize again."
            )
        return found


def owner_of(offsets: Tensor) -> Tensor:
    """Return the row that each item of a ragged array belongs to, from offsets of shape (G + 1,).

    Example:
        >>> owner_of(torch.tensor([0, 2, 2, 3]))
        tensor([0, 0, 2])
    """
    rows = torch.arange(len(offsets) - 1, device=offsets.device)
    return rows.repeat_interleave(offsets.diff())


def _moved(block: AnyBlock, device: torch.device) -> AnyBlock:
    values: dict[str, Any] = {part.name: getattr(block, part.name) for part in fields(block)}
    for name, value in values.items():
        if isinstance(value, torch.Tensor):
            values[name] = value.to(device)
    return type(block)(**values)
