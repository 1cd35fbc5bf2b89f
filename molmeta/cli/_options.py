"""Options that several verbs share, and the reading of values that are more than one word."""

from __future__ import annotations

import inspect
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_type_hints

import typer
import yaml

from molmeta import registry
from molmeta.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Record = TypeVar("Record")

OUTPUT = typer.Option(..., "--output", help="File to write; its folder is made.")
SEED = typer.Option(0, "--seed", help="Same seed, same numbers.")
CORES = typer.Option(1, "--cores", min=1, help="Processes to use.")
MODEL = typer.Option(
    None, "--model", help="Model file or baseline; name:option=value sets an option."
)
MOLECULES = typer.Option(..., "--molecules", help="Molecule store of 'molmeta featurize'.")

PLUGIN = typer.Option(
    [], "--plugin", envvar=registry.VARIABLE,
    help="Python file or entry point with your own learner, encoder, featurizer or metric.",
)  # fmt: skip


def with_plugins(run: Callable[..., None]) -> Callable[..., None]:
    """Add the option `--plugin` to a command; the plugins are imported before it runs."""

    @wraps(run)
    def command(plugin: list[Path], **options: Any) -> None:  # noqa: ANN401 - those of `run`
        for source in plugin:
            registry.load_plugin(source)
        run(**options)

    signature = inspect.signature(run)
    option = inspect.Parameter(
        "plugin", inspect.Parameter.KEYWORD_ONLY, default=PLUGIN, annotation=list[Path]
    )
    parameters = [*signature.parameters.values(), option]
    # Typer reads the signature and the annotations of what it calls.
    vars(command)["__signature__"] = signature.replace(parameters=parameters)
    command.__annotations__ = {**get_type_hints(run), "plugin": list[Path]}
    return command


def numbers(text: str, option: str) -> tuple[int, ...]:
    """Read '16,32,64'.

    Raises:
        ConfigError: something in it is no positive whole number.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise ConfigError(
            f"{option}: is no list of sizes; got '{text}', expected numbers such as 16,32,64. "
            "Separate them by commas."
        )
    return tuple(int(part) for part in parts)


def mapping(text: str, option: str, settings: Sequence[str] = ()) -> dict[str, Any]:
    """Read a mapping from a YAML or JSON file, or from the text itself, then apply `a.b=value`.

    Raises:
        ConfigError: it is no mapping, or a setting has no '='.
    """
    path = Path(text)
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8") if _is_file(path) else text)
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise _no_mapping(option, text) from error
    if not isinstance(found, dict):
        raise _no_mapping(option, text)
    values = cast("dict[str, Any]", found)
    for setting in settings:
        _apply(values, setting)
    return values


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _no_mapping(option: str, text: str) -> ConfigError:
    return ConfigError(
        f"{option}: is no mapping; got '{text[:80]}', expected a YAML file or text such as "
        "'{learner: protonet, encoder: gine}'. See 'models' in config/config.yaml."
    )


def _apply(target: dict[str, Any], setting: str) -> None:
    name, equals, value = setting.partition("=")
    if not equals:
        raise ConfigError(
            f"--set: has no value; got '{setting}', expected 'name=value'. Write for example "
            "--set training.steps=500."
        )
    *parents, last = name.split(".")
    for parent in parents:
        target = target.setdefault(parent, {})
    target[last] = yaml.safe_load(value)


def record(kind: type[Record], values: Mapping[str, Any], option: str) -> Record:
    """Return a dataclass made from a mapping.

    Raises:
        ConfigError: a key is unknown, or a value is out of its range or of another type.
    """
    known = [field.name for field in fields(kind)]  # pyright: ignore[reportArgumentType]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(
            f"{option}: '{unknown[0]}' is unknown; got {sorted(values)}, expected names among "
            f"{known}. Correct it in the config."
        )
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(
            f"{option}: a value is of the wrong type; got {dict(values)}, expected the types in "
            "config/config.yaml. Correct it there."
        ) from error
