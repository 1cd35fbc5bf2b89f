"""Scores the chunks of a library, and keeps the best compounds of each shard."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from heapq import heappush, heappushpop
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch

from molmeta.runtime.parallel import streamed
from molmeta.screening.hits import ScoredCompound
from molmeta.screening.prevalence import BINS, counted
from molmeta.screening.shards import Shard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from molmeta.libraries.lines import Record
    from molmeta.libraries.prepare import Prepared
    from molmeta.libraries.source import LibrarySource
    from molmeta.models.model import AssayPredictor
    from molmeta.molecules.blocks import Molecules
    from molmeta.screening.known import KnownCompounds
    from molmeta.screening.prefilter import Prefilter

CHUNKS = 50
"""Chunks of a shard: 100,000 records, which is the most that an interruption costs."""

Item = TypeVar("Item", bound=tuple[Any, ...])


class Best(Generic[Item]):
    """The greatest of the items offered so far.

    Args:
        size: items to keep; None keeps all of them.
    """

    def __init__(self, size: int | None) -> None:
        self._size, self._heap = size, list[Item]()

    @property
    def least(self) -> Item | None:
        """The item that the next greater one replaces; None while there is room."""
        return self._heap[0] if len(self._heap) == self._size else None

    def offer(self, item: Item) -> None:
        if len(self._heap) == self._size:
            heappushpop(self._heap, item)
        else:
            heappush(self._heap, item)

    def descending(self) -> list[Item]:
        return sorted(self._heap, reverse=True)


class ScoredChunk(NamedTuple):
    """A chunk with its scores.

    Attributes:
        records: G records that could be featurized.
        molecules: their features.
        scores: float64, shape (G,), or (K, G) for K numbers a record.
        finite: whether all scores of a record are finite, shape (G,).
        rejected: the other records and those without finite scores, in the library's order.
        n_read: records of the chunk.
    """

    records: Sequence[Record]
    molecules: Molecules
    scores: NDArray[np.float64]
    finite: NDArray[np.bool_]
    rejected: Sequence[Record]
    n_read: int


def scored(
    chunks: Iterable[Prepared], score: Callable[[Molecules], NDArray[np.float64]]
) -> Iterator[ScoredChunk]:
    """Yield each chunk with its scores.

    Args:
        chunks: of a library.
        score: from G molecules to an array of shape (G,) or (K, G); called with at least one.
    """
    for chunk in chunks:
        records, molecules, n_read = chunk.records, chunk.molecules(), chunk.n_read
        scores = score(molecules) if records else np.zeros(0)
        finite: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(np.atleast_2d(scores)))
        unusable: list[Record] = [
            records[row]._replace(reason=f"the model's score is {scores[..., row]}")
            for row in np.flatnonzero(~finite).tolist()
        ]
        rejected = sorted([*chunk.rejected, *unusable], key=lambda record: record.line)
        yield ScoredChunk(records, molecules, scores, finite, rejected, n_read)


@dataclass(frozen=True)
class Scorer:
    """Turns chunks into a shard.

    Attributes:
        predictor: adapted to a support.
        support: the compounds of the support, to recognise them.
        exclude: leave the support's compounds out.
        top: compounds to keep of a shard; None keeps all.
        prefilter: selects the compounds that are scored; None scores all.
    """

    predictor: AssayPredictor
    support: KnownCompounds
    exclude: bool
    top: int | None
    prefilter: Prefilter | None = None

    def shard(self, chunks: Iterable[Prepared]) -> Shard:
        """Score the chunks of one shard and keep the best."""
        best = Best[ScoredCompound](self.top)
        rejected: list[Record] = []
        n_read = n_known = n_skipped = 0
        counts = np.zeros(BINS, np.int64)
        if self.prefilter is not None:
            chunks, n_skipped = self.prefilter.best(chunks)
        for chunk in scored(chunks, self.predictor.predict_molecules):
            n_read += chunk.n_read
            rejected += chunk.rejected
            in_support = self.support.rows(chunk.records, chunk.molecules) if chunk.records else []
            n_known += len(in_support)
            new = chunk.finite.copy()
            new[in_support] = False
            # Before the cut below: the prevalence is estimated from all compounds.
            counts += counted(chunk.scores[new])
            wanted = new if self.exclude else chunk.finite
            if (least := best.least) is not None:
                wanted &= chunk.scores >= least.probability
            if self.top is not None and (n_below := int(wanted.sum()) - self.top) > 0:
                # Making the records of a whole chunk takes longer than scoring it.
                wanted &= chunk.scores >= np.partition(chunk.scores[wanted], n_below)[n_below]
            for row in np.flatnonzero(wanted).tolist():
                record = chunk.records[row]
                best.offer(
                    ScoredCompound(float(chunk.scores[row]), -record.line, record.id, record.smiles)
                )
        return Shard(best.descending(), rejected, n_read + n_skipped, n_known, n_skipped, counts)


def shards(
    source: LibrarySource, scorer: Scorer, wanted: Callable[[int], bool], *, cores: int = 1
) -> Iterator[tuple[int, Shard]]:
    """Yield the wanted shards of a library with their numbers.

    Records are featurized in other processes and scored in this one. A featurized library is read
    and scored in threads. Both give the same shards.

    Raises:
        ModelError: a featurized library is damaged.
        WorkerError: a worker process was killed.
    """
    groups = source.groups(CHUNKS, wanted, cores=cores)
    score = partial(_numbered_shard, scorer, one_thread=source.file is not None)
    threads = 1 if source.file is None else cores
    for number, shard in streamed(score, groups, cores=threads, threads=True):
        if source.file is not None:
            source.advance(shard.n_read)
        yield number, shard


def _numbered_shard(
    scorer: Scorer, group: tuple[int, Iterable[Prepared]], *, one_thread: bool
) -> tuple[int, Shard]:
    if one_thread:
        # Otherwise torch starts as many threads as there are cores in each of these threads.
        torch.set_num_threads(1)
    return group[0], scorer.shard(group[1])
