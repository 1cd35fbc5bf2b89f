"""A library that was featurized once: an Arrow file, read block by block.

A block holds the features of one chunk of records, their names, and the records that could not be
featurized, in one row. Each array of features is a column. The file is read by memory map, checked
as it is read, and holds no code. Files of earlier versions are in the safetensors format.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import ipc
from safetensors import SafetensorError, safe_open

from molmeta.errors import ConfigError, ModelError, one_line
from molmeta.libraries.lines import Record, in_file
from molmeta.libraries.prepare import Prepared
from molmeta.molecules.blocks import EMBEDDING
from molmeta.molecules.checks import consistent
from molmeta.molecules.store import unpacked
from molmeta.runtime.tensorfiles import KEY

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from molmeta.molecules.featurizers import Arrays

    Wanted = Callable[[str], bool]
    ReadBlock = Callable[[int, Wanted], Prepared]

FORMAT = 2
KIND = "featurized library"
MAGIC = b"ARROW1"
TEXT_COLUMNS = ("line", "id", "smiles", "rejected")
VECTORS = f"{EMBEDDING}.values"


_ERRORS = (
    SafetensorError, pa.ArrowException, OSError, KeyError, TypeError, ValueError, IndexError,
    AttributeError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True)
class StoredRecords(Sequence[Record]):
    """Records of a block, each created on access: a screen reads few of them.

    Attributes:
        lines: int64, shape (G,).
        ids: Arrow array of texts.
        smiles: Arrow array of texts.
        file: number and name of their file, in a library of several.
    """

    lines: NDArray[np.int64]
    ids: Any
    smiles: Any
    file: tuple[int, str] | None = None

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, row: Any) -> Any:  # noqa: ANN401 - a row, and its record
        record = Record(int(self.lines[row]), self.ids[row].as_py(), self.smiles[row].as_py())
        return record if self.file is None else in_file(record, *self.file)


@dataclass(frozen=True)
class LibraryFile:
    """A featurized library.

    Attributes:
        path: its file.
        featurizers: that were run.
        blocks: number of blocks.
        broken: why the library broke off when it was featurized, or "".
        n_read: records that were read.
        n_invalid: records that could not be featurized.
        wanted: featurizers whose arrays are read; () reads all of them.
        vectors: whether to read the vectors that a model has added.
    """

    path: Path
    featurizers: tuple[str, ...]
    blocks: int
    broken: str
    n_read: int
    n_invalid: int
    wanted: tuple[str, ...] = ()
    vectors: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files of the library."""
        return (self.path.name,)

    def block(self, number: int) -> Prepared:
        """Return one block.

        Raises:
            ModelError: the file is damaged.
        """
        return next(self.read([number]))

    def read(self, numbers: Iterable[int]) -> Iterator[Prepared]:
        """Yield blocks by their numbers; the blocks of one call share a memory map.

        Raises:
            ModelError: the file is damaged.
        """
        try:
            with _opened(self.path) as (_, _, read_block):
                for number in numbers:
                    block = read_block(number, self._is_wanted)
                    n = len(block.records)
                    if n and not consistent(unpacked([block.arrays]), n):
                        raise ValueError(f"block {number} that does not fit {n} compounds")
                    yield block
        except _ERRORS as error:
            raise _damaged(self.path, one_line(error)) from error

    def _is_wanted(self, array: str) -> bool:
        if array == VECTORS:
            return self.vectors
        return not self.wanted or array.rsplit(".", 1)[0] in self.wanted


def is_library_file(path: Path) -> bool:
    """Tell by its first bytes whether a file may be a featurized library."""
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError:
        return False
    return head.startswith(MAGIC) or (len(head) == 9 and head[4:] == b"\0\0\0\0{")


def open_library(path: Path, names: Sequence[str] = (), model: str = "") -> LibraryFile:
    """Open a featurized library that holds certain features.

    Args:
        path: of the file.
        names: featurizers whose arrays are read; () reads all.
        model: digest of the model that reads the library; only its own vectors are read.

    Raises:
        ModelError: the file is damaged or of another kind.
        ConfigError: a featurizer was not run.
    """
    try:
        with _opened(path) as (header, blocks, _):
            featurizers = tuple(str(name) for name in header["featurizers"])
            vectors = bool(model) and header.get("model") == model
            broken = str(header["broken"])
            counts = int(header.get("n_read", 0)), int(header.get("n_invalid", 0))
    except _ERRORS as error:
        raise _damaged(path, one_line(error)) from error
    if missing := sorted(set(names) - set(featurizers)):
        raise ConfigError(
            f"{path}: lacks features that the model reads; got {list(featurizers)}, expected "
            f"'{missing[0]}' too. Run 'molmeta featurize' with --featurizer {missing[0]}."
        )
    return LibraryFile(path, featurizers, blocks, broken, *counts, tuple(names), vectors)


@contextmanager
def _opened(path: Path) -> Generator[tuple[dict[str, Any], int, ReadBlock]]:
    """Yield the header, the number of blocks, and a function that reads a block."""
    with path.open("rb") as file:
        is_arrow = file.read(len(MAGIC)) == MAGIC
    if is_arrow:
        with pa.memory_map(str(path)) as source, ipc.open_file(source) as file:
            metadata: dict[bytes, bytes] = file.schema.metadata or {}
            header = _checked(json.loads(metadata[KEY.encode()]), FORMAT)
            yield header, file.num_record_batches, lambda n, wanted: _from_arrow(file, n, wanted)
        return
    with safe_open(path, framework="np") as file:
        tags: dict[str, str] = file.metadata() or {}
        header = _checked(json.loads(tags[KEY]), 1)
        yield header, int(header["blocks"]), lambda n, wanted: _from_safetensors(file, n, wanted)


def _checked(header: Any, version: int) -> dict[str, Any]:  # noqa: ANN401 - parsed JSON
    if (header["kind"], header["format"]) != (KIND, version):
        raise ValueError(f"a {header['kind']} of format {header['format']}")
    return header


def _from_arrow(file: pa.RecordBatchFileReader, number: int, wanted: Wanted) -> Prepared:
    batch = file.get_batch(number)
    # Offsets of a damaged file would make Arrow read outside the file.
    batch.validate(full=True)
    lines, ids, smiles, rejected = (batch.column(name).flatten() for name in TEXT_COLUMNS)
    if not len(lines) == len(ids) == len(smiles) or ids.null_count or smiles.null_count:
        raise ValueError(f"block {number} whose columns of records do not fit each other")
    records = StoredRecords(lines.to_numpy(), ids, smiles)
    arrays = {
        name: _array(batch.column(name))
        for name in batch.schema.names
        if name not in TEXT_COLUMNS and wanted(name) and not batch.column(name).null_count
    }
    return Prepared(records, arrays, [Record(**row) for row in rejected.to_pylist()])


def _array(column: pa.Array) -> NDArray[Any]:
    """Return a copy of the array that a row of a column holds; torch refuses read-only memory."""
    values, shape = column.flatten(), [-1]
    while pa.types.is_fixed_size_list(values.type):
        shape.append(values.type.list_size)
        values = values.flatten()
    return values.to_numpy(zero_copy_only=False, writable=True).reshape(shape)


def _from_safetensors(file: Any, number: int, wanted: Wanted) -> Prepared:  # noqa: ANN401
    prefix = f"{number:08d}."
    text: Any = json.loads(file.get_tensor(f"{prefix}text").tobytes())
    arrays: Arrays = {n: file.get_tensor(f"{prefix}{n}") for n in text["parts"] if wanted(n)}
    records = list(map(Record, text["line"], text["id"], text["smiles"]))
    return Prepared(records, arrays, [Record(*row) for row in text["rejected"]])


def _damaged(path: Path, problem: str) -> ModelError:
    return ModelError(
        f"{path}: cannot be read as a featurized library; got {problem[:200]}, expected a file of "
        "'molmeta featurize LIBRARY'. Make it again."
    )
