"""Finds learners, encoders and other classes by name, in a package of molmeta or in a plugin.

In a package, the name is that of a file. A plugin is a Python file of the user, or an installed
package with an entry point in a group such as `molmeta.learners`. Plugins run code, so one is
imported only when the user names it: see `load_plugin` and `without_plugin_imports`.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from molmeta.errors import ConfigError, exists, one_line, unknown_name
from molmeta.extras import optional_packages

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

T = TypeVar("T")

GROUPS = ("molmeta.learners", "molmeta.encoders", "molmeta.featurizers")
"""Entry point groups; those of learners and encoders are named as their packages."""
VARIABLE = "MOLMETA_PLUGINS"
"""Environment variable that names plugins as `--plugin` does, separated as in PATH."""

_files: dict[str, ModuleType] = {}
"""Modules of plugin files, by absolute path."""
_installed: dict[tuple[str, str], Any] = {}
"""What loaded entry points name, by group and name."""
_importing: ContextVar[bool] = ContextVar("importing", default=True)


def names(package: str, base: type[Any] | None = None) -> tuple[str, ...]:
    """Names of the public modules of a package, without its base, in alphabetical order.

    Args:
        package: dotted name of the package.
        base: also include plugins that define a subclass of this class, and the entry points of
            the group with the package's name.
    """
    return tuple(sorted({*_modules(package), *(_plugins(package, base) if base else ())}))


def find(package: str, name: str, base: type[T]) -> type[T]:
    """Return the only public subclass of `base` in a module of the package, or in a plugin.

    Raises:
        ConfigError: the name is unknown, or its module defines no or several classes of the kind.
    """
    plugins = _plugins(package, base)
    kind = package.rsplit(".", 1)[-1].removesuffix("s")
    if name in _modules(package):
        # A plugin must not silently replace a part of molmeta and change its results.
        if name in plugins:
            raise ConfigError(
                f"plugin '{name}': {package} has a module of this name; got it twice, expected "
                "another name. Rename the plugin."
            )
        with optional_packages(f"{kind} '{name}'"), warnings.catch_warnings():
            # torch-geometric scripts two functions as it is imported; torch 2.14 warns users of it.
            warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
            return _only_class(importlib.import_module(f"{package}.{name}"), base)
    if name not in plugins:
        raise ConfigError(unknown_name(kind, name, names(package, base)))
    plugin = plugins[name] or load_entry_point(package, name)
    if isinstance(plugin, ModuleType):
        return _only_class(plugin, base)
    if not (inspect.isclass(plugin) and issubclass(plugin, base)):
        raise ConfigError(
            f"plugin '{name}': is not a {base.__name__}; got {plugin!r}, expected a class or its "
            "module. Correct its entry point."
        )
    return plugin


def load_plugin(source: str | Path) -> None:
    """Import a plugin, so that its learners, encoders and featurizers are found by name.

    Args:
        source: Python file, which is the name of its learner or encoder without '.py'; or the name
            of an installed entry point in one of `GROUPS`.

    Raises:
        ConfigError: the plugin is missing, or cannot be imported.
    """
    path = Path(source)
    if path.suffix == ".py":
        _load_file(path.resolve())
        return
    groups = [group for group in GROUPS if source in entry_points(group)]
    if not groups:
        raise ConfigError(
            f"--plugin: there is no plugin '{source}'; got neither a '.py' file nor an entry point "
            f"in {', '.join(GROUPS)}. Correct the name or install the plugin."
        )
    for group in groups:
        load_entry_point(group, str(source))


@cache
def entry_points(group: str) -> dict[str, metadata.EntryPoint]:
    """Return the installed entry points of a group by name, without importing them."""
    return {point.name: point for point in metadata.entry_points(group=group)}


def load_entry_point(group: str, name: str) -> Any:  # noqa: ANN401 - a class, function or module
    """Import an installed entry point and return what it names.

    Raises:
        ConfigError: it cannot be imported, or imports are not allowed here.
    """
    if not _importing.get():
        raise ConfigError(f"plugin '{name}': is not loaded. Name it by --plugin {name}.")
    try:
        _installed[group, name] = entry_points(group)[name].load()
    except MemoryError:
        raise
    except Exception as error:
        # The code of a plugin may raise anything.
        raise _not_importable(name, error) from error
    return _installed[group, name]


def loaded_plugins() -> dict[str, str]:
    """Sources of the loaded plugins, as `load_plugin` takes them, by the names models record."""
    files = {Path(path).name: path for path in _files}
    return files | {name: name for _, name in _installed}


def plugin_of(thing: Any) -> str:  # noqa: ANN401 - a class or function
    """Return the name of the loaded plugin that defines a class or function, or ""."""
    module = thing.__module__
    for path, loaded in _files.items():
        if loaded.__name__ == module:
            return Path(path).name
    for (_, name), loaded in _installed.items():
        if module == getattr(loaded, "__module__", getattr(loaded, "__name__", "")):
            return name
    return ""


@contextmanager
def without_plugin_imports() -> Generator[None]:
    """Find only plugins that are loaded already, as a name from a file must not run code."""
    token = _importing.set(False)
    try:
        yield
    finally:
        _importing.reset(token)


def _modules(package: str) -> list[str]:
    path = importlib.import_module(package).__path__
    modules = [module.name for module in pkgutil.iter_modules(path)]
    return [name for name in modules if name != "base" and not name.startswith("_")]


def _plugins(package: str, base: type[Any]) -> dict[str, Any]:
    """Classes and modules of plugins by name; None for entry points that are not loaded."""
    points = {name: _installed.get((package, name)) for name in entry_points(package)}
    files = {Path(path).stem: module for path, module in _files.items() if _classes(module, base)}
    return {**points, **files}


def _load_file(path: Path) -> None:
    name = f"molmeta_plugin_{path.stem}"
    if str(path) in _files:
        return
    if name in sys.modules:
        raise ConfigError(
            f"{path}: another plugin has this file name; got two, expected one. Rename one of them."
        )
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not (exists(path) and path.is_file()):
        raise ConfigError(f"--plugin: there is no file '{path}'. Correct the path.")
    module = importlib.util.module_from_spec(spec)
    # Before it runs: dataclasses and pickle look up the module of a class by its name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except MemoryError:
        del sys.modules[name]
        raise
    except Exception as error:
        # The code of a plugin may raise anything.
        del sys.modules[name]
        raise _not_importable(str(path), error) from error
    _files[str(path)] = module


def _not_importable(source: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"plugin '{source}': cannot be imported; got '{type(error).__name__}: {one_line(error)}', "
        "expected Python code that runs. Correct it."
    )


def _only_class(module: ModuleType, base: type[T]) -> type[T]:
    classes = _classes(module, base)
    if len(classes) != 1:
        raise ConfigError(
            f"{module.__name__}: defines {len(classes)} public {base.__name__} classes, expected "
            "exactly one. Prefix the others with an underscore."
        )
    return classes[0]


def _classes(module: ModuleType, base: type[T]) -> list[type[T]]:
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, base)
        # A plugin imports the base class and perhaps others; only its own classes count.
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
    ]


def bind(cls: type[Any], options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return `options` if all of them are keyword-only arguments of the constructor of `cls`.

    Args:
        cls: a learner or an encoder.
        options: values by name; the values are not checked.
        where: start of the message.

    Raises:
        ConfigError: an unknown or a renamed option.
    """
    valid, renamed = option_defaults(cls), getattr(cls, "renamed_options", {})
    for name in options:
        if name in renamed:
            raise ConfigError(f"{where}: option '{name}' has a new name; use '{renamed[name]}'.")
        if name not in valid:
            raise ConfigError(f"{where}: {unknown_name('option', name, valid)}")
    return dict(options)


def option_defaults(cls: type[Any]) -> dict[str, Any]:
    """Return the keyword-only arguments of the constructor with their defaults."""
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
