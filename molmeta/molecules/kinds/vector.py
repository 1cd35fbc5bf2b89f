"""One dense vector for each molecule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from molmeta.molecules.kinds.base import Block
from molmeta.runtime.deferred import Deferred

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from molmeta.molecules.kinds.base import Arrays

torch: Any = Deferred("torch")


@dataclass(frozen=True)
class Vectors(Block):
    """One dense vector for each molecule, float32, shape (G, W)."""

    arrays: ClassVar[Mapping[str, str]] = {"values": ""}

    values: Tensor

    @classmethod
    def pack(cls, rows: Sequence[NDArray[np.float32]], size: int) -> Arrays:
        return {"values": np.stack(rows) if rows else np.zeros((0, size), np.float32)}

    def valid(self) -> bool:
        typed = self.values.dtype == torch.float32 and self.values.ndim == 2
        if not typed:
            return False
        # A sum takes half the time, and is finite only if all values are, unless they are too large
        # to be added up.
        return bool(torch.isfinite(self.values.sum()) or torch.isfinite(self.values).all())

    def codes(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return one number for each component, rounded because of the order of additions."""
        g, width = self.values.shape
        rounded = np.round(self.values.numpy(), 3).astype(np.float32)
        words = rounded.view(np.uint32) + np.arange(width, dtype=np.uint32)
        return words.astype(np.uint64).ravel(), np.arange(g + 1) * width
