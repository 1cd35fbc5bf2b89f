"""What the Snakefile asks for: sources under safe names, options as words. Runs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from molmeta.curation.tables import find_tables
from molmeta.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def find_sources(folder: Path) -> dict[tuple[str, str], str]:
    """Return the path of every table by (split, name), the name safe in a path and a shell.

    Whatever is no letter, digit, `_`, `.`, `-` or `~` stands in a name as in a web address, so
    that two files never share a name and none leaves its folder.

    Raises:
        TableError: a split is missing or empty, a table stands in two splits, or the name of a
            file holds one of { } < >, which Snakemake reads as its own.

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
        if owner.setdefault(name, split) != split:
            raise TableError(
                f"{path}: table '{name}' stands in two splits; got it in {owner[name]} too, "
                "expected every table once. Rename or remove one of them."
            )
        sources[split, quote(name, safe="")] = str(path)
    return sources


def _require_plain(path: Path) -> None:
    if found := sorted(set(str(path)) & set("{}<>")):
        raise TableError(
            f"{path}: the workflow cannot read a file of this name; got {' '.join(found)} in it, "
            "expected none of { } < >. Rename the file."
        )


def flags(options: Mapping[str, object]) -> list[str]:
    """Return the words of a command that set options; null and false leave an option out.

    Args:
        options: values by name; of a list, every item gets its own flag.

    Example:
        >>> flags({"near": 0.6, "share": None, "scaffold": True, "valid": ["a.csv", "b.csv"]})
        ['--near', '0.6', '--scaffold', '--valid', 'a.csv', '--valid', 'b.csv']
    """
    return [word for name, value in options.items() for word in _words(name, value)]


def _words(name: str, value: object) -> list[str]:
    if value is None or value is False:
        return []
    if value is True:
        return [f"--{name}"]
    if isinstance(value, (list, tuple)):
        items: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        return [word for item in items for word in _words(name, item)]
    return [f"--{name}", str(value)]
