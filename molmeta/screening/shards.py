"""The results of a screen so far, kept shard by shard next to its output.

A shard is a run of consecutive records of the library, always of the same ones. It holds the best
of its compounds, best first, and then the records that could not be scored.
"""

from __future__ import annotations

from heapq import merge
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import compute, parquet

from molmeta.libraries.lines import Record, location
from molmeta.runtime.outputs import written
from molmeta.runtime.partials import Parts
from molmeta.screening.hits import ScoredCompound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FAN = 32
"""Tables that are merged at once."""

_SCHEMA = pa.schema(
    [
        ("line", pa.int64()),
        ("id", pa.string()),
        ("smiles", pa.string()),
        ("probability", pa.float64()),
        ("reason", pa.string()),
    ]
)


class Shard(NamedTuple):
    """The result of consecutive records.

    Attributes:
        hits: the compounds to keep, best first.
        rejected: the records that could not be scored, in the library's order.
        n_read: records.
        n_known: records that are compounds of the support.
        n_skipped: compounds that a prefilter skipped.
        scores: compounds in each bin of scores, from `prevalence.counted`.
    """

    hits: Sequence[ScoredCompound]
    rejected: Sequence[Record]
    n_read: int
    n_known: int
    n_skipped: int
    scores: NDArray[np.int64]


class Shards:
    """The finished shards of a screen.

    Args:
        output: of the screen.
        run: everything that a shard depends on; shards of other runs are removed.

    Raises:
        OutputError: the folder of the shards cannot be written or removed.
    """

    def __init__(self, output: Path, run: object) -> None:
        self._parts = Parts(output, run)

    def __contains__(self, number: int) -> bool:
        return number in self._parts

    def __len__(self) -> int:
        return len(self._parts)

    def add(self, number: int, shard: Shard) -> None:
        """Write a shard, completely or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        hits = ((-h.minus_line, h.id, h.smiles, h.probability, "") for h in shard.hits)
        rejected = ((r.line, r.id, r.smiles, None, r.reason) for r in shard.rejected)
        metadata = {
            "n_read": str(shard.n_read),
            "n_known": str(shard.n_known),
            "n_skipped": str(shard.n_skipped),
            # A fixed byte order: parts of a screen may be scored on different machines.
            "scores": shard.scores.astype("<i8").tobytes(),
        }
        self._parts.add(number, _table(chain(hits, rejected), _SCHEMA.with_metadata(metadata)))

    def hits(self, top: int | None) -> Iterator[ScoredCompound]:
        """Yield the `top` best compounds of all shards, best first; None yields all of them.

        Shards are merged as a tree, with at most FAN times `top` compounds of each level in memory.
        If all compounds are requested, memory holds one batch of each shard.
        """
        numbers = self._parts.numbers()
        if top is None:
            return merge(*map(self._hits, numbers), reverse=True)
        rows: list[dict[str, Any]] = self._best(numbers, top).to_pylist() if numbers else []
        return (_hit(row) for row in rows)

    def by_line(self) -> Iterator[list[ScoredCompound]]:
        """Yield the compounds that each shard keeps, in the library's order."""
        for number in self._parts.numbers():
            yield sorted(self._hits(number), key=lambda hit: -hit.minus_line)

    def rejected(self) -> Iterator[Record]:
        """Yield the records that could not be scored, in the library's order."""
        for number in self._parts.numbers():
            for row in self._rows(number):
                if row["reason"]:
                    yield Record(row["line"], row["id"], row["smiles"], row["reason"])

    def counts(self) -> tuple[int, int, int]:
        """Return the number of records, of compounds of the support, and of skipped compounds."""
        metadata = self._metadata()
        names = (b"n_read", b"n_known", b"n_skipped")
        n_read, n_known, n_skipped = (sum(int(m[name]) for m in metadata) for name in names)
        return n_read, n_known, n_skipped

    def scores(self) -> NDArray[np.int64]:
        """Return the number of the library's compounds in each bin of scores."""
        return np.sum([np.frombuffer(m[b"scores"], "<i8") for m in self._metadata()], axis=0)

    def clear(self) -> None:
        """Remove the shards.

        Raises:
            OutputError: they cannot be removed.
        """
        self._parts.clear()

    def _metadata(self) -> list[dict[bytes, bytes]]:
        return [self._parts.schema(number).metadata for number in self._parts.numbers()]

    def _best(self, numbers: Sequence[int], top: int) -> pa.Table:
        """Return the table of the `top` best compounds of some shards, best first."""
        if len(numbers) > FAN:
            size = -(-len(numbers) // FAN)
            groups = (numbers[first : first + size] for first in range(0, len(numbers), size))
            tables = [self._best(group, top) for group in groups]
        else:
            tables = [self._hit_table(number, top) for number in numbers]
        table = pa.concat_tables(tables)
        lines, scores = (table.column(name).to_numpy() for name in ("line", "probability"))
        return table.take(np.lexsort((lines, -scores))[:top])

    def _hit_table(self, number: int, top: int) -> pa.Table:
        batches = list(self._parts.batches(number))
        table = pa.Table.from_batches(batches, self._parts.schema(number))
        # Hits are written first, and rejected records, which have a reason, after them.
        n_hits = compute.sum(compute.equal(table.column("reason"), "")).as_py() or 0
        return table.slice(0, min(n_hits, top)).replace_schema_metadata()

    def _hits(self, number: int) -> Iterator[ScoredCompound]:
        for row in self._rows(number):
            # Hits are written first, so the first rejected record ends them.
            if row["reason"]:
                return
            yield _hit(row)

    def _rows(self, number: int) -> Iterator[dict[str, Any]]:
        for batch in self._parts.batches(number):
            yield from batch.to_pylist()


def _hit(row: dict[str, Any]) -> ScoredCompound:
    return ScoredCompound(row["probability"], -row["line"], row["id"], row["smiles"])


def write_scores(
    output: Path, parts: Iterable[Sequence[ScoredCompound]], files: Sequence[str] = ()
) -> None:
    """Write the score of every compound, in the library's order, as Parquet.

    Args:
        output: a Parquet file, or a folder, to which each part is written as a separate file.
        parts: compounds of consecutive shards.
        files: names of the files of the library; if there are several, a column names one.

    Raises:
        OutputError: the output cannot be written.
    """
    if output.suffix in (".parquet", ".pq"):
        _write_scores(output, parts, files)
        return
    names: set[str] = set()
    for number, part in enumerate(parts):
        names.add(f"part-{number:08d}.parquet")
        _write_scores(output / f"part-{number:08d}.parquet", [part], files)
    # Parts of an earlier, larger library must not be read together with these.
    for path in output.glob("part-*.parquet"):
        if path.name not in names:
            path.unlink()


def _write_scores(
    output: Path, parts: Iterable[Sequence[ScoredCompound]], files: Sequence[str]
) -> None:
    schema = pa.schema([_SCHEMA.field(name) for name in _SCHEMA.names[:4]])
    if len(files) > 1:
        schema = pa.schema([("file", pa.string()), *schema])
    with written(output) as temporary, parquet.ParquetWriter(temporary, schema) as writer:
        for part in parts:
            rows = ((*location(-h.minus_line, files), h.id, h.smiles, h.probability) for h in part)
            writer.write_table(_table(rows, schema))


def _table(rows: Iterable[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
