"""Featurizes a library once, so that it can be screened often."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

import rdkit

from molmeta.libraries.prepare import prepare_all
from molmeta.libraries.reading import CHUNK
from molmeta.libraries.source import LibrarySource
from molmeta.libraries.vectors import with_vectors
from molmeta.libraries.writer import LibraryParts, Written
from molmeta.molecules import featurizers
from molmeta.runtime.locks import exclusive
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from molmeta.libraries.lines import Record
    from molmeta.models.model import Model

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FeaturizePlan:
    """How a library is featurized.

    Attributes:
        names: featurizers to run.
        model: add the vectors of this model, so that its screens need not compute them.
        force: accept files of which more than half is invalid.
        id_column: column with the names of the records; "" detects it.
        part: (k, n) does only part k of n of a folder; the same call without it completes it.

    Raises:
        ConfigError: an unknown featurizer.
    """

    names: Sequence[str]
    model: Model | None = None
    force: bool = False
    id_column: str = ""
    part: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name in self.names:
            featurizers.get(name)

    def source(self, library: Path, progress: Callable[[int], None] | None) -> LibrarySource:
        """Return the records of a library."""
        return LibrarySource(
            library, self.names, progress, force=self.force, id_column=self.id_column
        )

    def run(self, library: object) -> dict[str, object]:
        """Everything that a block depends on, so that blocks of other runs are not reused."""
        return {
            "versions": [__version__, rdkit.__version__],
            "library": library,
            "featurizers": list(self.names),
            "model": "" if self.model is None else self.model.digest,
            "chunk": CHUNK,
        }


def featurize_library(
    library: Path,
    output: Path,
    plan: FeaturizePlan,
    *,
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
        plan: what to do.
        cores: processes to use.
        progress: called with the number of records done since the last call.

    Raises:
        ConfigError: a model without vectors.
        TableError: the library cannot be read, is mostly invalid, or breaks off.
        OutputError: the output cannot be written, or another run is writing it.
        WorkerError: a worker process was killed.
    """
    source = plan.source(library, progress)
    with exclusive(output):
        chunks = source.chunks()
        first = list(islice(chunks, 1))
        # A mistyped library name must not remove the parts of an earlier run.
        if source.error is not None and source.empty:
            raise source.error
        parts = LibraryParts(output, plan.run(source.identity))
        _log_start(parts, output)
        counts = write_features(source, chain(first, chunks), parts, plan.model, cores=cores)
    if source.error is not None:
        raise source.error
    return counts


def write_features(
    source: LibrarySource,
    chunks: Iterable[list[Record]],
    parts: LibraryParts,
    model: Model | None,
    *,
    cores: int,
) -> Written:
    """Featurize chunks of a library and write them as one file.

    Args:
        source: of the chunks.
        chunks: from it.
        parts: of the file; the chunks that are in it are skipped.
        model: whose vectors are added.
        cores: processes to use.

    Raises:
        OutputError, WorkerError, ConfigError: as `featurize_library`.
    """
    remaining = islice(chunks, parts.done, None)
    for chunk in prepare_all(remaining, source.names, cores=cores):
        parts.add(chunk if model is None else with_vectors(chunk, model))
    broken = "" if source.error is None else str(source.error)
    return parts.gather(source.names, broken=broken, model="" if model is None else model.digest)


def _log_start(parts: LibraryParts, output: Path) -> None:
    if parts.restarted:
        _log.warning(
            "%s: starts again; the parts of an interrupted run were for another library, an "
            "earlier state of this one, or other featurizers or versions",
            output,
        )
    elif parts.done:
        _log.info("%s: resumes after the first %d records", output, parts.done * CHUNK)
