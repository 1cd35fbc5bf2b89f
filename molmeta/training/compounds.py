"""Draws the compounds of a training step, each with all of its measurements."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from molmeta.assays.episodes import Episode
from molmeta.runtime.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay


@dataclass(frozen=True)
class CompoundSampler:
    """Draws compounds without replacement until all were drawn, and then in another order.

    Attributes:
        assays: training assays.
        seed: seed of all draws.
    """

    assays: Sequence[Assay]
    seed: int

    def episodes(self, step: int, n: int) -> list[Episode]:
        """Return all measurements of the n compounds of a step, an episode for each assay.

        All compounds of an episode are in its query; the support is empty.
        """
        drawn = np.arange((step - 1) * n, step * n)
        rounds, places = drawn // len(self._ends), drawn % len(self._ends)
        orders = [_order(self.seed, int(r), len(self._ends))[places[rounds == r]]
                  for r in np.unique(rounds)]  # fmt: skip
        compounds = np.concatenate(orders)
        starts = np.concatenate([[0], self._ends[:-1]])[compounds]
        counts = self._ends[compounds] - starts
        shift = np.repeat(starts - np.concatenate([[0], counts.cumsum()[:-1]]), counts)
        chosen = self._by_row[shift + np.arange(counts.sum())]
        chosen = chosen[np.argsort(self._assay_of[chosen], kind="stable")]
        changes = np.flatnonzero(np.diff(self._assay_of[chosen])) + 1
        return [self._episode(part) for part in np.split(chosen, changes)]

    def _episode(self, chosen: NDArray[np.int64]) -> Episode:
        none, nothing = np.zeros(0, np.int64), np.zeros(0, np.float32)
        rows, labels, values = (column[chosen] for column in self._measured)
        name = self.assays[int(self._assay_of[chosen[0]])].name
        return Episode(name, none, nothing, rows, labels, nothing, values)

    @cached_property
    def _measured(self) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        return (
            np.concatenate([assay.rows for assay in self.assays]),
            np.concatenate([assay.labels for assay in self.assays]),
            np.concatenate([assay.values for assay in self.assays]),
        )

    @cached_property
    def _assay_of(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(len(self.assays)), [len(assay) for assay in self.assays])

    @cached_property
    def _by_row(self) -> NDArray[np.int64]:
        return np.argsort(self._measured[0], kind="stable")

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Where the measurements of each distinct compound end in `_by_row`."""
        return np.cumsum(np.unique(self._measured[0], return_counts=True)[1])


@lru_cache(maxsize=2)
def _order(seed: int, number: int, n: int) -> NDArray[np.int64]:
    return generator(seed, "compounds", number).permutation(n)
