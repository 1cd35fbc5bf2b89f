"""Encoders, one file each, found by file name; '+' between names joins encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from molmeta import registry
from molmeta.encoders.base import Encoder, Joined
from molmeta.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Encoder", "Joined", "build", "get", "names"]


def names() -> tuple[str, ...]:
    """Return the names of all single encoders."""
    return registry.names(__name__, Encoder)


def get(name: str) -> type[Encoder]:
    """Return the class of the encoder with this name.

    Raises:
        ConfigError: no encoder has this name.
    """
    return registry.find(__name__, name, Encoder)


def build(name: str, options: Mapping[str, Any]) -> Encoder:
    """Return a new encoder, its weights drawn from torch's current random state.

    Args:
        name: name of an encoder, or several names joined by '+', such as 'gine+fingerprint'.
        options: constructor options of the encoder. For a join, one mapping for each name, or a
            list of mappings for a name that occurs several times.

    Raises:
        ConfigError: a name or option is unknown, or a list of options has the wrong length.
    """
    parts = name.split("+")
    if len(parts) == 1:
        return get(name)(**registry.bind(get(name), options, f"encoder '{name}'"))
    for part in options:
        if part not in parts:
            raise ConfigError(f"encoder '{name}': options of {unknown_name('part', part, parts)}")
    queues = {part: iter(_listed(part, parts.count(part), options.get(part, {}))) for part in parts}
    return Joined([build(part, next(queues[part])) for part in parts])


def _listed(name: str, n: int, options: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - config
    """Return the options of each of n parts with this name; a single mapping applies to all."""
    if not isinstance(options, list):
        return [options] * n
    of_parts: list[Any] = [*options]
    if len(of_parts) != n:
        raise ConfigError(
            f"encoder '{name}': options for {len(of_parts)} parts; got the name {n} times, "
            "expected as many options. Correct 'encoder_options'."
        )
    return of_parts
