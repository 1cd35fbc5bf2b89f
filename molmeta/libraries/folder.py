"""A featurized library of several Arrow files: a folder with an index, or files of one pattern."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any

from molmeta.errors import ModelError, exists, one_line
from molmeta.libraries.file import KIND, LibraryFile, StoredRecords, is_library_file, open_library
from molmeta.libraries.lines import in_file
from molmeta.runtime.outputs import write_text
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from molmeta.libraries.prepare import Prepared

INDEX = "library.json"
FORMAT = 3


@dataclass(frozen=True)
class IndexedFile:
    """A file of a library and its featurized parts.

    Attributes:
        name: of the file.
        parts: name, bytes and blocks of each part, in order.
        broken: why the file broke off, or "".
    """

    name: str
    parts: tuple[tuple[str, int, int], ...]
    broken: str = ""


@dataclass(frozen=True)
class LibraryFolder:
    """The files of a featurized library, read as one file.

    Attributes:
        path: of the index, or of the first file of a list.
        featurizers: that were run.
        files: names of the files of the library.
        blocks: number of blocks of all parts.
        broken: why a file of the library broke off when it was featurized, or "".
    """

    path: Path
    featurizers: tuple[str, ...]
    files: tuple[str, ...]
    blocks: int
    broken: str
    _parts: tuple[tuple[int, Path], ...] = field(repr=False)
    _ends: tuple[int, ...] = field(repr=False)
    _wanted: tuple[Sequence[str], str] = field(repr=False)

    def read(self, numbers: Iterable[int]) -> Iterator[Prepared]:
        """Yield blocks by their numbers in ascending order.

        Raises:
            ModelError: a part is missing or damaged.
            ConfigError: a part lacks features.
        """
        for part, group in groupby(numbers, key=partial(bisect_right, self._ends)):
            number, path = self._parts[part]
            first = self._ends[part - 1] if part else 0
            library = open_library(path, *self._wanted)
            for block in library.read(chunk - first for chunk in group):
                yield block if len(self.files) < 2 else _in_file(block, number, self.files[number])


def open_features(
    path: Path, names: Sequence[str] = (), model: str = ""
) -> LibraryFile | LibraryFolder | None:
    """Open a featurized library, a file or a folder; None for a library that is not featurized.

    Raises:
        ModelError: it is damaged, incomplete or of another kind.
        ConfigError: a featurizer was not run.
    """
    if is_library_file(path):
        return open_library(path, names, model)
    return _opened(path, names, model) if exists(path / INDEX) else None


def joined_features(
    paths: Mapping[str, Path], names: Sequence[str] = (), model: str = ""
) -> LibraryFolder | None:
    """Open several featurized libraries, by their names, as one; None if none is featurized.

    Raises:
        ModelError: one is damaged, or some are not featurized.
        ConfigError: a featurizer was not run for one.
    """
    others = [path for path in paths.values() if not is_library_file(path)]
    if len(others) == len(paths):
        return None
    if others:
        raise ModelError(
            f"{others[0]}: is not featurized, but other files of the library are; got both, "
            "expected files of one kind. Screen them separately."
        )
    libraries = [open_library(path, names, model) for path in paths.values()]
    return LibraryFolder(
        libraries[0].path, libraries[0].featurizers, tuple(paths),
        sum(library.blocks for library in libraries),
        next((library.broken for library in libraries if library.broken), ""),
        tuple(enumerate(paths.values())),
        tuple(accumulate(library.blocks for library in libraries)), (names, model),
    )  # fmt: skip


def write_index(folder: Path, files: Sequence[IndexedFile]) -> None:
    """Write the index, which makes the parts of a folder a library.

    Raises:
        OutputError: it cannot be written.
    """
    content = {"kind": KIND, "format": FORMAT, "version": __version__}
    write_text(
        folder / INDEX, json.dumps({**content, "files": [asdict(f) for f in files]}, indent=1)
    )


def _opened(folder: Path, names: Sequence[str], model: str) -> LibraryFolder:
    try:
        files = _indexed(json.loads((folder / INDEX).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(folder, f"an index that cannot be read ({one_line(error)})") from error
    parts = [(number, *part) for number, file in enumerate(files) for part in file.parts]
    for _, name, size, _ in parts:
        _require_part(folder, name, size)
    if len({name for _, name, _, _ in parts}) < len(parts) or not parts:
        raise _damaged(folder, "an index that lists a part twice, or none")
    paths = tuple((number, folder / name) for number, name, _, _ in parts)
    ends = tuple(accumulate(blocks for *_, blocks in parts))
    featurizers = open_library(paths[0][1], names, model).featurizers
    broken = next((file.broken for file in files if file.broken), "")
    return LibraryFolder(
        folder / INDEX, featurizers, tuple(file.name for file in files), ends[-1], broken,
        paths, ends, (names, model),
    )  # fmt: skip


def _indexed(content: Any) -> list[IndexedFile]:  # noqa: ANN401 - parsed JSON
    if (content["kind"], content["format"]) != (KIND, FORMAT):
        raise ValueError(f"a {content['kind']} of format {content['format']}")
    return [
        IndexedFile(
            str(file["name"]),
            tuple((str(name), int(size), int(n)) for name, size, n in file["parts"]),
            str(file["broken"]),
        )
        for file in content["files"]
    ]


def _require_part(folder: Path, name: str, size: int) -> None:
    path = folder / name
    # An index from elsewhere must not name files outside its folder.
    if path.parent != folder or not path.is_file():
        raise _damaged(folder, f"no part '{name[:80]}'")
    if (n_bytes := path.stat().st_size) != size:
        raise _damaged(folder, f"a part '{name}' of {n_bytes} bytes instead of {size}")


def _in_file(block: Prepared, number: int, name: str) -> Prepared:
    stored = block.records
    return block._replace(
        records=replace(stored, file=(number, name))
        if isinstance(stored, StoredRecords)
        else [in_file(record, number, name) for record in stored],
        rejected=[in_file(record, number, name) for record in block.rejected],
    )


def _damaged(folder: Path, problem: str) -> ModelError:
    return ModelError(
        f"{folder}: cannot be read as a featurized library; got {problem}, expected the folder of "
        "'molmeta featurize LIBRARY'. Run that command again; it makes only what is missing."
    )
