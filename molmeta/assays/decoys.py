"""Compounds of other assays that make an episode look like a library, where actives are rare."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from molmeta.assays.screens import Screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay
    from molmeta.assays.episodes import Episode


@dataclass(frozen=True)
class Decoys:
    """Compounds to be presumed inactive, in the order in which they are taken.

    Attributes:
        rows: of the molecule store, int64, shape (D,).
        assays: names of the assays that lend them, shape (D,).
    """

    rows: NDArray[np.int64]
    assays: NDArray[np.str_]

    @classmethod
    def of(cls, assays: Sequence[Assay]) -> Decoys:
        """Return what these assays have measured; a compound of several is there as often."""
        names = np.array([assay.name for assay in assays])
        rows = np.concatenate([assay.rows for assay in assays])
        return cls(rows, np.repeat(names, [len(assay) for assay in assays]))

    def __len__(self) -> int:
        return len(self.rows)

    def shuffled(self, rng: np.random.Generator) -> Decoys:
        """Return them in another order."""
        return self._at(rng.permutation(len(self)))

    def beside(self, rows: NDArray[np.int64], n: int) -> Decoys:
        """Return the first n compounds that are not among these rows, each once; fewer if so."""
        head = self._at(np.arange(min(len(self), 2 * n + len(rows))))
        if len(head) < len(self) and len(head._new(rows)) < n:
            head = self
        return head._at(head._new(rows)[:n])

    def diluted(self, episode: Episode, rows: NDArray[np.int64], share: float) -> Episode:
        """Return the episode with decoys in support and query, until `share` of each is active.

        Args:
            episode: rows are those of the molecule store; more actives than `share` are left.
            rows: of all compounds of its assay, none of which is taken.
            share: of actives, above 0.
        """
        needed = [
            max(round(float(labels.sum()) / share) - len(labels), 0)
            for labels in (episode.support_labels, episode.query_labels)
        ]
        lent = self.beside(rows, sum(needed))
        place = min(needed[0], len(lent))
        first, rest = lent._at(np.arange(place)), lent._at(np.arange(place, len(lent)))
        return replace(
            episode,
            support=np.concatenate([episode.support, first.rows]),
            support_labels=_with(episode.support_labels, len(first), 0),
            support_values=_unknown(episode.support_values, len(first)),
            query=np.concatenate([episode.query, rest.rows]),
            query_labels=_with(episode.query_labels, len(rest), 0),
            query_values=_unknown(episode.query_values, len(rest)),
            lenders=(tuple(map(str, first.assays)), tuple(map(str, rest.assays))),
        )

    def screen(self, assay: Assay) -> Screen:
        """Return an assay hidden among all of them."""
        others = self.beside(assay.rows, len(self)).rows
        rows = np.concatenate([assay.rows, others])
        return Screen("", assay.name, rows, _with(assay.labels, len(others), 0))

    def _at(self, places: NDArray[np.int64]) -> Decoys:
        return Decoys(self.rows[places], self.assays[places])

    def _new(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        _, first = np.unique(self.rows, return_index=True)
        return np.sort(first[~np.isin(self.rows[first], rows)])


def _with(numbers: NDArray[np.float32], n: int, value: float) -> NDArray[np.float32]:
    return np.concatenate([numbers, np.full(n, value, np.float32)])


def _unknown(values: NDArray[np.float32] | None, n: int) -> NDArray[np.float32] | None:
    return None if values is None else _with(values, n, np.nan)
