"""From scored compounds to a table of the best, each beside what is known; scores nothing."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from molmeta.errors import MoleculeError
from molmeta.libraries.lines import Record
from molmeta.libraries.prepare import prepare
from molmeta.molecules.blocks import Bits
from molmeta.molecules.similarity import FINGERPRINT, tanimoto

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

COLUMNS = (
    "rank", "id", "smiles", "probability",
    "nearest_active", "nearest_active_similarity",
    "nearest_inactive", "nearest_inactive_similarity",
)  # fmt: skip
EXPLAINED = 2_000
"""Hits whose fingerprints are held at once."""
_EMPTY = "support: is empty; got no SMILES, expected at least one. Add measured molecules."


class Support(NamedTuple):
    """The measured compounds that a predictor was adapted to.

    Attributes:
        smiles: S SMILES that all parse.
        active: 1 for active and 0 for inactive, S of them.
    """

    smiles: Sequence[str]
    active: Sequence[int]


class Hit(NamedTuple):
    """A scored compound; the greater of two stands higher, at equal scores the earlier one."""

    probability: float
    minus_line: int
    id: str
    smiles: str


class Nearest(NamedTuple):
    """The known compound most similar to a hit; "" and NaN where there is none of its class."""

    smiles: str
    similarity: float


def best(hits: Iterable[Hit], top: int | None) -> list[Hit]:
    """Return the `top` highest hits, highest first, or all of them; holds no more than it returns.

    Example:
        >>> best([Hit(0.2, -1, "a", "C"), Hit(0.9, -2, "b", "CC")], 1)[0].id
        'b'
    """
    return sorted(hits, reverse=True) if top is None else heapq.nlargest(top, hits)


def explain(hits: Sequence[Hit], support: Support) -> Iterator[tuple[Nearest, Nearest]]:
    """Yield the nearest known active and inactive of each hit, by Tanimoto similarity.

    Raises:
        MoleculeError: a SMILES of the support does not parse.
    """
    known, active = fingerprints(support.smiles), np.asarray(support.active, bool)
    for start in range(0, len(hits), EXPLAINED):
        part = hits[start : start + EXPLAINED]
        similarity = tanimoto(fingerprints([hit.smiles for hit in part]), known).numpy()
        yield from zip(
            _nearest(similarity, support.smiles, active),
            _nearest(similarity, support.smiles, ~active),
            strict=True,
        )


def fingerprints(smiles: Sequence[str]) -> Bits:
    """Return the fingerprints of SMILES, each as its standardised form.

    Raises:
        MoleculeError: there is none, or one does not parse.
    """
    records = [Record(place, "", text) for place, text in enumerate(smiles, 1)]
    prepared = prepare(records, (FINGERPRINT,))
    if prepared.rejected or not records:
        raise MoleculeError(prepared.rejected[0].reason if records else _EMPTY)
    return prepared.molecules().block(FINGERPRINT, Bits)


def hits_table(hits: Sequence[Hit], support: Support, *, first: int = 1) -> pd.DataFrame:
    """Return hits as a table with COLUMNS.

    Args:
        hits: best first.
        support: what is known.
        first: rank of the first.
    """
    pairs = list(explain(hits, support))
    columns = {
        "rank": range(first, first + len(hits)),
        "id": [hit.id for hit in hits],
        "smiles": [hit.smiles for hit in hits],
        "probability": [hit.probability for hit in hits],
        "nearest_active": [active.smiles for active, _ in pairs],
        "nearest_active_similarity": [active.similarity for active, _ in pairs],
        "nearest_inactive": [inactive.smiles for _, inactive in pairs],
        "nearest_inactive_similarity": [inactive.similarity for _, inactive in pairs],
    }
    return pd.DataFrame(columns)


def _nearest(
    similarity: NDArray[np.float32], smiles: Sequence[str], group: NDArray[np.bool_]
) -> list[Nearest]:
    places = np.flatnonzero(group)
    if not len(places):
        return [Nearest("", float("nan"))] * len(similarity)
    nearest = places[similarity[:, places].argmax(axis=1)]
    return [
        Nearest(smiles[int(known)], float(row[known]))
        for row, known in zip(similarity, nearest, strict=True)
    ]
