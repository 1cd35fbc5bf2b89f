"""Find the tables of all splits, under names that are safe in paths and shells."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from molmeta.curation.tables import find_tables
from molmeta.errors import TableError

if TYPE_CHECKING:
    from pathlib import Path


def find_sources(folder: Path) -> dict[tuple[str, str], str]:
    """Return the path of every table by (split, name).

    Names are percent-encoded as in URLs: two files never share a name, and no name leaves its
    folder. Letters, digits and `_.-~` are kept.

    Raises:
        TableError: a split is missing or empty, a table occurs in two splits, or a file name
            contains one of { } < >. These have a meaning in Snakemake.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> for split in ("train", "valid", "test"):
        ...     (folder / split).mkdir()
        ...     _ = (folder / split / f"{split} '1'.csv").write_text("")
        >>> [name for _, name in find_sources(folder)][0]
        'train%20%271%27'
    """
    sources: dict[tuple[str, str], str] = {}
    owner: dict[str, str] = {}
    for (split, name), path in find_tables(folder).items():
        _require_plain(path)
        # The same table in two splits is the crudest leak of test data into training.
        if owner.setdefault(name, split) != split:
            raise TableError(
                f"{path}: table '{name}' is also in {owner[name]}; expected every table in one "
                "split. Rename or remove one of them."
            )
        sources[split, quote(name, safe="")] = str(path)
    return sources


def _require_plain(path: Path) -> None:
    if special := sorted(set(str(path)) & set("{}<>")):
        raise TableError(
            f"{path}: the workflow cannot use this file name; got {' '.join(special)}, expected "
            "a name without { } < >. Rename the file."
        )
