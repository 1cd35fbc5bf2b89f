"""Encoders, one a file, found by file name; names joined by '+' are joined encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from molmeta import registry
from molmeta.encoders.base import Encoder, Joined

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Encoder", "Joined", "build", "get", "names"]


def names() -> tuple[str, ...]:
    """Names of all single encoders."""
    return registry.names(__name__)


def get(name: str) -> type[Encoder]:
    """Return the encoder class of that name.

    Raises:
        ConfigError: there is none.
    """
    return registry.find(__name__, name, Encoder)


def build(name: str, options: Mapping[str, Any]) -> Encoder:
    """Return a new encoder, its weights drawn from torch's current random state.

    Args:
        name: an encoder's name, or several joined by '+', as 'gine+fingerprint'.
        options: constructor options of the encoder; of a join, one mapping for each part.

    Raises:
        ConfigError: an unknown name or option.
    """
    parts = name.split("+")
    if len(parts) == 1:
        return get(name)(**registry.bind(get(name), options, f"encoder '{name}'"))
    unknown = sorted(set(options) - set(parts))
    if unknown:
        registry.bind(Joined, options, f"encoder '{name}', whose options stand under its parts")
    return Joined([build(part, options.get(part, {})) for part in parts])
