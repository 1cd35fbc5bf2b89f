"""Writes outputs completely or not at all: under a temporary name first, then renamed."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from molmeta.errors import ConfigError
from molmeta.runtime.locks import cannot_write, exclusive, target_of

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path


@contextmanager
def written(path: Path) -> Generator[Path]:
    """Yield a temporary path in the folder of `path`, and rename it to `path` at the end.

    The temporary name ends like `path`, for writers that look at suffixes. If the block fails, the
    temporary file is removed and `path` is left as it was. If the process is killed, the next run
    that writes `path` removes the temporary file. A link is followed: the file it names is written.

    Raises:
        OutputError: another run is writing `path`, it is not a regular file, its folder cannot be
            created, or the disk is full or read-only.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> target = Path(tempfile.mkdtemp()) / "made" / "hits.csv"
        >>> with written(target) as temporary:
        ...     _ = temporary.write_text("smiles")
        >>> target.read_text()
        'smiles'
    """
    target = target_of(path)
    temporary = _temporary(target)
    with exclusive(path):
        try:
            temporary.unlink(missing_ok=True)
            temporary.touch(exist_ok=False)
            yield temporary
            # Without this, a power cut after the renaming can leave an empty file under the name.
            _flush_to_disk(temporary)
            temporary.replace(target)
            _flush_to_disk(target.parent)
        except OSError as error:
            raise cannot_write(path, error.strerror or error) from error
        finally:
            temporary.unlink(missing_ok=True)


def require_apart(inputs: Mapping[str, Path | None], outputs: Mapping[str, Path | None]) -> None:
    """Refuse an output that would replace an input or another output.

    Args:
        inputs: files to read, by the option that names them.
        outputs: files to write, by the option that names them.

    Raises:
        ConfigError: naming the two options.
    """
    named: dict[Path, str] = {}
    for option, path in (*inputs.items(), *outputs.items()):
        if path is None or str(path) == "-":
            continue
        first = named.setdefault(path.resolve(), option)
        if first != option and option in outputs:
            raise ConfigError(
                f"{option}: would replace the file of {first}; got '{path}' for both, expected two "
                f"files. Choose another {option}."
            )


def remove(path: Path) -> None:
    """Remove a file, if it exists, with what a killed run that wrote it left beside it.

    Raises:
        OutputError: another run is writing it, or its folder cannot be written.
    """
    target = target_of(path)
    with exclusive(path):
        for leftover in (_temporary(target), target):
            leftover.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, completely or not at all.

    Raises:
        OutputError: as `written`.
    """
    with written(path) as temporary:
        # Names of files may hold bytes that are not UTF-8.
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial{''.join(target.suffixes[-2:])}")


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
