"""What every kind of feature block has in common: select rows, move to a device, check."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from molmeta.molecules.tensors import ragged_index
from molmeta.runtime.deferred import Deferred

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    Arrays = dict[str, NDArray[Any]]

_torch: Any = Deferred("torch")

MULTIPLIER = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class Block(ABC):
    """Features of one kind for G molecules; a subclass in a file of this folder is a new kind.

    A subclass is a frozen dataclass of tensors. `arrays` declares them, which is enough to select
    rows, move, join, store and check them. No two kinds may have the same array names.
    """

    arrays: ClassVar[Mapping[str, str]]
    """For each array of items, the name of its offsets, or "" if it has one row per molecule."""
    sized: ClassVar[bool] = False
    """Whether the constructor takes the featurizer's size as `size`."""

    @classmethod
    def parts(cls) -> tuple[str, ...]:
        """Names of all arrays: items, and offsets, which end in 'offsets'."""
        return tuple(dict.fromkeys([*cls.arrays, *filter(None, cls.arrays.values())]))

    @classmethod
    def raw(cls, features: Any) -> Any:  # noqa: ANN401 - kind decides
        """Return the features of one molecule in the form that `pack` takes."""
        return features

    @classmethod
    @abstractmethod
    def pack(cls, rows: Sequence[Any], size: int) -> Arrays:
        """Return the arrays of G molecules, by the names of `parts`.

        Args:
            rows: what `raw` returned for each molecule.
            size: size that the featurizer declares.

        Raises:
            ValueError: the features of a molecule have another size.
        """

    @abstractmethod
    def valid(self) -> bool:
        """Whether types and values are those of this kind; offsets have been checked."""

    def __len__(self) -> int:
        name, offsets = next(iter(self.arrays.items()))
        return len(getattr(self, offsets)) - 1 if offsets else len(getattr(self, name))

    @property
    def device(self) -> torch.device:
        return getattr(self, next(iter(self.arrays))).device

    def tensors(self) -> dict[str, Tensor]:
        """All arrays by name."""
        return {name: getattr(self, name) for name in self.parts()}

    def to(self, device: torch.device) -> Self:
        """Return the block on a device."""
        moved: dict[str, Any] = {name: t.to(device) for name, t in self.tensors().items()}
        return replace(self, **moved)

    def select(self, rows: Tensor) -> Self:
        """Return the block of some molecules, repeats allowed."""
        selected: dict[str, Any] = {}
        for offsets in dict.fromkeys(self.arrays.values()):
            index = rows
            if offsets:
                index, selected[offsets] = ragged_index(getattr(self, offsets), rows)
            for name in (name for name, other in self.arrays.items() if other == offsets):
                selected[name] = getattr(self, name)[index]
        return replace(self, **selected)

    def fits(self, g: int) -> bool:
        """Whether a block read from a file can be used for g molecules without further checks."""
        whole = all(
            _is_ragged(getattr(self, offsets), g, getattr(self, name))
            if offsets
            else getattr(self, name).ndim > 0 and len(getattr(self, name)) == g
            for name, offsets in self.arrays.items()
        )
        return whole and self.valid()

    def codes(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return one number for each item, and offsets: equal items have equal numbers.

        Equal molecules have the same numbers, in an order that depends on their atoms.
        """
        name, offsets = next(iter(self.arrays.items()))
        items = getattr(self, name).numpy()
        columns = items.reshape(len(items), -1).astype(np.uint64)
        # A linear hash of each row; overflow wraps around.
        weights = np.uint64(MULTIPLIER) ** np.arange(columns.shape[1], dtype=np.uint64)
        ends = getattr(self, offsets).numpy() if offsets else np.arange(len(items) + 1)
        return (columns * weights).sum(axis=1), ends


def offsets_of(lengths: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return offsets of shape (G + 1,) from the number of items of each molecule.

    Example:
        >>> offsets_of([2, 0, 1]).tolist()
        [0, 2, 2, 3]
    """
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _is_ragged(offsets: Tensor, g: int, items: Tensor) -> bool:
    return (
        offsets.dtype == _torch.int64
        and offsets.shape == (g + 1,)
        and items.ndim > 0
        and int(offsets[0]) == 0
        and int(offsets[-1]) == len(items)
        and bool((offsets.diff() >= 0).all())
    )
