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
    """Featurize a library, to be screened many times.

    If the library breaks off, the records before the break are written, and then the error is
    raised. An interrupted run resumes when it is called again, and gives the same file. If the
    library, the featurizers or the version have changed since, it starts again and logs that.

    Args:
        library: as `molmeta.libraries.reading.read_library` takes it.
        output: featurized library to write.
        names: featurizers to run.
        model: add the vectors of this model, so that its screens need not compute them.
        force: accept a library of which more than half is invalid.
        cores: processes to use.
        progress: called with the number of records done since the last call.

    Raises:
        ConfigError: an unknown featurizer, or a model without vectors.
        TableError: the library cannot be read, is mostly invalid, or breaks off.
        OutputError: the output cannot be written, or another run is writing it.
        WorkerError: a worker process was killed.
    """
    for name in names:
        featurizers.get(name)
    source = LibrarySource(library, names, progress, force=force)
    with exclusive(output):
        chunks = source.chunks()
        first = list(islice(chunks, 1))
        # A mistyped library name must not remove the parts of an earlier run.
        if source.error is not None and source.empty:
            raise source.error
        digest = "" if model is None else model.digest
        parts = LibraryParts(output, _run(source.identity, names, digest))
        _log_start(parts, output)
        remaining = islice(chain(first, chunks), parts.done, None)
        for chunk in prepare_all(remaining, names, cores=cores):
            parts.add(chunk if model is None else with_vectors(chunk, model))
        broken = "" if source.error is None else str(source.error)
        counts = parts.gather(names, broken=broken, model=digest)
    if source.error is not None:
        raise source.error
    return counts


def _run(library: object, names: Sequence[str], model: str) -> dict[str, object]:
    """Return everything that a block depends on, so that blocks of other runs are not reused."""
    return {
        "versions": [__version__, rdkit.__version__],
        "library": library,
        "featurizers": list(names),
        "model": model,
        "chunk": CHUNK,
    }


def _log_start(parts: LibraryParts, output: Path) -> None:
    if parts.restarted:
        _log.warning(
            "%s: starts again; the parts of an interrupted run were for another library, an "
            "earlier state of this one, or other featurizers or versions",
            output,
        )
    elif parts.done:
        _log.info("%s: resumes after the first %d records", output, parts.done * CHUNK)
