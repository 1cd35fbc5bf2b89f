"""Encoders, one a file, found by file name; names joined by '+' are joined encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from molmeta import registry
from molmeta.encoders.base import Encoder, Joined
from molmeta.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Encoder", "Joined", "build", "get", "names"]


def names() -> tuple[str, ...]:
    """Names of all single encoders."""
    return registry.names(__name__, Encoder)


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
        options: constructor options of the encoder; of a join, one mapping for each part, and a
            list of them where several parts have one name.

    Raises:
        ConfigError: an unknown name or option, or another number of options than of parts.
    """
    parts = name.split("+")
    if len(parts) == 1:
        return get(name)(**registry.bind(get(name), options, f"encoder '{name}'"))
    unknown = sorted(set(options) - set(parts))
    if unknown:
        registry.bind(Joined, options, f"encoder '{name}', whose options stand under its parts")
    own = {part: iter(_listed(part, parts.count(part), options.get(part, {}))) for part in parts}
    return Joined([build(part, next(own[part])) for part in parts])


def _listed(name: str, n: int, options: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - config
    """Options of each part of a name; one mapping is for all of them."""
    if not isinstance(options, list):
        return [options] * n
    found: list[Any] = [*options]
    if len(found) != n:
        raise ConfigError(
            f"encoder '{name}': options for {len(found)} parts; got the name {n} times, expected "
            "as many options. Correct 'encoder_options'."
        )
    return found
