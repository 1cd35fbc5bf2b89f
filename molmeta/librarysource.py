"""A library to screen, whether it must still be featurized or was: the same shards come of both."""

from __future__ import annotations

import logging
import time
from itertools import chain, islice
from typing import TYPE_CHECKING

import rdkit

from molmeta.errors import TableError
from molmeta.libraries import CHUNK, STDIN, read_library
from molmeta.libraryfeatures import prepare_all
from molmeta.libraryfile import is_library_file, open_library
from molmeta.libraryparts import LibraryParts
from molmeta.libraryvectors import with_vectors
from molmeta.molecules import featurizers
from molmeta.runtime.locks import exclusive
from molmeta.runtime.partials import parts_of
from molmeta.scoring import shards_of_file, shards_of_records
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from molmeta.libraries import Record
    from molmeta.libraryfeatures import Prepared
    from molmeta.libraryfile import LibraryFile
    from molmeta.libraryparts import Written
    from molmeta.models.model import Model
    from molmeta.scoring import Scorer
    from molmeta.shards import Shard

_log = logging.getLogger(__name__)


class LibrarySource:
    """The shards of a library that may break off: the error waits until all before it is used.

    Attributes:
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
    ) -> None:
        self.path, self.names, self._progress = path, names, progress
        self.error: TableError | None = None
        self.empty = True
        self._file = open_library(path, names, model) if is_library_file(path) else None
        self.identity = _identity(path)

    def shards(
        self, scorer: Scorer, wanted: Callable[[int], bool], *, cores: int = 1
    ) -> Iterator[tuple[int, Shard]]:
        """Yield the wanted shards with their numbers.

        Raises:
            ModelError: a featurized library is damaged.
            WorkerError: a process was ended from outside.
        """
        if self._file is None:
            yield from shards_of_records(self.chunks(), scorer, wanted, cores=cores)
            return
        self.empty = False
        for number, shard in shards_of_file(self._file, scorer, wanted, cores=cores):
            self._advance(shard.n_read)
            yield number, shard
        self._finish(self._file)

    def prepared(self, *, cores: int = 1) -> Iterator[Prepared]:
        """Yield all records with their features, in the order of the library.

        Raises:
            ModelError: a featurized library is damaged.
            WorkerError: a process was ended from outside.
        """
        if self._file is None:
            yield from prepare_all(self.chunks(), self.names, cores=cores)
            return
        self.empty = False
        for chunk in self._file.read(range(self._file.blocks)):
            yield chunk
            self._advance(len(chunk.records) + len(chunk.rejected))
        self._finish(self._file)

    def chunks(self) -> Iterator[list[Record]]:
        """Yield the records of a library that was not featurized yet, chunk by chunk."""
        try:
            for chunk in read_library(self.path):
                self.empty = False
                yield chunk
                self._advance(len(chunk))
        except TableError as error:
            self.error = error

    def _finish(self, file: LibraryFile) -> None:
        if file.broken:
            self.error = TableError(file.broken)

    def _advance(self, n: int) -> None:
        if self._progress is not None:
            self._progress(n)


def featurize_library(
    library: Path,
    output: Path,
    names: Sequence[str],
    *,
    model: Model | None = None,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Featurize a library once, to be screened often.

    When the library breaks off, what was read is written, and the error is raised then.
    An interrupted run goes on where it was when it is called again, and gives the same file; it
    starts anew, and says so, with a library that has changed, other featurizers or another version.

    Args:
        library: as `molmeta.libraries.read_library` takes it.
        output: featurized library to write.
        names: featurizers to run.
        model: keep its vectors as well, so that its screens need not compute them.
        cores: processes to use.
        progress: called with the number of records done since the last call.

    Raises:
        ConfigError: an unknown featurizer, or a model without vectors.
        TableError: the library cannot be read, or breaks off.
        OutputError: the output cannot be written, or another run is writing it.
        WorkerError: a process was ended from outside.
    """
    for name in names:
        featurizers.get(name)
    source = LibrarySource(library, names, progress)
    with exclusive(output):
        chunks = source.chunks()
        first = list(islice(chunks, 1))
        # What an earlier run has left must outlive a misspelt library.
        if source.error is not None and source.empty:
            raise source.error
        digest = "" if model is None else model.digest
        parts = LibraryParts(parts_of(output), _kind(source.identity, names, digest))
        _tell(parts, output)
        todo = islice(chain(first, chunks), parts.done, None)
        for chunk in prepare_all(todo, names, cores=cores):
            parts.add(chunk if model is None else with_vectors(chunk, model))
        broken = "" if source.error is None else str(source.error)
        done = parts.gather(output, names, broken=broken, model=digest)
    if source.error is not None:
        raise source.error
    return done


def _kind(library: object, names: Sequence[str], model: str) -> dict[str, object]:
    """Return all that a block depends on, so that none of another library is taken for one."""
    return {
        "versions": [__version__, rdkit.__version__],
        "library": library,
        "featurizers": list(names),
        "model": model,
        "chunk": CHUNK,
    }


def _tell(parts: LibraryParts, output: Path) -> None:
    if parts.restarted:
        _log.warning(
            "%s: starts anew; what an interrupted run left was of a library since changed, of "
            "another one, or of other featurizers or versions",
            output,
        )
    elif parts.done:
        _log.info("%s: goes on after the first %d records", output, parts.done * CHUNK)


def _identity(path: Path) -> list[str | int]:
    """What comes from standard input is never known to be the same again."""
    try:
        found = path.stat()
    except OSError:
        return [str(path), time.time_ns()]
    if path == STDIN:
        return [str(path), time.time_ns()]
    return [str(path.resolve()), found.st_size, found.st_mtime_ns]
