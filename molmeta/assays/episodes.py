"""Draws episodes from assays: a support to learn from and a query to be judged on.

Stratified, balanced and skewed draws are one draw with another share of actives. An episode is
index arrays alone; molecules are copied only when a batch is put together.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from molmeta.errors import EpisodeError
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.labelled import Labelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay
    from molmeta.molecules.blocks import Molecules


@dataclass(frozen=True)
class Episode:
    """A support and a query of one assay, which share no molecule.

    Attributes:
        assay: name of the assay.
        support: rows of its molecules, int64, shape (S,).
        support_labels: 1.0 or 0.0, float32, shape (S,).
        query: rows of its molecules, int64, shape (Q,).
        query_labels: 1.0 or 0.0, float32, shape (Q,).
        support_values: what was measured, NaN where nothing was, float32, shape (S,); None where
            the assay's values are not known.
        query_values: the same of the query, shape (Q,).
        lenders: assays that have lent the last molecules of support and query as decoys.
    """

    assay: str
    support: NDArray[np.int64]
    support_labels: NDArray[np.float32]
    query: NDArray[np.int64]
    query_labels: NDArray[np.float32]
    support_values: NDArray[np.float32] | None = None
    query_values: NDArray[np.float32] | None = None
    lenders: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def at(self, rows: NDArray[np.int64]) -> Episode:
        """The same episode with each position p replaced by rows[p]."""
        return replace(self, support=rows[self.support], query=rows[self.query])

    def labelled(self, molecules: Molecules) -> tuple[Labelled, Labelled]:
        """Support and query with their molecules."""
        return (
            _labelled(molecules, self.support, self.support_labels, self.support_values),
            _labelled(molecules, self.query, self.query_labels, self.query_values),
        )

    @property
    def digest(self) -> str:
        """The same for two models if and only if they were judged on the same draw."""
        text = self.assay.encode() + b"\0" + self.support.tobytes() + b"\0" + self.query.tobytes()
        return hashlib.sha256(text).hexdigest()[:16]


@dataclass(frozen=True)
class Draw:
    """How to draw.

    Attributes:
        n_support: molecules in the support.
        share: share of actives in the support; None keeps the assay's own (FS-Mol's stratified
            draw), 0.5 is a balanced draw of k actives and k inactives.
        n_query: molecules in the query at most, at the share of what the support left; None
            takes all.
    """

    n_support: int
    share: float | None = None
    n_query: int | None = None


def draw_episode(
    assay: Assay, draw: Draw, rng: np.random.Generator, *, scaffolds: Sequence[str] | None = None
) -> Episode:
    """Draw one episode; its rows are positions within the assay.

    Args:
        assay: N molecules.
        draw: sizes and shares.
        rng: where the randomness comes from.
        scaffolds: scaffold of each molecule; when given, the query holds no scaffold of the
            support.

    Raises:
        EpisodeError: the assay is too small or too one-sided for the draw.

    Source:
        Stanley et al., FS-Mol, NeurIPS Datasets and Benchmarks 2021 (stratified draws).
    """
    labels = assay.labels
    quota = _quota(assay, draw)
    order = rng.permutation(len(labels)) if scaffolds is None else _by_scaffold(scaffolds, rng)
    taken = np.concatenate([order[labels[order] == label][: quota[label]] for label in (0, 1)])
    support = np.sort(taken)
    left = _left(order, support, scaffolds)
    query = np.sort(_trim(left, labels, draw.n_query))
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
            f"assay '{assay.name}': holds nothing to draw from; got none, expected more than "
            f"{draw.n_support} compounds, each with what is to be predicted. Leave it out."
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
    _, group = np.unique(np.asarray(scaffolds), return_inverse=True)
    shuffled = rng.permutation(len(group))
    place = rng.permutation(int(group.max()) + 1)
    return shuffled[np.argsort(place[group[shuffled]], kind="stable")]


def _left(
    order: NDArray[np.int64], support: NDArray[np.int64], scaffolds: Sequence[str] | None
) -> NDArray[np.int64]:
    if scaffolds is None:
        return order[~np.isin(order, support)]
    names = np.asarray(scaffolds)
    return order[~np.isin(names[order], names[support])]


def _trim(
    left: NDArray[np.int64], labels: NDArray[np.float32], n_query: int | None
) -> NDArray[np.int64]:
    if n_query is None or n_query >= len(left):
        return left
    actives, inactives = left[labels[left] == 1], left[labels[left] == 0]
    n_active = round(n_query * len(actives) / len(left))
    n_active = min(max(n_active, min(1, len(actives))), n_query - min(1, len(inactives)))
    return np.concatenate([actives[:n_active], inactives[: n_query - n_active]])


def _require_both(assay: Assay, draw: Draw, labels: NDArray[np.float32]) -> None:
    n_active = int(labels.sum())
    if not 0 < n_active < len(labels):
        raise EpisodeError(
            f"assay '{assay.name}': the query would hold one class only after a support of "
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
