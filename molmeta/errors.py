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
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class MolMetaError(Exception):
    r"""Base of every error that the user can fix.

    Messages may quote files and other libraries, so line breaks become blanks, and characters that
    a terminal would act on are shown as escapes.

    Example:
        >>> str(MolMetaError("shapes differ:\n  2 and 3"))
        'shapes differ: 2 and 3'
    """

    def __init__(self, message: str) -> None:
        super().__init__(_printable(message))


class ConfigError(MolMetaError):
    """An unknown name, or an option out of range."""


class TableError(MolMetaError):
    """A table, library or folder that cannot be read."""


class MoleculeError(MolMetaError):
    """A molecule that cannot be parsed, standardised or featurized."""


class EpisodeError(MolMetaError, ValueError):
    """A support set or query set that cannot be drawn or trained on.

    It is a ValueError because scikit-learn expects one for data that cannot be fitted.
    """


class ModelError(MolMetaError):
    """A model, checkpoint or molecule file that is damaged or of another kind."""


class OutputError(MolMetaError):
    """A result that cannot be written."""


class WorkerError(MolMetaError):
    """A worker process that was killed."""


def unknown_name(kind: str, name: object, names: Iterable[object]) -> str:
    """Return the message for a name that does not exist: the closest name, or all of them.

    Example:
        >>> unknown_name("key", "modles", ["models", "seeds"])
        "unknown key 'modles'; did you mean 'models'?"
        >>> unknown_name("plate", 95, [24, 96])
        "unknown plate '95'; expected one of 24, 96."
    """
    texts = [str(item) for item in names]
    close = closest(name, texts) if isinstance(name, str) else ""
    advice = f"did you mean '{close}'?" if close else f"expected one of {', '.join(texts)}."
    return f"unknown {kind} '{name}'; {advice if texts else 'there are none.'}"


def suggestion(name: str, choices: Iterable[str]) -> str:
    """Return a sentence that names the closest choice, or "" if none is close.

    Example:
        >>> suggestion("protonett", ["maml", "protonet"])
        " Did you mean 'protonet'?"
    """
    close = closest(name, choices)
    return f" Did you mean '{close}'?" if close else ""


def similar_file(path: Path) -> str:
    """Return a sentence that names the existing path closest to a missing one, or "".

    The last folder of the path that exists is searched, so that a misspelled folder is found too.
    """
    while path != path.parent and not exists(path.parent):
        path = path.parent
    close = closest(path.name, [item.name for item in siblings(path)])
    return f" Did you mean '{path.parent / close}'?" if close else ""


def siblings(path: Path) -> list[Path]:
    """Return the contents of the folder that a path is in; nothing if the folder is missing."""
    return list(path.parent.iterdir()) if exists(path.parent) and path.parent.is_dir() else []


def exists(path: Path) -> bool:
    """Whether a file or folder exists; a name that is too long does not."""
    try:
        return path.exists()
    except OSError:
        return False


def closest(name: str, choices: Iterable[str]) -> str:
    """Return the choice that is spelled most like a name, or "" if none is close.

    Example:
        >>> closest("Similarty", ["maml", "similarity"])
        'similarity'
    """
    by_case = {choice.casefold(): choice for choice in choices}
    return by_case.get(next(iter(difflib.get_close_matches(name.casefold(), by_case, n=1)), ""), "")


def one_line(error: Exception) -> str:
    r"""Return the start of another library's message on one line.

    Example:
        >>> one_line(ValueError("shapes differ:\n  2 and 3"))
        'shapes differ: 2 and 3'
    """
    return " ".join(str(error).split())[:200] or type(error).__name__


def _printable(text: str) -> str:
    text = re.sub(r"\s*[\r\n\v\f\x85\u2028\u2029]\s*", " ", text)
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
