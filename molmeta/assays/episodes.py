"""Draws episodes from assays: a support to adapt to and a query to evaluate on.

Stratified, balanced and skewed draws differ only in the share of actives. An episode consists of
index arrays; molecules are copied only when a batch is assembled.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from molmeta.errors import EpisodeError
from molmeta.molecules.blocks import Molecules, tensor_of
from molmeta.molecules.labelled import Labelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay


@dataclass(frozen=True)
class Episode:
    """A support and a query from one assay, without common molecules.

    Attributes:
        assay: name of the assay.
        support: rows of the support's molecules, int64, shape (S,).
        support_labels: 1.0 or 0.0, float32, shape (S,).
        query: rows of the query's molecules, int64, shape (Q,).
        query_labels: 1.0 or 0.0, float32, shape (Q,).
        support_values: measured values, NaN if missing, float32, shape (S,); None if the assay
            has no values.
        query_values: the same for the query, shape (Q,).
        decoy_assays: names of the assays that the decoys of support and query come from. Decoys
            are the last molecules of each.
    """

    assay: str
    support: NDArray[np.int64]
    support_labels: NDArray[np.float32]
    query: NDArray[np.int64]
    query_labels: NDArray[np.float32]
    support_values: NDArray[np.float32] | None = None
    query_values: NDArray[np.float32] | None = None
    decoy_assays: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def at(self, rows: NDArray[np.int64]) -> Episode:
        """Return the episode with each index i replaced by rows[i]."""
        return replace(self, support=rows[self.support], query=rows[self.query])

    def labelled(self, molecules: Molecules) -> tuple[Labelled, Labelled]:
        """Return support and query with their molecules."""
        return (
            _labelled(molecules, self.support, self.support_labels, self.support_values),
            _labelled(molecules, self.query, self.query_labels, self.query_values),
        )

    @property
    def digest(self) -> str:
        """Hash of assay, support and query, equal only for the same draw."""
        text = self.assay.encode() + b"\0" + self.support.tobytes() + b"\0" + self.query.tobytes()
        return hashlib.sha256(text).hexdigest()[:16]


@dataclass(frozen=True)
class Draw:
    """Sizes and share of actives of a draw.

    Attributes:
        n_support: molecules in the support.
        share: share of actives in the support; None keeps the assay's own (the stratified draw
            of FS-Mol), 0.5 is a balanced draw of k actives and k inactives.
        n_query: largest number of molecules in the query, with the share of actives of all
            remaining molecules; None uses all of them.
    """

    n_support: int
    share: float | None = None
    n_query: int | None = None


def draw_episode(
    assay: Assay, draw: Draw, rng: np.random.Generator, *, scaffolds: Sequence[str] | None = None
) -> Episode:
    """Draw one episode; its rows are indices within the assay.

    Args:
        assay: N molecules.
        draw: sizes and share of actives.
        rng: random generator.
        scaffolds: scaffold of each molecule; if given, no scaffold of the support is in the query.

    Raises:
        EpisodeError: the assay has too few molecules of a class.

    Source:
        Stanley et al., FS-Mol, NeurIPS Datasets and Benchmarks 2021 (stratified draws).
    """
    labels = assay.labels
    quota = _quota(assay, draw)
    order = rng.permutation(len(labels)) if scaffolds is None else _by_scaffold(scaffolds, rng)
    by_class = [order[labels[order] == label][: quota[label]] for label in (0, 1)]
    # Sorted by row, so that the order of a support does not give away the labels.
    support = np.sort(np.concatenate(by_class))
    remaining = _outside_support(order, support, scaffolds)
    query = np.sort(_trim(remaining, labels, draw.n_query))
    _require_both(assay, draw, labels[query])
    return Episode(
        assay.name,
        support,
        labels[support],
        query,
        labels[query],
        assay.values[support],
        assay.values[query],
    )


def _quota(assay: Assay, draw: Draw) -> dict[int, int]:
    n, n_active = len(assay), assay.n_active
    if n == 0:
        raise EpisodeError(
            f"assay '{assay.name}': is empty; got no compounds, expected more than "
            f"{draw.n_support} with the label or value to predict. Leave it out."
        )
    share = n_active / n if draw.share is None else draw.share
    actives = min(max(round(draw.n_support * share), 1), draw.n_support - 1)
    quota = {0: draw.n_support - actives, 1: actives}
    available = {0: n - n_active, 1: n_active}
    for label, name in ((1, "active"), (0, "inactive")):
        if quota[label] >= available[label] or quota[label] < 1:
            raise EpisodeError(
                f"assay '{assay.name}': too few {name} compounds for a support of "
                f"{draw.n_support}; got {available[label]} {name} of {n}, expected more than "
                f"{quota[label]}. Ask for a smaller support."
            )
    return quota


def _by_scaffold(scaffolds: Sequence[str], rng: np.random.Generator) -> NDArray[np.int64]:
    # Molecules of one scaffold stay together, in random order and with scaffolds in random order.
    _, group = np.unique(np.asarray(scaffolds), return_inverse=True)
    shuffled = rng.permutation(len(group))
    rank = rng.permutation(int(group.max()) + 1)
    return shuffled[np.argsort(rank[group[shuffled]], kind="stable")]


def _outside_support(
    order: NDArray[np.int64], support: NDArray[np.int64], scaffolds: Sequence[str] | None
) -> NDArray[np.int64]:
    if scaffolds is None:
        return order[~np.isin(order, support)]
    names = np.asarray(scaffolds)
    return order[~np.isin(names[order], names[support])]


def _trim(
    remaining: NDArray[np.int64], labels: NDArray[np.float32], n_query: int | None
) -> NDArray[np.int64]:
    if n_query is None or n_query >= len(remaining):
        return remaining
    actives, inactives = remaining[labels[remaining] == 1], remaining[labels[remaining] == 0]
    n_active = round(n_query * len(actives) / len(remaining))
    # Each class that has molecules left keeps at least one.
    n_active = min(max(n_active, min(1, len(actives))), n_query - min(1, len(inactives)))
    return np.concatenate([actives[:n_active], inactives[: n_query - n_active]])


def _require_both(assay: Assay, draw: Draw, labels: NDArray[np.float32]) -> None:
    n_active = int(labels.sum())
    if not 0 < n_active < len(labels):
        raise EpisodeError(
            f"assay '{assay.name}': the query would have one class only after a support of "
            f"{draw.n_support}; got {n_active} active of {len(labels)}, expected both. "
            "Ask for a smaller support."
        )


def _labelled(
    molecules: Molecules,
    rows: NDArray[np.int64],
    labels: NDArray[np.float32],
    values: NDArray[np.float32] | None,
) -> Labelled:
    device = molecules.device
    return Labelled(
        molecules.select(tensor_of(rows).to(device)),
        tensor_of(labels).to(device),
        None if values is None else tensor_of(values).to(device),
    )
