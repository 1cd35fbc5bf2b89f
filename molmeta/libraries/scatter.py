"""Featurizes a library of many files in parts, which several jobs can do at the same time.

The name of a part is a checksum of the content of its file and of all that its features depend on.
So only files that have changed are featurized again, and jobs do not depend on each other.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from contextlib import suppress
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from molmeta.errors import TableError
from molmeta.libraries.featurize import FeaturizePlan, write_features
from molmeta.libraries.file import open_library
from molmeta.libraries.folder import IndexedFile, write_index
from molmeta.libraries.source import names_of
from molmeta.libraries.writer import LibraryParts, Written
from molmeta.runtime.locks import cannot_write, exclusive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

CHUNKS = 500
"""Chunks of a part: a million records."""
LAST = ".last"
"""Mark in the name of the last part of a file, which tells a run that the file is complete."""

_PART = re.compile(rf"[0-9a-f]{{24}}-\d{{5}}({re.escape(LAST)})?\.arrow")
_log = logging.getLogger(__name__)


class _FileTask(NamedTuple):
    """A file of the library with the names of its parts, and the parts that this run makes."""

    path: Path
    name: str
    key: str
    is_wanted: Callable[[int], bool]


def featurize_folder(
    files: Sequence[Path],
    output: Path,
    plan: FeaturizePlan,
    *,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Featurize the files of a library into a folder of parts, as far as they are missing.

    Args:
        files: of the library, from `molmeta.libraries.files.library_files`.
        output: folder to write.
        plan: what to do.
        cores: processes to use.
        progress: called with the number of records done since the last call.

    Returns:
        The counts of all files; of a part of the work, zeros.

    Raises:
        TableError: a file cannot be read, is mostly invalid or breaks off. All others are done,
            and the folder can be screened.
        ConfigError, OutputError, WorkerError: as `molmeta.libraries.featurize`.
    """
    errors: dict[str, str] = {}
    tasks = list(_tasks(files, plan, errors))
    k, _ = plan.part or ("", 1)
    with exclusive(output.with_name(f"{output.name}{k}")):
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(output, error.strerror or error) from error
        for task in tasks:
            if error := _featurize(task, output, plan, cores, progress):
                errors[task.name] = error
        counts = _completed(output, tasks, errors) if plan.part is None else Written(0, 0)
    if errors:
        more = f" {len(errors)} files have errors." if len(errors) > 1 else ""
        raise TableError(f"{next(iter(errors.values()))}{more}")
    return counts


def _tasks(
    files: Sequence[Path], plan: FeaturizePlan, errors: dict[str, str]
) -> Iterator[_FileTask]:
    k, n = plan.part or (1, 1)
    # Few large files are divided among jobs, each of which has to read all of a file.
    by_file = len(files) >= n
    name_of_key: dict[str, str] = {}
    for number, (path, name) in enumerate(zip(files, names_of(files), strict=True)):
        if by_file and number % n != k - 1:
            continue
        try:
            key = _key(path, plan)
        except OSError as error:
            errors[name] = f"{path}: cannot be read; got '{error.strerror}', expected a library."
            continue
        is_own = partial(_is_own, k=1, n=1) if by_file else partial(_is_own, k=k, n=n)
        if (first := name_of_key.setdefault(key, name)) == name:
            yield _FileTask(path, name, key, is_own)
        else:
            _log.warning("%s: left out; it has the same content as %s", name, first)


def _is_own(part: int, *, k: int, n: int) -> bool:
    return part % n == k - 1


def _key(path: Path, plan: FeaturizePlan) -> str:
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    run = plan.run([content, plan.id_column, CHUNKS])
    return hashlib.sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()[:24]


def _featurize(
    task: _FileTask,
    folder: Path,
    plan: FeaturizePlan,
    cores: int,
    progress: Callable[[int], None] | None,
) -> str:
    """Make the missing parts of a file; return the error that the file ends with, or ""."""
    parts = _parts(folder, task.key)
    last = next((number for number, path in parts.items() if path.stem.endswith(LAST)), -1)
    if last >= 0 and all(number in parts for number in filter(task.is_wanted, range(last))):
        return open_library(parts[last]).broken
    source = plan.source(task.path, progress)
    path = None
    for number, group in groupby(enumerate(source.chunks()), key=lambda item: item[0] // CHUNKS):
        path = folder / f"{task.key}-{number:05d}.arrow"
        if task.is_wanted(number) and number not in parts:
            chunks = (chunk for _, chunk in group)
            # Another job may make this part too, of a file with the same content.
            with exclusive(folder / task.key, timeout=-1):
                if number not in _parts(folder, task.key):
                    written = LibraryParts(path, task.key)
                    write_features(source, chunks, written, plan.model, cores=cores)
    # Which part is the last is known at the end of the file only. Another job may mark it first.
    if path is not None:
        with suppress(FileNotFoundError):
            path.rename(path.with_stem(f"{path.stem}{LAST}"))
    return "" if source.error is None else str(source.error)


def _parts(folder: Path, key: str) -> dict[int, Path]:
    paths = sorted(folder.glob(f"{key}-*.arrow"))
    return {int(path.stem.removesuffix(LAST).rpartition("-")[2]): path for path in paths}


def _completed(folder: Path, tasks: Sequence[_FileTask], errors: Mapping[str, str]) -> Written:
    """Write the index, and remove the parts of earlier states of the library."""
    n_read = n_invalid = 0
    indexed: list[IndexedFile] = []
    for task in tasks:
        rows: list[tuple[str, int, int]] = []
        for path in _parts(folder, task.key).values():
            file = open_library(path)
            rows.append((path.name, path.stat().st_size, file.blocks))
            n_read, n_invalid = n_read + file.n_read, n_invalid + file.n_invalid
        indexed.append(IndexedFile(task.name, tuple(rows), errors.get(task.name, "")))
    write_index(folder, indexed)
    listed = {name for file in indexed for name, _, _ in file.parts}
    for path in folder.iterdir():
        if _PART.fullmatch(path.name) and path.name not in listed:
            path.unlink()
    return Written(n_read, n_invalid)
