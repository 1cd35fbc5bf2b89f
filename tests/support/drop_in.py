"""Puts a file into a package of molmeta for the duration of a test, as a user would."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def dropped_in(package: str, path: Path, text: str) -> Iterator[None]:
    """Write `text` to `path` and let the package find it by file name."""
    path.write_text(text, encoding="utf-8")
    search_path = importlib.import_module(package).__path__
    search_path.append(str(path.parent))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        search_path.remove(str(path.parent))
        sys.modules.pop(f"{package}.{path.stem}", None)
