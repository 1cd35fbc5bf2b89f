"""Featurizes a library once, so that it can be screened often."""

from __future__ import annotations

import logging
from itertools import chain, islice
from typing import TYPE_CHECKING

import rdkit

from molmeta.libraries.prepare import prepare_all
from molmeta.libraries.reading import CHUNK
from molmeta.libraries.source import LibrarySource
from molmeta.libraries.vectors import with_vectors
from molmeta.libraries.writer import LibraryParts
from molmeta.molecules import featurizers
from molmeta.runtime.locks import exclusive
from molmeta.runtime.partials import parts_of
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from molmeta.libraries.writer import Written
    from molmeta.models.model import Model

_log = logging.getLogger(__name__)


def featurize_library(
    library: Path,
    output: Path,
    names: Sequence[str],
    *,
    model: Model | None = None,
    force: bool = False,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Featurize a library once, to be screened often.

    When the library breaks off, what was read is written, and the error is raised then.
    An interrupted run goes on where it was when it is called again, and gives the same file; it
    starts anew, and says so, with a library that has changed, other featurizers or another version.

    Args:
        library: as `molmeta.libraries.reading.read_library` takes it.
        output: featurized library to write.
        names: featurizers to run.
        model: keep its vectors as well, so that its screens need not compute them.
        force: take a library of which more than half is invalid.
        cores: processes to use.
        progress: called with the number of records done since the last call.

    Raises:
        ConfigError: an unknown featurizer, or a model without vectors.
        TableError: the library cannot be read, is mostly invalid, or breaks off.
        OutputError: the output cannot be written, or another run is writing it.
        WorkerError: a process was ended from outside.
    """
    for name in names:
        featurizers.get(name)
    source = LibrarySource(library, names, progress, force=force)
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
