"""Tables of the best-scored compounds, each with its nearest measured active and inactive."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from molmeta.errors import MoleculeError
from molmeta.libraries.lines import Record
from molmeta.libraries.prepare import prepare
from molmeta.molecules.blocks import Bits
from molmeta.molecules.similarity import FINGERPRINT, tanimoto

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

COLUMNS = (
    "rank", "id", "smiles", "probability",
    "nearest_active", "nearest_active_similarity",
    "nearest_inactive", "nearest_inactive_similarity",
)  # fmt: skip
COMPARED = 2_000
"""Candidates that are compared with the support at a time, which bounds the memory."""
_EMPTY = "support: is empty; got no SMILES, expected at least one. Add measured compounds."


class Support(NamedTuple):
    """The measured compounds that a predictor is adapted to.

    Attributes:
        smiles: S SMILES that all parse.
        active: 1 for active and 0 for inactive, S of them.
    """

    smiles: Sequence[str]
    active: Sequence[int]


class ScoredCompound(NamedTuple):
    """A scored compound of a library.

    The greater of two ranks higher; at equal scores the one that comes first in the library.
    """

    probability: float
    minus_line: int
    id: str
    smiles: str


class Nearest(NamedTuple):
    """The measured compound most similar to a candidate; "" and NaN if its class is empty."""

    smiles: str
    similarity: float


def nearest_measured(
    candidates: Sequence[ScoredCompound], support: Support
) -> Iterator[tuple[Nearest, Nearest]]:
    """Yield the nearest active and inactive of the support for each candidate.

    Nearest is by Tanimoto similarity of Morgan fingerprints.

    Raises:
        MoleculeError: a SMILES of the support does not parse.
    """
    measured, active = fingerprints(support.smiles), np.asarray(support.active, bool)
    for start in range(0, len(candidates), COMPARED):
        part = candidates[start : start + COMPARED]
        similarity = tanimoto(fingerprints([item.smiles for item in part]), measured).numpy()
        yield from zip(
            _nearest(similarity, support.smiles, active),
            _nearest(similarity, support.smiles, ~active),
            strict=True,
        )


def fingerprints(smiles: Sequence[str]) -> Bits:
    """Morgan fingerprints of the standardised forms of SMILES.

    Raises:
        MoleculeError: SMILES are missing, or one does not parse.
    """
    records = [Record(number, "", text) for number, text in enumerate(smiles, 1)]
    prepared = prepare(records, (FINGERPRINT,))
    if prepared.rejected or not records:
        raise MoleculeError(prepared.rejected[0].reason if records else _EMPTY)
    return prepared.molecules().block(FINGERPRINT, Bits)


def candidates_table(
    candidates: Sequence[ScoredCompound], support: Support, *, first: int = 1
) -> pd.DataFrame:
    """Table of candidates with the columns `COLUMNS`.

    Args:
        candidates: best first.
        support: the measured compounds.
        first: rank of the first candidate.
    """
    pairs = list(nearest_measured(candidates, support))
    columns = {
        "rank": range(first, first + len(candidates)),
        "id": [item.id for item in candidates],
        "smiles": [item.smiles for item in candidates],
        "probability": [item.probability for item in candidates],
        "nearest_active": [active.smiles for active, _ in pairs],
        "nearest_active_similarity": [active.similarity for active, _ in pairs],
        "nearest_inactive": [inactive.smiles for _, inactive in pairs],
        "nearest_inactive_similarity": [inactive.similarity for _, inactive in pairs],
    }
    return pd.DataFrame(columns)


def _nearest(
    similarity: NDArray[np.float32], smiles: Sequence[str], group: NDArray[np.bool_]
) -> list[Nearest]:
    members = np.flatnonzero(group)
    if not len(members):
        return [Nearest("", float("nan"))] * len(similarity)
    # argmax counts within the class; `members` leads back to the rows of the support.
    nearest = members[similarity[:, members].argmax(axis=1)]
    return [
        Nearest(smiles[int(column)], float(row[column]))
        for row, column in zip(similarity, nearest, strict=True)
    ]
