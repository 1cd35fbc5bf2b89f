"""The finished parts of an output, kept next to it until it is complete.

A run that was killed finds its parts again and resumes after them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import ipc

from molmeta.errors import OutputError
from molmeta.runtime.locks import exclusive
from molmeta.runtime.outputs import write_text, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMAT = 4
"""Of the parts; those of another format are discarded."""
RUN = "run.json"
ROWS = 8_192
"""Rows of a part that are read at once."""
CLAIM_TIMEOUT = 60.0
"""Seconds to wait for a run that starts on the same output at the same moment."""


class Parts:
    """Numbered Arrow tables in a folder next to an output, `OUTPUT.parts`.

    The name of a part holds the checksum of its content. Parts that a power cut or a bad disk has
    damaged are removed when the folder is opened, and are computed again.

    Args:
        output: the output that the parts belong to.
        run: everything that the parts depend on, as JSON can write it. Parts of other runs are
            removed.

    Attributes:
        folder: of the parts.
        restarted: whether parts of another run were removed.

    Raises:
        OutputError: the folder cannot be written or removed.
    """

    def __init__(self, output: Path, run: object) -> None:
        self.folder = output.with_name(f"{output.name}.parts")
        text = json.dumps([FORMAT, run], sort_keys=True)
        with exclusive(self.folder, timeout=CLAIM_TIMEOUT):
            self.restarted = self._claim(hashlib.sha256(text.encode()).hexdigest())
            self._paths = {
                int(path.name[:8]): path
                for path in self.folder.glob("[0-9]*.arrow")
                if _is_intact(path)
            }

    def __contains__(self, number: int) -> bool:
        return number in self._paths

    def __len__(self) -> int:
        return len(self._paths)

    def numbers(self) -> list[int]:
        """Return the numbers of the finished parts in ascending order."""
        return sorted(self._paths)

    def add(self, number: int, table: pa.Table) -> None:
        """Write a part, completely or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        sink = pa.BufferOutputStream()
        with ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=ROWS)
        content = memoryview(sink.getvalue())
        checksum = hashlib.sha256(content).hexdigest()[:16]
        path = self.folder / f"{number:08d}-{checksum}.arrow"
        with written(path) as temporary:
            temporary.write_bytes(content)
        self._paths[number] = path

    def schema(self, number: int) -> pa.Schema:
        """Return the schema of a part with its metadata."""
        return self._open(number).schema

    def batches(self, number: int) -> Iterator[Any]:
        """Yield the record batches of a part by memory map.

        The file is open only as long as a batch is used, so that many parts can be merged.
        """
        for number_of_batch in range(self._open(number).num_record_batches):
            yield self._open(number).get_batch(number_of_batch)

    def clear(self) -> None:
        """Remove the folder.

        Raises:
            OutputError: it cannot be removed.
        """
        try:
            shutil.rmtree(self.folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise OutputError(
                f"{self.folder}: cannot be removed; got '{error.strerror or error}', expected a "
                "folder of an earlier run. Remove it, or choose another --output."
            ) from error

    def _claim(self, run: str) -> bool:
        path, existed = self.folder / RUN, self.folder.exists()
        if path.is_file() and path.read_text() == run:
            return False
        self.clear()
        write_text(path, run)
        return existed

    def _open(self, number: int) -> pa.RecordBatchFileReader:
        return ipc.open_file(pa.memory_map(str(self._paths[number])))


def _is_intact(path: Path) -> bool:
    """Compare a part with the checksum in its name, and remove it if they differ."""
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    intact = path.stem.endswith(f"-{checksum}")
    if not intact:
        path.unlink()
    return intact
