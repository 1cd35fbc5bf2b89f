"""A library to screen, whether it was featurized before or not."""

from __future__ import annotations

import os
import random
import time
from functools import partial
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING

from molmeta.errors import TableError
from molmeta.libraries.files import library_files
from molmeta.libraries.folder import joined_features, open_features
from molmeta.libraries.lines import Record, in_file
from molmeta.libraries.prepare import Prepared, prepare, prepare_all
from molmeta.libraries.reading import CHUNK, STDIN, read_library
from molmeta.libraries.validity import require_readable
from molmeta.runtime.parallel import streamed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


class LibrarySource:
    """The records of a library. If it breaks off, the error is kept until they are used.

    Args:
        path: as `library_files` takes it, or a featurized library; a pattern may match several.
        names: featurizers to run, or that must have been run.
        progress: called with the number of records done since the last call.
        model: digest of the model that scores the records, for its vectors in the library.
        force: accept a library of which more than half is invalid.
        id_column: column with the names of the records; "" detects it.

    Attributes:
        file: the featurized library, or None if records must still be featurized.
        files: names of the files of the library, in its order.
        error: why the library broke off, or None.
        empty: whether nothing could be read.
        identity: changes when the library does.

    Raises:
        ModelError: a featurized library is damaged.
        ConfigError: a featurized library lacks features.
    """

    def __init__(
        self,
        path: Path,
        names: Sequence[str],
        progress: Callable[[int], None] | None = None,
        *,
        model: str = "",
        force: bool = False,
        id_column: str = "",
    ) -> None:
        self.names, self._progress = names, progress
        self._force, self._id_column = force, id_column
        self.error: TableError | None = None
        self.empty = True
        self.file = open_features(path, names, model)
        self._paths = library_files(path) if self.file is None else [self.file.path]
        if len(self._paths) > 1:
            paths = dict(zip(names_of(self._paths), self._paths, strict=True))
            self.file = joined_features(paths, names, model)
        self.files = names_of(self._paths) if self.file is None else self.file.files
        identities = [_identity(path) for path in self._paths]
        self.identity = identities[0] if len(identities) == 1 else identities
        if id_column and self.file is None:
            self.identity = [self.identity, id_column]

    def prepared(self, *, cores: int = 1) -> Iterator[Prepared]:
        """Yield all records with their features, in the library's order.

        Raises:
            ModelError: a featurized library is damaged.
            WorkerError: a worker process was killed.
        """
        for _, chunks in self.groups(1, lambda _: True, cores=cores):
            for chunk in chunks:
                yield chunk
                if self.file is not None:
                    self.advance(chunk.n_read)

    def groups(
        self, size: int, wanted: Callable[[int], bool], *, cores: int = 1
    ) -> Iterator[tuple[int, Iterator[Prepared]]]:
        """Yield the wanted groups of `size` chunks with their numbers, counted from 0.

        Records are featurized as they are read. Of a featurized library, nothing is read before
        the chunks of a group are iterated, in any thread; the caller then calls `advance`.

        Raises:
            ModelError: a featurized library is damaged.
            WorkerError: a worker process was killed.
        """
        if self.file is None:
            # A text has no index: unwanted chunks are read to be counted, but not featurized.
            numbered = (item for item in enumerate(self.chunks()) if wanted(item[0] // size))
            work = partial(_prepared, names=tuple(self.names))
            # Starting a process takes half a second, which a single chunk is not worth.
            first = list(islice(numbered, 2))
            processes = cores if len(first) > 1 else 1
            done = streamed(work, chain(first, numbered), cores=processes)
            for number, group in groupby(done, key=lambda item: item[0] // size):
                yield number, (chunk for _, chunk in group)
            return
        self.empty = False
        # Rounded up, as the last group may be shorter.
        for number in filter(wanted, range(-(-self.file.blocks // size))):
            first = number * size
            yield number, self.file.read(range(first, min(first + size, self.file.blocks)))
        # Kept until the end, so that everything before the break is used.
        if self.file.broken:
            self.error = TableError(self.file.broken)

    def sample(self, size: int, *, cores: int = 1) -> Iterator[Prepared]:
        """Yield about `size` records with their features; the same ones each time.

        They are drawn from all of a text, and are evenly spaced blocks of a featurized library.

        Raises:
            ModelError: a featurized library is damaged.
            WorkerError: a worker process was killed.
        """
        if self.file is not None:
            step = max(1, self.file.blocks * CHUNK // size)
            yield from self.file.read(range(0, self.file.blocks, step))
            return
        rng = random.Random(0)
        drawn: list[Record] = []
        for number, record in enumerate(chain.from_iterable(self.chunks())):
            if number < size:
                drawn.append(record)
            elif (slot := rng.randrange(number + 1)) < size:
                drawn[slot] = record
        drawn.sort(key=lambda record: record.line)
        chunks = (drawn[start : start + CHUNK] for start in range(0, len(drawn), CHUNK))
        yield from prepare_all(chunks, self.names, cores=cores)

    def chunks(self) -> Iterator[list[Record]]:
        """Yield the records of a library that was not featurized yet, chunk by chunk.

        A file that breaks off does not stop the others; the error of the first one is kept.
        """
        for number, path in enumerate(self._paths):
            try:
                for number_in_file, chunk in enumerate(
                    read_library(path, id_column=self._id_column)
                ):
                    if number_in_file == 0 and not self._force:
                        require_readable(path, chunk)
                    self.empty = False
                    if len(self.files) > 1:
                        chunk = [in_file(record, number, self.files[number]) for record in chunk]
                    yield chunk
                    self.advance(len(chunk))
            except TableError as error:
                self.error = self.error or error

    def advance(self, n: int) -> None:
        """Report that n more records are done."""
        if self._progress is not None:
            self._progress(n)


def _prepared(item: tuple[int, list[Record]], names: Sequence[str]) -> tuple[int, Prepared]:
    return item[0], prepare(item[1], names)


def names_of(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return the shortest paths that distinguish the files, from the folder that holds them all."""
    if len(paths) == 1:
        return (_text(paths[0].name),)
    # Absolute, because a manifest may mix relative and absolute paths.
    absolute = [path.absolute() for path in paths]
    folder = os.path.commonpath([path.parent for path in absolute])
    return tuple(_text(os.path.relpath(path, folder)) for path in absolute)


def _text(name: str) -> str:
    """Return a file name as text that can be written; bytes that are not UTF-8 become escapes."""
    return name.encode("utf-8", "backslashreplace").decode()


def _identity(path: Path) -> list[str | int]:
    """Return path, size and time of change; standard input has another identity each time."""
    try:
        status = path.stat()
    except OSError:
        return [str(path), time.time_ns()]
    if path == STDIN:
        return [str(path), time.time_ns()]
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]
