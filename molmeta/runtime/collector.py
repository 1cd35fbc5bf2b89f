"""Imports large packages without searching them for garbage."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def uncollected() -> Generator[None]:
    """Exempt what the block imports from garbage collection, for the rest of the process.

    Modules stay until the end. Searching those of torch and pandas for garbage, while they are
    imported and later, takes up to a twelfth of the processor time of a small screen.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
