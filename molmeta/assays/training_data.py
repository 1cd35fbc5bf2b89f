"""Training data: the training assays together with the molecules that they measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from molmeta.molecules.blocks import Molecules, tensor_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay


@dataclass(frozen=True)
class TrainingData:
    """Everything that learners and encoders are fitted to before the first episode.

    Attributes:
        molecules: molecules of the molecule store.
        assays: training assays; their `rows` are rows of `molecules`.
    """

    molecules: Molecules
    assays: Sequence[Assay]

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Rows of the distinct compounds that any training assay measured, ascending."""
        return np.unique(np.concatenate([assay.rows for assay in self.assays]))

    @cached_property
    def compounds(self) -> Molecules:
        """The distinct compounds that any training assay measured, in the order of `rows`."""
        return self.molecules.select(tensor_of(self.rows).to(self.molecules.device))
