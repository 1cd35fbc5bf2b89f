"""What assays measured, by compound, for training on all assays at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from molmeta.runtime.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay


@dataclass(frozen=True)
class Measurements:
    """P measurements of C compounds, in the order of the compounds.

    Attributes:
        rows: row of each compound in the molecule store, int64, shape (C,).
        compounds: compound of each measurement, an index of `rows`, int64, shape (P,).
        assays: number of the assay of each measurement, int64, shape (P,).
        aims: what to predict for each measurement, float32, shape (P,).
    """

    rows: NDArray[np.int64]
    compounds: NDArray[np.int64]
    assays: NDArray[np.int64]
    aims: NDArray[np.float32]

    @classmethod
    def of(cls, assays: Sequence[Assay], aims: Sequence[NDArray[np.float32]]) -> Measurements:
        """Return all measurements of some assays, without those whose aim is NaN.

        Args:
            assays: numbered in their order.
            aims: what to predict for the compounds of each assay.
        """
        flat = np.concatenate(aims)
        kept = np.isfinite(flat)
        of_assay = np.repeat(np.arange(len(assays)), [len(assay) for assay in assays])
        rows = np.concatenate([assay.rows for assay in assays])[kept]
        distinct, compounds = np.unique(rows, return_inverse=True)
        order = np.argsort(compounds, kind="stable")
        return cls(distinct, compounds[order], of_assay[kept][order], flat[kept][order])

    def select(self, chosen: NDArray[np.int64]) -> Measurements:
        """Return the measurements of some compounds, numbered in the order of `chosen`."""
        first = np.searchsorted(self.compounds, chosen)
        counts = np.searchsorted(self.compounds, chosen + 1) - first
        # Numbers within each compound follow from those within the batch.
        places = np.arange(int(counts.sum()), dtype=np.int64)
        index = places + np.repeat(first - np.cumsum(counts) + counts, counts)
        of_chosen = np.repeat(np.arange(len(chosen)), counts)
        return Measurements(self.rows[chosen], of_chosen, self.assays[index], self.aims[index])

    def shares(self) -> NDArray[np.float32]:
        """Return 1 / the number of measurements of its compound, for each measurement, shape (P,).

        A mean of losses with these weights counts every measurement the same if compounds are
        `drawn`, because compounds with many measurements are drawn more often.
        """
        counts = np.bincount(self.compounds, minlength=len(self.rows))
        return (1 / counts[self.compounds]).astype(np.float32)

    def drawn(self, step: int, n: int, seed: int) -> NDArray[np.int64]:
        """Return the n compounds of a step, the first of which is 1, for `select`.

        They are the compounds of n measurements, so that one measured in many assays is drawn more
        often, and may be drawn twice. Each pass over the measurements has an order of its own,
        which depends on seed and pass alone.
        """
        places = np.arange((step - 1) * n, step * n)
        passes, within = np.divmod(places, len(self.compounds))
        chosen = np.empty(n, np.int64)
        for number in np.unique(passes):
            order = generator(seed, "measurements", int(number)).permutation(len(self.compounds))
            chosen[passes == number] = self.compounds[order[within[passes == number]]]
        return chosen
