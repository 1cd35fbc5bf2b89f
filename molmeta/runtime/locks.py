"""Keeps two runs from writing the same result at once."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from molmeta.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@contextmanager
def exclusive(output: Path) -> Generator[None]:
    """Hold a lock on a result until the end; one that a killed run has left holds nobody up.

    The lock stands beside the result under its name and `.lock`.

    Raises:
        OutputError: another run holds it, or the folder cannot be written.
    """
    path = output.with_name(f"{output.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise OutputError(
            f"{output}: cannot be written; got '{error.strerror or error}', expected a writable "
            "folder. Choose another --output."
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A run that ended in between has taken the file away, and its lock is nobody's.
            _require_there(path, file.fileno())
        except OSError as error:
            raise OutputError(
                f"{output}: is being written by another run; got the lock {path.name} held, "
                "expected it free. Wait for that run, or choose another --output."
            ) from error
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _require_there(path: Path, handle: int) -> None:
    if path.stat().st_ino != os.fstat(handle).st_ino:
        raise FileNotFoundError(path)
