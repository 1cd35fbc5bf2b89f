"""Molecules together with their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from molmeta.molecules.blocks import Molecules


@dataclass(frozen=True)
class Labelled:
    """Molecules with one label each.

    Attributes:
        molecules: G molecules.
        labels: 1.0 for active and 0.0 for inactive, float32, shape (G,).
        values: measured values, NaN if missing, float32, shape (G,); None if all are missing.
    """

    molecules: Molecules
    labels: Tensor
    values: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, rows: Tensor) -> Labelled:
        """Return the molecules at some rows, shape (N,), with their labels and values."""
        values = None if self.values is None else self.values[rows]
        return Labelled(self.molecules.select(rows), self.labels[rows], values)
