"""From options to the words of a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def flags(options: Mapping[str, object]) -> list[str]:
    """Return the words that set options on a command line.

    Args:
        options: values by name. None, False and empty text leave an option out, True is a flag
            without a value, and a list repeats the option for each item.

    Example:
        >>> flags({"near": 0.6, "share": None, "scaffold": True, "valid": ["a.csv", "b.csv"]})
        ['--near', '0.6', '--scaffold', '--valid', 'a.csv', '--valid', 'b.csv']
    """
    return [word for name, value in options.items() for word in _words(name, value)]


def _words(name: str, value: object) -> list[str]:
    option = f"--{name.replace('_', '-')}"
    if value is None or value is False or value == "":
        return []
    if value is True:
        return [option]
    if isinstance(value, (list, tuple)):
        items: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        return [word for item in items for word in _words(name, item)]
    return [option, str(value)]
