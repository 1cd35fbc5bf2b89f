"""Writes results whole or not at all: to a temporary name first, then renamed."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from molmeta.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def written(path: Path) -> Generator[Path]:
    """Yield a temporary path in the folder of `path` and rename it to `path` at the end.

    The temporary name keeps the suffixes of `path`, so that writers which look at them agree.
    On any failure the temporary file goes and what stood at `path` before stays as it was.

    Raises:
        OutputError: the folder cannot be made, or the disk is full or read-only.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "made" / "hits.csv"
        >>> with written(target) as temporary:
        ...     _ = temporary.write_text("smiles")
        >>> target.read_text()
        'smiles'
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}.", suffix="".join(path.suffixes[-2:]), dir=path.parent
        )
        os.close(handle)
    except OSError as error:
        raise _cannot_write(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path}: cannot be written; got '{error.strerror or error}', expected a writable folder "
        "with space left. Choose another --output or free the disk."
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
