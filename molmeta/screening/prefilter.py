"""A cheap score for a whole library, so that the model scores only the best share of it.

The cheap score is linear in the bits of one fingerprint. It is fitted to the model's scores of a
sample of the library, with more weight on high ones. It therefore ranks as the model does, for
every kind of model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from molmeta.libraries.prepare import Prepared, prepare
from molmeta.molecules.blocks import Bits, Molecules, tensor_of
from molmeta.molecules.featurizers import FEATURIZERS
from molmeta.molecules.similarity import FINGERPRINT, product
from molmeta.screening.prevalence import log_odds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from molmeta.libraries.lines import Record
    from molmeta.libraries.source import LibrarySource
    from molmeta.models.model import AssayPredictor

# torch's types of its linear algebra are incomplete; Any says so once.
_linalg: Any = torch.linalg

SAMPLE = 20_000
"""Records that the model scores to fit the cheap score."""
RIDGE, HIGHEST = 10.0, 10.0
"""Of the regression: its ridge, and the greatest weight of a compound."""


class Selection(NamedTuple):
    """The best share of a shard by the cheap score, and the number of compounds that it skips."""

    chunks: Iterable[Prepared]
    n_skipped: int


@dataclass(frozen=True)
class Prefilter:
    """Selects the best share of each shard.

    Attributes:
        share: of the compounds to keep, between 0 and 1.
        weights: of the bits of the fingerprint, float32, shape (size, 1).
        names: featurizers of the model, which the compounds that are kept are featurized with; ()
            takes their features from the shard.
    """

    share: float
    weights: Tensor
    names: tuple[str, ...] = ()

    def best(self, chunks: Iterable[Prepared]) -> Selection:
        """Return the best share of a shard; equal scores are taken in the library's order."""
        read = list(chunks)
        scores = np.concatenate([np.zeros(0, np.float32), *map(self._scores, read)])
        kept = np.argsort(-scores, kind="stable")[: math.ceil(self.share * len(scores))]
        starts = np.cumsum([0, *(len(chunk.records) for chunk in read)])
        parts = np.split(np.sort(kept), np.searchsorted(np.sort(kept), starts[1:-1]))
        selected = (
            self._selected(chunk, rows - first)
            for chunk, rows, first in zip(read, parts, starts, strict=False)
        )
        return Selection(selected, len(scores) - len(kept))

    def _scores(self, chunk: Prepared) -> NDArray[np.float32]:
        if not chunk.records:
            return np.zeros(0, np.float32)
        return product(chunk.molecules().block(FINGERPRINT, Bits), self.weights)[:, 0].numpy()

    def _selected(self, chunk: Prepared, rows: NDArray[np.int64]) -> Prepared:
        records: list[Record] = [chunk.records[row] for row in rows.tolist()]
        if self.names:
            prepared = prepare(records, self.names)
            return prepared._replace(rejected=[*chunk.rejected, *prepared.rejected])
        if not records:
            return chunk._replace(records=[], arrays={})
        blocks = chunk.molecules().select(tensor_of(rows)).blocks
        arrays = {
            f"{name}.{part}": tensor.numpy()
            for name, block in blocks.items()
            for part, tensor in block.tensors().items()
        }
        return chunk._replace(records=records, arrays=arrays)


def prefiltered(
    opened: Callable[[Sequence[str]], LibrarySource],
    predictor: AssayPredictor,
    share: float | None,
    *,
    cores: int = 1,
) -> tuple[Sequence[str], Prefilter | None]:
    """Return the features to read of a library, and its prefilter, if there is a share.

    Args:
        opened: from names of features to the library.
        predictor: adapted to the support.
        share: of the compounds to keep; None keeps all.
        cores: processes that featurize the sample.

    Raises:
        ModelError, WorkerError: as `fitted`.
    """
    names = predictor.model.library_featurizers
    if share is None:
        return names, None
    both = tuple(dict.fromkeys((*names, FINGERPRINT)))
    source = opened(both)
    # Of a library that is not featurized, only the selected compounds get all features.
    read = (FINGERPRINT,) if source.file is None else both
    return read, fitted(source, predictor, share, cores=cores)


def fitted(
    source: LibrarySource, predictor: AssayPredictor, share: float, *, cores: int = 1
) -> Prefilter:
    """Return a prefilter fitted to the scores of a sample of the library.

    Args:
        source: of the library, with the features of the model and the fingerprint.
        predictor: adapted to the support.
        share: of the compounds to keep.
        cores: processes that featurize the sample.

    Raises:
        ModelError, WorkerError: as `LibrarySource.sample`.
    """
    names = () if source.file is not None else tuple(predictor.model.library_featurizers)
    sampled = (chunk for chunk in source.sample(SAMPLE, cores=cores) if chunk.records)
    parts = [_fit_data(predictor, chunk.molecules()) for chunk in sampled]
    if not any(len(values) for values, _ in parts):
        return Prefilter(share, torch.zeros(FEATURIZERS[FINGERPRINT].size, 1), names)
    targets = torch.cat([values for values, _ in parts])
    weights = _row_weights(targets)
    centre = (weights * targets).sum() / weights.sum()
    size, start = FEATURIZERS[FINGERPRINT].size, 0
    matrix = RIDGE * torch.eye(size, dtype=torch.float64)
    right = torch.zeros(size, dtype=torch.float64)
    for values, bits in parts:
        rows = slice(start, start := start + len(values))
        dense = bits.dense(torch.float64)
        weighted = dense * weights[rows, None]
        matrix += weighted.T @ dense
        right += weighted.T @ (values - centre)
    return Prefilter(share, _linalg.solve(matrix, right).float().unsqueeze(1), names)


def _row_weights(targets: Tensor) -> Tensor:
    """Return exp(z) of standardised targets, in [1 / HIGHEST, HIGHEST]: high scores matter more."""
    z = (targets - targets.mean()) / targets.std(correction=0).clamp(min=1e-12)
    return z.exp().clamp(1 / HIGHEST, HIGHEST)


def _fit_data(predictor: AssayPredictor, molecules: Molecules) -> tuple[Tensor, Bits]:
    """Return the scores to fit, as log odds unless they are values, and their fingerprints."""
    scores = predictor.predict_molecules(molecules)
    if predictor.model.learner.target != "value":
        scores = log_odds(scores)
    rows = np.flatnonzero(np.isfinite(scores))
    bits = molecules.block(FINGERPRINT, Bits).select(tensor_of(rows))
    return tensor_of(scores[rows]), bits
