"""How many processor cores there are to use."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Number of cores that this process may use, which a batch system can restrict."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
