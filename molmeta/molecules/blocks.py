"""Features of many molecules, packed without padding.

A block holds one kind of feature for G molecules; each kind is a file in `molmeta.molecules.kinds`.

Letters used throughout: G molecules, V atoms, E directed bonds, F atom features, D bond features,
W width, S support, Q query, B episodes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import torch

from molmeta.errors import ConfigError
from molmeta.molecules.kinds.base import Block
from molmeta.molecules.kinds.bits import Bits
from molmeta.molecules.kinds.graph import Graphs
from molmeta.molecules.kinds.vector import Vectors
from molmeta.molecules.tensors import csr, owner_of, ragged_index, tensor_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

__all__ = [
    "EMBEDDING", "Bits", "Block", "Graphs", "Molecules", "Vectors", "csr", "owner_of",
    "ragged_index", "tensor_of",
]  # fmt: skip

EMBEDDING = "embedding"
"""Name of the block that holds a learner's own vectors."""

SMALLEST_BATCH = 64
"""Fewer rows than about 16 take another path through a matrix product, with another rounding."""

BlockT = TypeVar("BlockT", bound=Block)


@dataclass(frozen=True)
class Molecules:
    """Blocks of the same G molecules.

    Attributes:
        blocks: by the name of the featurizer that made each.
        hidden_targets: number of the target whose activity records must not be used for each
            molecule, int64, shape (G,); None hides nothing. Only set in training.
    """

    blocks: Mapping[str, Block]
    hidden_targets: Tensor | None = None

    def __len__(self) -> int:
        return len(self._first)

    @property
    def device(self) -> torch.device:
        return self._first.device

    @property
    def _first(self) -> Block:
        for block in self.blocks.values():
            return block
        raise ConfigError(
            "molecules: there are no features; got no block, expected those that the learner "
            "reads. Add them to 'featurizers' and featurize again."
        )

    def select(self, rows: Tensor) -> Molecules:
        """Return some of the molecules, repeats allowed."""
        hidden = None if self.hidden_targets is None else self.hidden_targets[rows]
        return Molecules({name: block.select(rows) for name, block in self.blocks.items()}, hidden)

    def padded(self) -> Molecules:
        """Return at least SMALLEST_BATCH molecules, the last one repeated.

        Its predictions then do not depend on how many molecules are predicted together.
        """
        if not 0 < len(self) < SMALLEST_BATCH:
            return self
        rows = torch.arange(SMALLEST_BATCH, device=self.device)
        return self.select(rows.clamp(max=len(self) - 1))

    def to(self, device: torch.device) -> Molecules:
        """Return the molecules on a device."""
        hidden = None if self.hidden_targets is None else self.hidden_targets.to(device)
        return Molecules({name: block.to(device) for name, block in self.blocks.items()}, hidden)

    def only(self, names: tuple[str, ...]) -> Molecules:
        """Keep the named blocks, so that nothing else is copied when rows are selected."""
        kept = {name: self.blocks[name] for name in names if name in self.blocks}
        return replace(self, blocks=kept)

    def with_block(self, name: str, block: Block) -> Molecules:
        """Return the molecules with one more block."""
        return replace(self, blocks={**self.blocks, name: block})

    def block(self, name: str, kind: type[BlockT]) -> BlockT:
        """Return one block.

        Raises:
            ConfigError: the block is missing or of another kind.
        """
        block = self.blocks.get(name)
        if not isinstance(block, kind):
            raise ConfigError(
                f"molecules: there is no {kind.__name__} block '{name}'; got "
                f"{sorted(self.blocks)}, expected '{name}' among them. Add it to 'featurizers' "
                "and featurize again."
            )
        return block
