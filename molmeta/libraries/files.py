"""The files of a library: one file, a folder, a glob pattern, or a manifest that lists them."""

from __future__ import annotations

import glob
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from molmeta.errors import TableError, exists, similar_file
from molmeta.libraries.compression import SUFFIXES, format_of
from molmeta.runtime.hiddenfiles import is_hidden

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS = (
    ".smi", ".smiles", ".cxsmiles", ".csv", ".tsv", ".txt", ".sdf", ".sd", ".parquet", ".xlsx",
    ".xlsm",
)  # fmt: skip
"""Suffixes of the files that are read from a folder, with or without that of a compression."""
MANIFESTS = (".manifest", ".list", ".lst")
MANIFEST_SIZE = 100_000_000

_log = logging.getLogger(__name__)


def library_files(library: Path) -> list[Path]:
    """Return the files of a library, in its order.

    A folder is read with its subfolders, in alphabetical order. Files whose suffix is not in
    FORMATS are skipped, and their number is logged. A manifest is a text whose lines are paths,
    relative to its own folder; empty lines and those that start with # are skipped.

    Args:
        library: file, folder, glob pattern such as `zinc/**/*.smi.gz`, or manifest.

    Raises:
        TableError: the file is missing, or a manifest names a missing file or one file twice.
    """
    if str(library) == "-" or not exists(library):
        return _matching(library)
    if library.is_dir():
        return _inside(library)
    # Opening a pipe would take its content away from the reader.
    lines = _manifest(library) if library.is_file() else []
    return _listed(library, lines) if lines else [library]


def _matching(pattern: Path) -> list[Path]:
    if not glob.has_magic(str(pattern)):
        return [pattern]
    # Path.glob takes no absolute pattern.
    names = sorted(glob.glob(str(pattern), recursive=True))  # noqa: PTH207
    files = [Path(name) for name in names if Path(name).is_file()]
    if not files:
        raise TableError(
            f"{pattern}: no file matches; got a pattern, expected at least one file. Correct the "
            "pattern, and quote it so that the shell does not replace it."
        )
    return files


def _inside(folder: Path) -> list[Path]:
    visible = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(map(is_hidden, path.relative_to(folder).parts))
    ]
    files = [path for path in visible if format_of(path) in FORMATS]
    if not files:
        if any(path.suffix == ".arrow" for path in visible):
            raise TableError(
                f"{folder}: has featurized files, but not the index that lists them; got "
                f"{len(visible)} files, expected the complete folder of 'molmeta featurize'. Run "
                "that command again, without --part, or give a pattern such as 'folder/*.arrow'."
            )
        raise TableError(
            f"{folder}: has no files of a library; got {len(visible)} other files, expected names "
            f"that end in {', '.join(FORMATS)}, optionally with {', '.join(SUFFIXES)}. Give a "
            "pattern such as 'folder/*' to read files with other names."
        )
    if len(files) < len(visible):
        _log.info("%s: leaves out %d files with other names", folder, len(visible) - len(files))
    return files


def _manifest(path: Path) -> list[tuple[int, str]]:
    """Return the numbered lines of a manifest, or nothing if the file is a library itself."""
    try:
        small = path.stat().st_size <= MANIFEST_SIZE
        text = path.read_text(encoding="utf-8") if small and _starts_with_a_path(path) else ""
    except (OSError, UnicodeDecodeError):
        return []
    stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in stripped if line and not line.startswith("#")]


def _starts_with_a_path(path: Path) -> bool:
    if path.suffix.lower() in MANIFESTS:
        return True
    # What a vendor calls a library must not open other files, whatever is in its first line.
    if format_of(path) in FORMATS and path.suffix.lower() != ".txt":
        return False
    with path.open("rb") as file:
        head = file.read(4_096)
    lines = [line.strip() for line in head.splitlines() if line.strip()[:1] not in (b"", b"#")]
    # A NUL would make a path that cannot be looked up; a text as long as the head is not a path.
    if not lines or b"\0" in head or len(lines[0]) > 1_024:
        return False
    named = path.parent / lines[0].decode("utf-8", "replace")
    return exists(named) and named.is_file() and not named.samefile(path)


def _listed(manifest: Path, lines: Sequence[tuple[int, str]]) -> list[Path]:
    line_of: dict[Path, int] = {}
    files: list[Path] = []
    for number, text in lines:
        path = manifest.parent / text
        if not exists(path) or not path.is_file():
            raise TableError(
                f"{manifest}, line {number}: names a file that does not exist; got '{text[:200]}', "
                f"expected a path relative to {manifest.parent}.{similar_file(path)} Correct it."
            )
        first = line_of.setdefault(path.resolve(), number)
        if first != number:
            raise TableError(
                f"{manifest}, line {number}: names a file twice; got '{text[:200]}', which line "
                f"{first} names too, expected each file once. Remove one of the lines."
            )
        files.append(path)
    return files
