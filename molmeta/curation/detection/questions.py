"""Messages about tables that cannot be read in one way only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from molmeta.errors import TableError, suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN = 12


def ask(where: object, problem: str, got: object, rule: str, step: str) -> NoReturn:
    """Stop with the option that decides.

    Raises:
        TableError: always.
    """
    raise TableError(f"{where}: {problem}; got {got}, expected {rule}. {step}")


def missing(
    where: object,
    name: str,
    names: Sequence[str],
    rule: str = "one of these",
    step: str = "Correct the name.",
) -> NoReturn:
    """Stop for a column that is missing, with the closest name.

    Raises:
        TableError: always.
    """
    close = suggestion(name, names)
    ask(where, f"column '{name}' is missing", list(names[:SHOWN]), rule, step + close)
