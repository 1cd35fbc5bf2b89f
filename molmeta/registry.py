"""Find learners and encoders by file name, and check their options before anything runs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any, TypeVar

from molmeta.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def names(package: str) -> tuple[str, ...]:
    """Return the names of a package's public modules except `base`, in alphabetical order."""
    path = importlib.import_module(package).__path__
    modules = [module.name for module in pkgutil.iter_modules(path)]
    return tuple(sorted(name for name in modules if name != "base" and name[0] != "_"))


def find(package: str, name: str, base: type[T]) -> type[T]:
    """Return the only public subclass of `base` that the module `package.name` defines.

    Raises:
        ConfigError: the module does not exist, or defines none or several.
    """
    if name not in names(package):
        kind = package.rsplit(".", 1)[-1]
        raise ConfigError(unknown_name(kind.removesuffix("s"), name, names(package)))
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
            f"{module.__name__}: must define one public {base.__name__} class; got "
            f"{len(classes)}. Prefix the others with an underscore."
        )
    return classes[0]


def bind(cls: type[Any], options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return `options` if all of them are keyword-only arguments of the constructor of `cls`.

    Args:
        cls: a learner or an encoder.
        options: values by name; the values are not checked.
        where: start of the message.

    Raises:
        ConfigError: an unknown option.
    """
    known = option_defaults(cls)
    for name in options:
        if name not in known:
            raise ConfigError(f"{where}: {unknown_name('option', name, known)}")
    return dict(options)


def option_defaults(cls: type[Any]) -> dict[str, Any]:
    """Return the keyword-only arguments of the constructor with their defaults."""
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
