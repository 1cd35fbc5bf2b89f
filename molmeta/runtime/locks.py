"""Prevents two runs from writing the same output at the same time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from molmeta.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@contextmanager
def exclusive(output: Path, *, timeout: float = 0) -> Generator[None]:
    """Lock an output for the duration of the block; locks of killed processes are ignored.

    The lock is a file next to the output, with `.lock` added to its name. Within one thread,
    blocks for the same output can be nested.

    Args:
        output: file or folder to write.
        timeout: seconds to wait for another run.

    Raises:
        OutputError: another run holds the lock, the output exists and is not a file or folder, or
            its folder is not writable.
    """
    target = target_of(output)
    path = target.with_name(f"{target.name}.lock")
    lock = FileLock(path, timeout=timeout, is_singleton=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=timeout)
    except Timeout as error:
        raise OutputError(
            f"{output}: is being written by another run; got the lock {path.name} held, "
            "expected it free. Wait for that run, or write elsewhere."
        ) from error
    except OSError as error:
        raise cannot_write(output, error.strerror or error) from error
    try:
        yield
    finally:
        # Removed while it is held: a run that waits for it sees that its file is gone.
        if lock.lock_counter == 1:
            path.unlink(missing_ok=True)
        lock.release()


def target_of(output: Path) -> Path:
    """Return the file that an output path names, which may be a link to it.

    Raises:
        OutputError: it is a device, a pipe or a socket.
    """
    try:
        target = output.resolve() if output.is_symlink() else output
    except OSError as error:
        raise cannot_write(output, error.strerror or error) from error
    if target.exists() and not (target.is_file() or target.is_dir()):
        raise cannot_write(output, "a device or pipe")
    return target


def cannot_write(output: Path, problem: object) -> OutputError:
    """Return the error for an output that cannot be written."""
    return OutputError(
        f"{output}: cannot be written; got '{problem}', expected a writable folder with space "
        "left. Choose another --output or free the disk."
    )
