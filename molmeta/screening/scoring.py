"""From prepared chunks of a library to shards: scores, keeps the best, forgets the rest.

Two ways lead here: records are featurized by processes and scored in this one, and a featurized
library is read and scored by threads. Both give the same shards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from heapq import heappush, heappushpop
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import torch

from molmeta.libraries.prepare import prepare
from molmeta.runtime.parallel import streamed
from molmeta.screening.hits import Hit
from molmeta.screening.prevalence import BINS, counted
from molmeta.screening.shards import Shard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from molmeta.libraries.file import LibraryFile
    from molmeta.libraries.lines import Record
    from molmeta.libraries.prepare import Prepared
    from molmeta.libraries.source import LibrarySource
    from molmeta.models.model import AssayPredictor
    from molmeta.screening.known import KnownCompounds

CHUNKS = 50
"""Chunks of a shard: 100,000 records, which is what an interruption costs at most."""

Chunk = tuple[int, "Sequence[Record]"]


@dataclass(frozen=True)
class Scorer:
    """How a chunk becomes hits.

    Attributes:
        predictor: adapted to a support.
        known: finds the support's compounds.
        exclude: leave these out.
        top: compounds to keep of a shard; None keeps all.
    """

    predictor: AssayPredictor
    known: KnownCompounds
    exclude: bool
    top: int | None

    def shard(self, chunks: Iterable[Prepared]) -> Shard:
        """Score the chunks of one shard and keep the best by a heap that never grows past `top`."""
        heap: list[Hit] = []
        rejected: list[Record] = []
        n_read = n_known = 0
        counts = np.zeros(BINS, np.int64)
        for chunk in chunks:
            n_read += len(chunk.records) + len(chunk.rejected)
            bad = list(chunk.rejected)
            if chunk.records:
                n_known += self._offer(chunk, heap, bad, counts)
            rejected += sorted(bad, key=lambda record: record.line)
        return Shard(sorted(heap, reverse=True), rejected, n_read, n_known, counts)

    def _offer(
        self, chunk: Prepared, heap: list[Hit], bad: list[Record], counts: NDArray[np.int64]
    ) -> int:
        molecules = chunk.molecules()
        scores = self.predictor.predict_molecules(molecules)
        finite = np.isfinite(scores)
        bad += [
            chunk.records[at]._replace(reason=f"the model's score is {scores[at]}")
            for at in np.flatnonzero(~finite)
        ]
        known = self.known.places(chunk.records, molecules)
        if self.exclude:
            finite[known] = False
        counts += counted(scores[finite])
        self._push(heap, chunk.records, scores, finite)
        return len(known)

    def _push(
        self,
        heap: list[Hit],
        records: Sequence[Record],
        scores: NDArray[np.float64],
        wanted: NDArray[np.bool_],
    ) -> None:
        full = self.top is not None and len(heap) == self.top
        good = wanted & (scores >= heap[0].probability) if full else wanted
        for at in np.flatnonzero(good).tolist():
            hit = Hit(float(scores[at]), -records[at].line, records[at].id, records[at].smiles)
            if len(heap) == self.top:
                heappushpop(heap, hit)
            else:
                heappush(heap, hit)


def shards(
    source: LibrarySource, scorer: Scorer, wanted: Callable[[int], bool], *, cores: int = 1
) -> Iterator[tuple[int, Shard]]:
    """Yield the wanted shards of a library with their numbers.

    Raises:
        ModelError: a featurized library is damaged.
        WorkerError: a process was ended from outside.
    """
    if source.file is None:
        yield from shards_of_records(source.chunks(), scorer, wanted, cores=cores)
        return
    source.empty = False
    for number, shard in shards_of_file(source.file, scorer, wanted, cores=cores):
        source.advance(shard.n_read)
        yield number, shard
    source.finish()


def shards_of_records(
    chunks: Iterable[Sequence[Record]],
    scorer: Scorer,
    wanted: Callable[[int], bool],
    *,
    cores: int = 1,
) -> Iterator[tuple[int, Shard]]:
    """Yield the wanted shards of a library that is featurized as it is read, with their numbers.

    Raises:
        WorkerError: a process was ended from outside.
    """
    names = scorer.predictor.model.featurizers
    todo = ((number, part) for number, part in enumerate(chunks) if wanted(number // CHUNKS))
    done = streamed(partial(_prepared, names=names), todo, cores=cores)
    for number, group in groupby(done, key=lambda item: item[0] // CHUNKS):
        yield number, scorer.shard(chunk for _, chunk in group)


def shards_of_file(
    file: LibraryFile, scorer: Scorer, wanted: Callable[[int], bool], *, cores: int = 1
) -> Iterator[tuple[int, Shard]]:
    """Yield the wanted shards of a featurized library, with their numbers; cores are threads.

    Raises:
        ModelError: the file is damaged.
    """
    todo = filter(wanted, range(-(-file.blocks // CHUNKS)))
    yield from streamed(partial(_of_file, file, scorer), todo, cores=cores, threads=True)


def _prepared(chunk: Chunk, names: Sequence[str]) -> tuple[int, Prepared]:
    return chunk[0], prepare(chunk[1], names)


def _of_file(file: LibraryFile, scorer: Scorer, number: int) -> tuple[int, Shard]:
    # A thread starts with as many threads of its own as there are cores.
    torch.set_num_threads(1)
    first = number * CHUNKS
    return number, scorer.shard(file.read(range(first, min(first + CHUNKS, file.blocks))))
