"""What a screen has done so far, kept shard by shard beside its output, so that it can go on.

A shard is a run of records of the library, always of the same ones. Its file holds the best of its
compounds, best first, and then what could not be scored. Knows no model and scores nothing.
"""

from __future__ import annotations

from heapq import merge
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from molmeta.libraries.lines import Record
from molmeta.runtime.outputs import written
from molmeta.runtime.partials import claim, clear
from molmeta.screening.hits import Hit, best

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT = 2
ROWS = 8_192

# pyarrow brings no types, which strict checking refuses; Any says so once.
_arrow: Any = pa
_parquet: Any = parquet
_SCHEMA: Any = _arrow.schema(
    [
        ("line", _arrow.int64()),
        ("id", _arrow.string()),
        ("smiles", _arrow.string()),
        ("probability", _arrow.float64()),
        ("reason", _arrow.string()),
    ]
)


class Shard(NamedTuple):
    """The result of a run of records.

    Attributes:
        hits: the compounds to keep, best first.
        rejected: the records that could not be scored, in the order of the library.
        n_read: records.
        n_known: compounds of the support among them.
        scores: how many of its compounds have which score, of `prevalence.counted`.
    """

    hits: Sequence[Hit]
    rejected: Sequence[Record]
    n_read: int
    n_known: int
    scores: NDArray[np.int64]


class Shards:
    """The shards of one run, in a folder beside its output.

    The folder is emptied when it was left by a run of another kind: another model, support,
    library or option.
    """

    def __init__(self, folder: Path, kind: object) -> None:
        self.folder = folder
        claim(folder, [FORMAT, kind])

    def __contains__(self, number: int) -> bool:
        return self._path(number).exists()

    def __len__(self) -> int:
        return len(self._paths())

    def add(self, number: int, shard: Shard) -> None:
        """Write one shard, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        hits = ((-h.minus_line, h.id, h.smiles, h.probability, "") for h in shard.hits)
        bad = ((r.line, r.id, r.smiles, None, r.reason) for r in shard.rejected)
        columns = list(zip(*hits, *bad, strict=True)) or [()] * len(_SCHEMA)
        counts = {
            "n_read": str(shard.n_read),
            "n_known": str(shard.n_known),
            "scores": shard.scores.astype("<i8").tobytes(),
        }
        arrays = [_arrow.array(c, f.type) for c, f in zip(columns, _SCHEMA, strict=True)]
        table = _arrow.Table.from_arrays(arrays, schema=_SCHEMA.with_metadata(counts))
        with written(self._path(number)) as temporary:
            _parquet.write_table(table, temporary, row_group_size=ROWS)

    def hits(self, top: int | None) -> Iterator[Hit]:
        """Yield the `top` best of all shards, best first; None is all of them.

        Holds these `top`, or a piece of each shard where all are wanted.
        """
        parts = [_hits(path) for path in self._paths()]
        if top is None:
            return merge(*parts, reverse=True)
        return iter(best(chain.from_iterable(parts), top))

    def by_line(self) -> Iterator[list[Hit]]:
        """Yield the compounds that each shard keeps, in the order of the library."""
        for path in self._paths():
            yield sorted(_hits(path), key=lambda hit: -hit.minus_line)

    def rejected(self) -> Iterator[Record]:
        """Yield what could not be scored, in the order of the library."""
        for path in self._paths():
            for row in _rows(path):
                if row["reason"]:
                    yield Record(row["line"], row["id"], row["smiles"], row["reason"])

    def counts(self) -> tuple[int, int]:
        """Return how many records were read, and how many of them were known."""
        found = [_parquet.read_schema(path).metadata for path in self._paths()]
        return sum(int(c[b"n_read"]) for c in found), sum(int(c[b"n_known"]) for c in found)

    def scores(self) -> NDArray[np.int64]:
        """Return how many compounds of the library have which score."""
        found = [_parquet.read_schema(path).metadata[b"scores"] for path in self._paths()]
        return np.sum([np.frombuffer(one, "<i8") for one in found], axis=0)

    def clear(self) -> None:
        """Take the folder away.

        Raises:
            OutputError: it cannot be taken away.
        """
        clear(self.folder)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.parquet"

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.parquet"))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with _parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROWS):
            yield from batch.to_pylist()


def _hits(path: Path) -> Iterator[Hit]:
    for row in _rows(path):
        if row["reason"]:
            return
        yield Hit(row["probability"], -row["line"], row["id"], row["smiles"])


def write_scores(output: Path, parts: Iterable[Sequence[Hit]]) -> None:
    """Write the score of every compound, in the order of the library, as Parquet.

    Raises:
        OutputError: the file cannot be written.
    """
    schema = _arrow.schema([_SCHEMA.field(name) for name in _SCHEMA.names[:4]])
    with written(output) as temporary, _parquet.ParquetWriter(temporary, schema) as writer:
        for part in parts:
            rows = [(-h.minus_line, h.id, h.smiles, h.probability) for h in part]
            arrays = [
                _arrow.array([row[i] for row in rows], field.type) for i, field in enumerate(schema)
            ]
            writer.write_table(_arrow.Table.from_arrays(arrays, schema=schema))
