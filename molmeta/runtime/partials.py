"""The folder beside a result in which a run keeps what it has done, until the result is whole."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING

from molmeta.errors import OutputError
from molmeta.runtime.outputs import written

if TYPE_CHECKING:
    from pathlib import Path

RUN = "run.json"


def parts_of(output: Path) -> Path:
    """Return the folder that belongs to a result."""
    return output.with_name(f"{output.name}.parts")


def claim(folder: Path, kind: object) -> bool:
    """Make a folder that of a run; it is emptied when a run of another kind has left it.

    Args:
        folder: of `parts_of`.
        kind: all that the parts depend on, as JSON can write it.

    Returns:
        Whether anything of another run was taken away.

    Raises:
        OutputError: the folder cannot be written or taken away.
    """
    digest = hashlib.sha256(json.dumps(kind, sort_keys=True).encode()).hexdigest()
    if _text(folder / RUN) == digest:
        return False
    found = folder.exists()
    clear(folder)
    with written(folder / RUN) as temporary:
        temporary.write_text(digest)
    return found


def clear(folder: Path) -> None:
    """Take the folder away.

    Raises:
        OutputError: it cannot be taken away.
    """
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be taken away; got '{error.strerror or error}', expected a folder "
            "of an earlier run. Remove it, or choose another --output."
        ) from error


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
