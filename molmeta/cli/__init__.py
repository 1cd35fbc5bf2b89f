"""The command `molmeta`: each module of this package is a subcommand, its docstring the help."""

from __future__ import annotations

import importlib
import logging
import pkgutil
import sys
import traceback
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from molmeta.cli._options import refuse_renamed, with_common_options
from molmeta.errors import MolMetaError, one_line
from molmeta.runtime.console import logger
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

USER_ERROR, INTERRUPTED = 2, 130
OUT_OF_MEMORY = (
    "MemoryError",
    "DefaultCPUAllocator",
    "failed to map segment",
    "Cannot allocate memory",
    "can't start new thread",
)
"""What Python, torch and the loader of libraries say when memory or addresses run out."""
FIRST = ("auto", "screen", "suggest", "evaluate", "demo")
"""Commands that most users want first."""
WELCOME = """\
molmeta ranks compounds from a few measured ones. Nothing leaves this computer.

Read a table, choose a model, rank a library:
  molmeta auto --support measured.csv --library library.smi --output run
Rank a library with the pretrained model:
  molmeta screen --support measured.csv --library library.smi --output ranked.csv --report hits.html
Choose the next plate:
  molmeta suggest --support measured.csv --library library.smi --wells 96 --output plate.csv

'molmeta demo' writes example files to try, 'molmeta --help' lists all commands, and
'molmeta doctor' checks this installation."""


class CommandGroup(TyperGroup):
    """Lists the commands that most users want first above the others."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - click is untyped
        rest = [name for name in self.list_commands(ctx) if name not in FIRST]
        for title, names in (("Start here", FIRST), ("All other commands", rest)):
            self._section(title, names, formatter)

    def _section(self, title: str, names: Sequence[str], formatter: Any) -> None:  # noqa: ANN401
        room = formatter.width - 6 - max(map(len, self.commands))
        with formatter.section(title):
            formatter.write_dl(
                [(name, self.commands[name].get_short_help_str(room)) for name in names]
            )


def build() -> typer.Typer:
    """The command, with a subcommand for each public module of this package."""
    app = typer.Typer(
        cls=CommandGroup,
        name="molmeta",
        help="Few-shot drug discovery: rank a library from a few measured compounds.",
        epilog="Everything runs on this computer; nothing is uploaded.",
        invoke_without_command=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            command = importlib.import_module(f"{__name__}.{module.name}")
            settings = {"help_option_names": ["-h", "--help"]}
            text = _with_copyable_examples(command.__doc__ or "")
            register = app.command(module.name, help=text, context_settings=settings)
            register(with_common_options(command.run))
    return app


def _with_copyable_examples(text: str) -> str:
    """Return a help text whose examples keep their lines, each continued as a shell needs it."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        # Click wraps every paragraph that does not begin with this mark.
        "\b\n" + part.rstrip().replace("\n", " \\\n  ").replace("Example: ", "Example:\n  ")
        if part.startswith("Example: ")
        else part
        for part in paragraphs
    )


def main() -> None:
    """Run the command; exit with 0 when done, 2 for a user error, 1 for a bug."""
    try:
        refuse_renamed(sys.argv[1:])
        build()(prog_name="molmeta")
    except MolMetaError as error:
        if logger.isEnabledFor(logging.DEBUG):
            traceback.print_exc()
        sys.stderr.write(f"molmeta: error: {error}\n")
        sys.exit(USER_ERROR)
    except KeyboardInterrupt:
        sys.stderr.write("molmeta: interrupted\n")
        sys.exit(INTERRUPTED)
    except (MemoryError, RuntimeError, ImportError) as error:
        if not any(sign in f"{type(error).__name__}: {error}" for sign in OUT_OF_MEMORY):
            raise
        sys.stderr.write(
            f"molmeta: error: memory ran out; got '{one_line(error)}', expected more of it. "
            "Use fewer --cores, a smaller --size, or a larger limit on memory.\n"
        )
        sys.exit(USER_ERROR)


def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    if version:
        typer.echo(f"molmeta {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(WELCOME)
