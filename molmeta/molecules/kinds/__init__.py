"""Kinds of feature block, one class in each file; a new file is a new kind.

Kinds are found by file name. Importing one does not import torch.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from molmeta import registry
from molmeta.molecules.kinds.base import Block

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Block", "get", "names", "with_parts"]


def names() -> tuple[str, ...]:
    """Names of all kinds."""
    return registry.names(__name__)


@cache
def get(name: str) -> type[Block]:
    """Return the block class of a kind.

    Raises:
        ConfigError: the kind is unknown.
    """
    return registry.find(__name__, name, Block)


def with_parts(parts: Iterable[str]) -> type[Block]:
    """Return the block class whose arrays have these names.

    Raises:
        KeyError: no kind has these arrays.
    """
    return _with_parts(frozenset(parts))


@cache
def _with_parts(parts: frozenset[str]) -> type[Block]:
    for kind in map(get, names()):
        if frozenset(kind.parts()) == parts:
            return kind
    raise KeyError(sorted(parts))
