"""Decoys: compounds of other assays that make actives as rare in an episode as in a library."""

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
    """Compounds that are presumed inactive, in the order in which they are used.

    Attributes:
        rows: rows of the molecule store, int64, shape (D,).
        assays: name of the assay that each of them comes from, shape (D,).
    """

    rows: NDArray[np.int64]
    assays: NDArray[np.str_]

    @classmethod
    def of(cls, assays: Sequence[Assay]) -> Decoys:
        """Return all compounds of these assays; one of several assays occurs several times."""
        names = np.array([assay.name for assay in assays])
        rows = np.concatenate([assay.rows for assay in assays])
        return cls(rows, np.repeat(names, [len(assay) for assay in assays]))

    def __len__(self) -> int:
        return len(self.rows)

    def shuffled(self, rng: np.random.Generator) -> Decoys:
        """Return the decoys in random order."""
        return self._at(rng.permutation(len(self)))

    def outside(self, rows: NDArray[np.int64], n: int) -> Decoys:
        """Return up to n decoys that are not among these rows, each compound once."""
        # The head of the list almost always suffices and is much faster to search.
        head = self._at(np.arange(min(len(self), 2 * n + len(rows))))
        if len(head) < len(self) and len(head._new(rows)) < n:
            head = self
        return head._at(head._new(rows)[:n])

    def diluted(self, episode: Episode, rows: NDArray[np.int64], share: float) -> Episode:
        """Return the episode with decoys added until a share of support and query is active.

        Args:
            episode: with rows of the molecule store; a part with fewer actives than `share` is
                left unchanged.
            rows: rows of all compounds of its assay, none of which becomes a decoy.
            share: share of actives, above 0.
        """
        needed = [
            max(round(float(labels.sum()) / share) - len(labels), 0)
            for labels in (episode.support_labels, episode.query_labels)
        ]
        decoys = self.outside(rows, sum(needed))
        n_first = min(needed[0], len(decoys))
        first, rest = decoys._at(np.arange(n_first)), decoys._at(np.arange(n_first, len(decoys)))
        return replace(
            episode,
            support=np.concatenate([episode.support, first.rows]),
            support_labels=_with(episode.support_labels, len(first), 0),
            support_values=_unknown(episode.support_values, len(first)),
            query=np.concatenate([episode.query, rest.rows]),
            query_labels=_with(episode.query_labels, len(rest), 0),
            query_values=_unknown(episode.query_values, len(rest)),
            decoy_assays=(tuple(map(str, first.assays)), tuple(map(str, rest.assays))),
        )

    def screen(self, assay: Assay) -> Screen:
        """Return a screen of the assay's compounds among all decoys."""
        others = self.outside(assay.rows, len(self)).rows
        rows = np.concatenate([assay.rows, others])
        return Screen("", assay.name, rows, _with(assay.labels, len(others), 0))

    def _at(self, index: NDArray[np.int64]) -> Decoys:
        return Decoys(self.rows[index], self.assays[index])

    def _new(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the index of the first occurrence of each compound that is not among `rows`."""
        _, first = np.unique(self.rows, return_index=True)
        return np.sort(first[~np.isin(self.rows[first], rows)])


def _with(numbers: NDArray[np.float32], n: int, value: float) -> NDArray[np.float32]:
    return np.concatenate([numbers, np.full(n, value, np.float32)])


def _unknown(values: NDArray[np.float32] | None, n: int) -> NDArray[np.float32] | None:
    return None if values is None else _with(values, n, np.nan)
