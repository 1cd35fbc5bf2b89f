"""Named random streams: no draw depends on the draws of other streams."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Generator

# Torch is partly untyped, which strict checking refuses; Any is declared once here.
_torch: Any = torch


def seed_of(seed: int, *names: str | int) -> int:
    """Return the 63-bit seed of a named stream, the same on every machine."""
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return the PCG64 generator of a named stream.

    Example:
        >>> generator(0, "assay").random() == generator(0, "assay").random()
        True
    """
    return np.random.Generator(np.random.PCG64(seed_of(seed, *names)))


@contextmanager
def torch_seed(seed: int, *names: str | int) -> Generator[None]:
    """Let torch draw from a named stream within the block, and restore its state afterwards."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with _torch.random.fork_rng(devices):
        _torch.manual_seed(seed_of(seed, *names))
        yield
