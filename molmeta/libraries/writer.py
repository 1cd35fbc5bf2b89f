"""Writes a featurized library: each block as a part first, then all parts as one Arrow file.

A killed run resumes after the blocks that it has finished. Only one block is in memory.
"""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
from pyarrow import ipc

from molmeta.libraries.file import FORMAT, KIND
from molmeta.runtime.outputs import written
from molmeta.runtime.partials import Parts
from molmeta.runtime.tensorfiles import KEY
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from molmeta.libraries.prepare import Prepared

_REJECTED = pa.struct(
    [
        ("line", pa.int64()),
        ("id", pa.string()),
        ("smiles", pa.string()),
        ("reason", pa.string()),
    ]
)


class Written(NamedTuple):
    """Counts of a featurized library: records read, and records that could not be featurized."""

    n_read: int
    n_invalid: int


class LibraryParts:
    """The finished blocks of a library, in its order.

    Args:
        output: the featurized library.
        run: everything that the blocks depend on; blocks of other runs are removed.

    Attributes:
        restarted: whether blocks of another run were removed.
        done: finished blocks, counted from the first; later ones are written again.
    """

    def __init__(self, output: Path, run: object) -> None:
        self._output, self._parts = output, Parts(output, run)
        self.restarted = self._parts.restarted
        self.done = next(number for number in count() if number not in self._parts)

    def add(self, chunk: Prepared) -> None:
        """Write the next block, completely or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        table = pa.Table.from_batches([_row(chunk)])
        # For the header of the whole file, which comes before the blocks.
        counts = {"n_read": str(chunk.n_read), "n_invalid": str(len(chunk.rejected))}
        self._parts.add(self.done, table.replace_schema_metadata(counts))
        self.done += 1

    def gather(self, names: Sequence[str], *, broken: str = "", model: str = "") -> Written:
        """Write one file of all blocks and remove the parts.

        Args:
            names: featurizers whose features the blocks contain.
            broken: why the library broke off, or "".
            model: digest of the model whose vectors the blocks hold, or "".

        Raises:
            OutputError: the file cannot be written.
        """
        schemas = [self._parts.schema(number) for number in range(self.done)]
        counts = Written(
            sum(int(schema.metadata[b"n_read"]) for schema in schemas),
            sum(int(schema.metadata[b"n_invalid"]) for schema in schemas),
        )
        header = {"kind": KIND, "format": FORMAT, "version": __version__, "broken": broken}
        header |= {"featurizers": list(names), "model": model, **counts._asdict()}
        # Blocks without a compound lack the columns of features, hence the union of all schemas.
        schema = pa.unify_schemas(schemas).with_metadata({KEY: json.dumps(header)})
        with written(self._output) as temporary, ipc.new_file(str(temporary), schema) as file:
            for number in range(self.done):
                for batch in self._parts.batches(number):
                    file.write_batch(_with_columns(batch, schema))
        self._parts.clear()
        return counts


def _row(chunk: Prepared) -> pa.RecordBatch:
    """Return a block as a record batch with one row."""
    records = chunk.records
    columns = {
        "line": _list(pa.array([record.line for record in records], pa.int64())),
        "id": _list(pa.array([record.id for record in records], pa.string())),
        "smiles": _list(pa.array([record.smiles for record in records], pa.string())),
        "rejected": _list(pa.array([r._asdict() for r in chunk.rejected], _REJECTED)),
    }
    if records:
        columns |= {name: _list(_nested(array)) for name, array in chunk.arrays.items()}
    return pa.record_batch(columns)


def _nested(array: NDArray[Any]) -> pa.Array:
    """Return an array of any dimensions as an Arrow array with one element a row."""
    values = pa.array(array.reshape(-1))
    for size in reversed(array.shape[1:]):
        values = pa.FixedSizeListArray.from_arrays(values, size)
    return values


def _list(values: pa.Array) -> pa.Array:
    """Return a column whose only row is the list of all values."""
    offsets = pa.array([0, len(values)], pa.int64())
    return pa.LargeListArray.from_arrays(offsets, values)


def _with_columns(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        batch.column(field.name) if field.name in batch.schema.names else pa.nulls(1, field.type)
        for field in schema
    ]
    return pa.record_batch(columns, schema=schema)
