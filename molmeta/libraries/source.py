"""A library to screen, featurized already or not."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from molmeta.errors import TableError
from molmeta.libraries.file import is_library_file, open_library
from molmeta.libraries.prepare import prepare_all
from molmeta.libraries.reading import STDIN, read_library
from molmeta.libraries.validity import require_readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from molmeta.libraries.lines import Record
    from molmeta.libraries.prepare import Prepared

_log = logging.getLogger(__name__)


class LibrarySource:
    """The records of a library that may break off: the error waits until all before it is used.

    Attributes:
        file: the featurized library, or None where records must still be featurized.
        error: why the library broke off, or None.
        empty: whether nothing could be read.
        identity: what tells this library from others, and from itself when it has changed.
    """

    def __init__(
        self,
        path: Path,
        names: Sequence[str],
        progress: Callable[[int], None] | None = None,
        *,
        model: str = "",
        force: bool = False,
    ) -> None:
        self.path, self.names, self._progress = path, names, progress
        self._force = force
        self.error: TableError | None = None
        self.empty = True
        self.file = open_library(path, names, model) if is_library_file(path) else None
        self.identity = _identity(path)

    def prepared(self, *, cores: int = 1) -> Iterator[Prepared]:
        """Yield all records with their features, in the order of the library.

        Raises:
            ModelError: a featurized library is damaged.
            WorkerError: a process was ended from outside.
        """
        if self.file is None:
            yield from prepare_all(self.chunks(), self.names, cores=cores)
            return
        self.empty = False
        for chunk in self.file.read(range(self.file.blocks)):
            yield chunk
            self.advance(len(chunk.records) + len(chunk.rejected))
        self.finish()

    def chunks(self) -> Iterator[list[Record]]:
        """Yield the records of a library that was not featurized yet, chunk by chunk."""
        try:
            for chunk in read_library(self.path):
                if self.empty and not self._force:
                    require_readable(self.path, chunk)
                self.empty = False
                yield chunk
                self.advance(len(chunk))
        except TableError as error:
            self.error = error

    def finish(self) -> None:
        """Note the error that a featurized library broke off with, once all of it is used."""
        if self.file is not None and self.file.broken:
            self.error = TableError(self.file.broken)

    def advance(self, n: int) -> None:
        """Report that n more records are done."""
        if self._progress is not None:
            self._progress(n)


def _identity(path: Path) -> list[str | int]:
    """What comes from standard input is never known to be the same again."""
    try:
        found = path.stat()
    except OSError:
        return [str(path), time.time_ns()]
    if path == STDIN:
        return [str(path), time.time_ns()]
    return [str(path.resolve()), found.st_size, found.st_mtime_ns]
