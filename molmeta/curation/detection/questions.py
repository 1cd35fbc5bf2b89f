"""Messages about tables that cannot be read in one way only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.errors import TableError, suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN = 12


def question(where: object, problem: str, got: object, rule: str, step: str) -> TableError:
    """The error to raise for a table that is not clear; `step` names the option that decides."""
    return TableError(f"{where}: {problem}; got {got}, expected {rule}. {step}")


def missing(where: object, name: str, names: Sequence[str]) -> TableError:
    """The error to raise for a column that is missing, with the closest name."""
    step = "Correct the name." + suggestion(name, names)
    return question(where, f"column '{name}' is missing", list(names[:SHOWN]), "one of these", step)
