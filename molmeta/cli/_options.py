"""Options that several commands share, and the parsing of values with more than one part."""

from __future__ import annotations

import inspect
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_type_hints

import typer
import yaml

from molmeta import registry
from molmeta.errors import ConfigError, exists
from molmeta.extras import optional_packages
from molmeta.runtime.console import show
from molmeta.runtime.cores import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

OUTPUT = typer.Option(..., "--output", help="File to write; missing folders are created.")
SEED = typer.Option(0, "--seed", help="The same seed gives the same numbers.")
CORES = typer.Option(
    usable_cores(), "--cores", min=1, max=1024, show_default="all that this process may use",
    help="Processes to use.",
)  # fmt: skip
MODEL = typer.Option(
    None,
    "--model",
    help="Model file, 'pretrained' (default) or a baseline; NAME:OPTION=VALUE sets an option.",
)
RENAMED = {
    ("enrich", "--without-memory"): "--without-records",
    ("evaluate", "--query"): "--n-query",
    ("simulate", "--without-memory"): "--without-records",
    ("suggest", "--plate"): "--wells",
}
"""Present name of each option that was renamed, by verb and former name."""
MOLECULES = typer.Option(..., "--molecules", help="Molecule store of 'molmeta featurize'.")
STORE = typer.Option(
    None, "--molecules", help="Molecule store; by default, compounds are featurized here."
)
SUPPORT = typer.Option(
    ..., "--support", help="Table of measured compounds: CSV, Excel, SDF, Parquet."
)
_LIBRARY_HELP = (
    "SMILES lines, CSV, Excel, SDF, Parquet, compressed or not, or featurized: a file, folder, "
    "quoted glob pattern or manifest of paths; '-' for stdin."
)
LIBRARY = typer.Option(..., "--library", help=_LIBRARY_HELP)
OPTIONAL_LIBRARY = typer.Option(None, "--library", help=_LIBRARY_HELP)
ID_COLUMN = typer.Option(
    "", "--id-column", help="Column or SDF property with the library's names; default detected."
)
ASSAY = typer.Option("", "--assay", help="Assay to use, if the table contains several.")
SIZE = typer.Option(None, "--size", min=2, help="Number of compounds to draw; default all.")
FORCE = typer.Option(False, "--force", help="Accept a library that is more than half invalid.")
_TABLE_TEXTS = {
    "smiles_column": "Column of structures; default found in the table.",
    "label_column": "Column of labels; default found in the table.",
    "value_column": "Column of values; default found in the table.",
    "unit": "Unit of the values, such as nM, pIC50 or %; default found in the table.",
    "sheet": "Sheet of a workbook; default the only one with structures.",
    "decimal": "Decimal sign of the values, '.' or ','; default found in the table.",
}
TABLE: dict[str, tuple[Any, Any]] = {
    "threshold": (str | None, typer.Option(
        None,
        "--threshold",
        help="Value beyond which a compound is active, in the unit of the values or as '100 nM'.",
    )),
    "higher_is_active": (bool | None, typer.Option(
        None,
        "--higher-is-active/--lower-is-active",
        help="Direction of the values; default lower for concentrations, else higher.",
    )),
    **{
        name: (str, typer.Option("", f"--{name.replace('_', '-')}", help=text))
        for name, text in _TABLE_TEXTS.items()
    },
}  # fmt: skip
"""Type and declaration of each option in `molmeta.api._inputs.SupportOptions`."""
PLUGIN = typer.Option(
    [], "--plugin", envvar=registry.VARIABLE,
    help="Python file or entry point with your own learner, encoder, featurizer or metric.",
)  # fmt: skip
QUIET = typer.Option(False, "--quiet", "-q", help="Show warnings and errors only.")
VERBOSE = typer.Option(False, "--verbose", help="Show details, and where an error arose.")


def reads_table(run: Callable[..., None]) -> Callable[..., None]:
    """Add the options in `TABLE` to a command that takes them as its last argument, `**table`."""

    @wraps(run)
    def command(**options: Any) -> None:  # noqa: ANN401 - those of `run`
        run(**options)

    return _declared(command, run, TABLE)


def with_common_options(run: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every command: `--plugin`, `--quiet` and `--verbose`.

    The plugins are imported before the command runs.
    """

    @wraps(run)
    def command(
        plugin: list[Path],
        quiet: bool,
        verbose: bool,
        **options: Any,  # noqa: ANN401 - those of `run`
    ) -> None:
        show(quiet=quiet, verbose=verbose)
        with optional_packages(run.__module__.rpartition(".")[2]):
            for source in plugin:
                registry.load_plugin(source)
            run(**options)

    added = {"plugin": (list[Path], PLUGIN), "quiet": (bool, QUIET), "verbose": (bool, VERBOSE)}
    return _declared(command, run, added)


def _declared(
    command: Callable[..., None], run: Callable[..., None], added: Mapping[str, tuple[Any, Any]]
) -> Callable[..., None]:
    """Give a command the signature that Typer reads: the options of `run` and those added."""
    parameters = [
        p for p in inspect.signature(run).parameters.values() if p.kind is not p.VAR_KEYWORD
    ]
    # The type of `table` is imported for type checkers alone and cannot be resolved here.
    hints = {name: hint for name, hint in run.__annotations__.items() if name != "table"}
    further = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in added.items()
    ]
    kinds = {name: kind for name, (kind, _) in added.items()}
    command.__annotations__ = hints
    vars(command)["__signature__"] = inspect.Signature([*parameters, *further])
    # Annotations are text; they are resolved in the module of `run`, to which `wraps` refers.
    command.__annotations__ = {**get_type_hints(command), **kinds}
    return command


def numbers(text: str, option: str) -> tuple[int, ...]:
    """Numbers of a text such as '16,32,64'.

    Raises:
        ConfigError: a part is not a positive whole number.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ConfigError(
            f"{option}: must be positive numbers; got '{text}', expected for example 16,32,64. "
            "Separate them by commas."
        )
    return tuple(int(part) for part in parts)


def part_of(text: str) -> tuple[int, int] | None:
    """Numbers k and n of a text such as '2/8'; None for "".

    Raises:
        ConfigError: the text has another form, or k is not in 1 .. n.
    """
    if not text:
        return None
    k, _, n = text.partition("/")
    if not (k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n)):
        raise ConfigError(
            f"--part: must be k/n with 1 <= k <= n, such as 2/8; got '{text}'. Correct it."
        )
    return int(k), int(n)


def mapping(text: str, option: str, settings: Sequence[str] = ()) -> dict[str, Any]:
    """Mapping from a YAML or JSON file, or from the text itself, after applying `a.b=value`.

    Raises:
        ConfigError: the text is not a mapping, or a setting has no '='.
    """
    path = Path(text)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8") if exists(path) else text)
    except (yaml.YAMLError, OSError, UnicodeDecodeError, RecursionError) as error:
        raise _not_a_mapping(option, text) from error
    if not isinstance(content, dict):
        raise _not_a_mapping(option, text)
    values = cast("dict[str, Any]", content)
    for setting in settings:
        _apply(values, setting)
    return values


def _not_a_mapping(option: str, text: str) -> ConfigError:
    return ConfigError(
        f"{option}: must be a mapping; got '{text[:80]}', expected a YAML file or text such as "
        "'{learner: protonet, encoder: gine}'. See 'models' in config/config.yaml."
    )


def _apply(target: dict[str, Any], setting: str) -> None:
    name, equals, value = setting.partition("=")
    if not equals:
        raise ConfigError(
            f"--set: must be NAME=VALUE; got '{setting}', expected for example "
            "training.steps=500. Add the value."
        )
    *parents, last = name.split(".")
    try:
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = yaml.safe_load(value)
    except (yaml.YAMLError, RecursionError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"--set: '{name}' cannot be set; got '{value[:80]}', expected a plain value for an "
            "option, such as training.steps=500. Correct it."
        ) from error


def refuse_renamed(words: Sequence[str]) -> None:
    """Refuse the former name of an option.

    Args:
        words: of the command line, from the verb on.

    Raises:
        ConfigError: with the present name.
    """
    for word in words[1:]:
        option = word.partition("=")[0]
        if new := RENAMED.get((words[0], option)):
            raise ConfigError(f"{words[0]}: {option} has a new name; use {new}.")
