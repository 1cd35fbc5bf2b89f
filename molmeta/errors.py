"""User errors: every exception that the user can fix. All other exceptions are bugs.

Messages read `WHERE: WHAT is wrong; got VALUE, expected RULE. NEXT STEP.`

    MolMetaError
    |- ConfigError      an unknown name, or an option out of range
    |- TableError       a table, library or folder that cannot be read
    |- MoleculeError    a molecule that cannot be parsed or featurized
    |- EpisodeError     a support set or query set that cannot be drawn or trained on
    |- ModelError       a model, checkpoint or molecule file that is damaged or of another kind
    |- OutputError      a result that cannot be written: full disk, read-only folder
    `- WorkerError      a worker process that was killed, for example when memory ran out
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class MolMetaError(Exception):
    """Base of every error that the user can fix."""


class ConfigError(MolMetaError):
    """An unknown name, or an option out of range."""


class TableError(MolMetaError):
    """A table, library or folder that cannot be read."""


class MoleculeError(MolMetaError):
    """A molecule that cannot be parsed, standardised or featurized."""


class EpisodeError(MolMetaError):
    """A support set or query set that cannot be drawn or trained on."""


class ModelError(MolMetaError):
    """A model, checkpoint or molecule file that is damaged or of another kind."""


class OutputError(MolMetaError):
    """A result that cannot be written."""


class WorkerError(MolMetaError):
    """A worker process that was killed."""


def unknown_name(kind: str, name: object, known: Iterable[object]) -> str:
    """Return the message for a name that does not exist: the closest name, or all of them.

    Example:
        >>> unknown_name("key", "modles", ["models", "seeds"])
        "unknown key 'modles'; did you mean 'models'?"
        >>> unknown_name("plate", 95, [24, 96])
        "unknown plate '95'; expected one of 24, 96."
    """
    texts = [str(item) for item in known]
    close = difflib.get_close_matches(str(name), texts, n=1) if isinstance(name, str) else []
    advice = f"did you mean '{close[0]}'?" if close else f"expected one of {', '.join(texts)}."
    return f"unknown {kind} '{name}'; {advice if texts else 'there are none.'}"


def one_line(error: Exception) -> str:
    r"""Return the start of another library's message on one line.

    Example:
        >>> one_line(ValueError("shapes differ:\n  2 and 3"))
        'shapes differ: 2 and 3'
    """
    return " ".join(str(error).split())[:200]
