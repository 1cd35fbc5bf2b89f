"""Finds learners and encoders by file name, and binds their options before anything runs."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any, TypeVar

from molmeta.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

T = TypeVar("T")


def names(package: str) -> tuple[str, ...]:
    """Names of all public modules of a package but its base, in alphabetical order."""
    path = importlib.import_module(package).__path__
    found = [module.name for module in pkgutil.iter_modules(path)]
    return tuple(sorted(n for n in found if n != "base" and not n.startswith("_")))


def find(package: str, name: str, base: type[T]) -> type[T]:
    """Return the one public subclass of `base` that the module `package.name` defines.

    Raises:
        ConfigError: no such module.
    """
    if name not in names(package):
        kind = package.rsplit(".", 1)[-1]
        raise ConfigError(
            f"{kind}: '{name}' is unknown; expected one of {', '.join(names(package))}."
            + suggestion(name, names(package))
        )
    module = importlib.import_module(f"{package}.{name}")
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
    ]
    if len(classes) != 1:
        raise ConfigError(
            f"{module.__name__}: holds {len(classes)} public {base.__name__} classes, "
            "expected exactly one. Prefix the others with an underscore."
        )
    return classes[0]


def bind(cls: type[Any], options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return `options` after holding them against the keyword-only arguments of `cls`.

    Raises:
        ConfigError: an unknown option, named together with the known ones.
    """
    known = option_defaults(cls)
    for name in options:
        if name not in known:
            raise ConfigError(
                f"{where}: option '{name}' is unknown; expected one of "
                f"{', '.join(known) or '(none)'}." + suggestion(name, tuple(known))
            )
    return dict(options)


def option_defaults(cls: type[Any]) -> dict[str, Any]:
    """Keyword-only arguments of the constructor with their defaults."""
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def similar_file(path: Path) -> str:
    """A sentence that names the file of the same folder whose name is closest, or ""."""
    folder = path.parent
    return suggestion(
        path.name, [item.name for item in folder.iterdir()] if folder.is_dir() else []
    )


def suggestion(name: str, choices: Iterable[str]) -> str:
    """A sentence that names the closest choice, or "" if none is close.

    Example:
        >>> suggestion("protonett", ["maml", "protonet"])
        " Did you mean 'protonet'?"
    """
    match = difflib.get_close_matches(name, list(choices), n=1)
    return f" Did you mean '{match[0]}'?" if match else ""
