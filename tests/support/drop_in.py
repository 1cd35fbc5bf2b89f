"""Puts a file into a package of molmeta, or loads it as a plugin, for the duration of a test."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from molmeta import registry
from molmeta.molecules.featurizers import FEATURIZERS

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


@contextmanager
def plugin(path: Path, text: str) -> Iterator[None]:
    """Write a plugin file, load it, and forget it and its featurizers afterwards."""
    path.write_text(text, encoding="utf-8")
    before = dict(FEATURIZERS)
    registry.load_plugin(path)
    try:
        yield
    finally:
        forget(path)
        FEATURIZERS.clear()
        FEATURIZERS.update(before)


def forget(path: Path) -> None:
    """Unload a plugin file as if this process had never loaded it."""
    registry._files.pop(str(path.resolve()), None)
    sys.modules.pop(f"molmeta_plugin_{path.stem}", None)
