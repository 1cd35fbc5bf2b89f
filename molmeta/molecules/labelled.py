"""Molecules together with their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from molmeta.molecules.blocks import Molecules


@dataclass(frozen=True)
class Labelled:
    """Molecules with a label each.

    Attributes:
        molecules: G molecules.
        labels: 1.0 for active and 0.0 for inactive, float32, shape (G,).
        values: what was measured, NaN where nothing was, float32, shape (G,); None where none is
            known.
    """

    molecules: Molecules
    labels: Tensor
    values: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)
