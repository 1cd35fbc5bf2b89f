"""Writes a featurized library: block by block into files of their own, which become one at the end.

A run that was interrupted finds its blocks again and goes on after them. Memory holds one block,
and of the others only where each array stands.
"""

from __future__ import annotations

import json
import shutil
import struct
from itertools import count, takewhile
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from molmeta.libraries.file import FORMAT, KIND, TEXT
from molmeta.runtime.outputs import written
from molmeta.runtime.partials import claim, clear
from molmeta.runtime.tensorfiles import KEY
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from molmeta.libraries.prepare import Prepared

_DTYPES = {"int64": "I64", "float32": "F32", "int16": "I16", "uint8": "U8"}


class Written(NamedTuple):
    """What became of a library: records read, and records that could not be featurized."""

    n_read: int
    n_invalid: int


class LibraryParts:
    """The blocks of one run, in a folder beside its output, in the order of the library.

    Attributes:
        folder: emptied when it was left by a run of another kind.
        restarted: whether anything was taken away by that.
        done: blocks that are whole, from the first; what comes after is made again.
    """

    def __init__(self, folder: Path, kind: object) -> None:
        self.folder = folder
        self.restarted = claim(folder, kind)
        self.done = sum(1 for _ in takewhile(self._is_whole, count()))

    def add(self, chunk: Prepared) -> None:
        """Write the next block, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        counts = [len(chunk.records) + len(chunk.rejected), len(chunk.rejected)]
        entries: dict[str, Any] = {"__metadata__": {KEY: json.dumps(counts)}}
        arrays, begin = _tensors(chunk), 0
        for name, array in arrays.items():
            entries[f"{self.done:08d}.{name}"] = _entry(array, begin)
            begin += array.nbytes
        with written(self._path(self.done)) as temporary, temporary.open("wb") as file:
            _write_header(file, entries)
            file.writelines(np.ascontiguousarray(array).tobytes() for array in arrays.values())
        self.done += 1

    def gather(
        self, output: Path, names: Sequence[str], *, broken: str = "", model: str = ""
    ) -> Written:
        """Write one file of all blocks and take the folder away.

        Args:
            output: file to write.
            names: featurizers that made the blocks.
            broken: why the library broke off, "" if it did not.
            model: digest of the model whose vectors the blocks hold, "" for none.

        Raises:
            OutputError: the file cannot be written.
        """
        header = {"kind": KIND, "format": FORMAT, "version": __version__, "blocks": self.done}
        header |= {"featurizers": list(names), "broken": broken, "model": model}
        entries: dict[str, Any] = {"__metadata__": {KEY: json.dumps(header)}}
        counts, begin = np.zeros(2, np.int64), 0
        with written(output) as temporary, temporary.open("wb") as file:
            for number in range(self.done):
                begin, found = self._moved(number, begin, entries)
                counts += found
            _write_header(file, entries)
            for number in range(self.done):
                self._copy(number, file)
        clear(self.folder)
        return Written(*counts.tolist())

    def _moved(self, number: int, begin: int, entries: dict[str, Any]) -> tuple[int, list[int]]:
        """Add a block's entries as they are from `begin` on; return its end and its counts."""
        with self._path(number).open("rb") as file:
            part = _read_header(file)
        counts: list[int] = json.loads(part.pop("__metadata__")[KEY])
        for entry in part.values():
            entry["data_offsets"] = [begin + offset for offset in entry["data_offsets"]]
        entries.update(part)
        return _end(part), counts

    def _copy(self, number: int, target: IO[bytes]) -> None:
        with self._path(number).open("rb") as file:
            _read_header(file)
            shutil.copyfileobj(file, target, 1 << 20)

    def _is_whole(self, number: int) -> bool:
        """A machine that went down may have left a file under its name, but short."""
        try:
            with self._path(number).open("rb") as file:
                part = _read_header(file)
                return self._path(number).stat().st_size == file.tell() + _end(part)
        except (OSError, ValueError, struct.error):
            return False

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.block"


def _tensors(chunk: Prepared) -> dict[str, NDArray[Any]]:
    """Return the arrays of a block, the widest numbers first, so that all stay aligned."""
    arrays = dict(sorted(chunk.arrays.items(), key=lambda item: -item[1].itemsize))
    text = {
        "line": [record.line for record in chunk.records],
        "id": [record.id for record in chunk.records],
        "smiles": [record.smiles for record in chunk.records],
        "rejected": chunk.rejected,
        "parts": list(arrays),
    }
    raw = json.dumps(text).encode()
    raw += b" " * (-(len(raw) + sum(array.nbytes for array in arrays.values())) % 8)
    return {**arrays, TEXT: np.frombuffer(raw, np.uint8)}


def _entry(array: NDArray[Any], begin: int) -> dict[str, Any]:
    shape = [int(n) for n in array.shape]
    offsets = [begin, begin + array.nbytes]
    return {"dtype": _DTYPES[array.dtype.name], "shape": shape, "data_offsets": offsets}


def _end(entries: dict[str, Any]) -> int:
    return max(entry["data_offsets"][1] for name, entry in entries.items() if name[0] != "_")


def _write_header(file: IO[bytes], entries: dict[str, Any]) -> None:
    raw = json.dumps(entries).encode()
    raw += b" " * (-len(raw) % 8)
    file.write(struct.pack("<Q", len(raw)) + raw)


def _read_header(file: IO[bytes]) -> dict[str, Any]:
    return json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
