"""The `molmeta` command: each module of this folder is one verb, its docstring the verb's help."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import typer

from molmeta.cli._options import with_plugins
from molmeta.errors import MolMetaError
from molmeta.version import __version__

USER_ERROR, OUR_ERROR, INTERRUPTED = 2, 1, 130


def build() -> typer.Typer:
    """Return the command with a verb for each public module of this package."""
    app = typer.Typer(
        name="molmeta",
        help="Few-shot drug discovery: learn from old assays, screen with a few labelled actives.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_version)
    for found in pkgutil.iter_modules(__path__):
        if not found.name.startswith("_"):
            module = importlib.import_module(f"{__name__}.{found.name}")
            app.command(found.name, help=module.__doc__)(with_plugins(module.run))
    return app


def main() -> None:
    """Run the command; exit with 0 when done, 2 for the user's mistake, 1 for ours."""
    try:
        build()(prog_name="molmeta")
    except MolMetaError as error:
        sys.stderr.write(f"molmeta: error: {error}\n")
        sys.exit(USER_ERROR)
    except KeyboardInterrupt:
        sys.stderr.write("molmeta: interrupted\n")
        sys.exit(INTERRUPTED)


def _version(
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
