"""The errors that are the user's to mend; anything else that is raised is ours.

Messages read `WHERE: WHAT is wrong; got VALUE, expected RULE. NEXT STEP.`

    MolMetaError
    |- ConfigError      an unknown name, an option out of range
    |- TableError       a table, a library or a folder that cannot be read as one
    |- MoleculeError    a molecule that cannot be parsed or featurized
    |- EpisodeError     a support or query that cannot be drawn or learnt from
    |- ModelError       a model, checkpoint or molecule file that is damaged or of another kind
    |- OutputError      a result that cannot be written: full disk, read-only folder
    `- WorkerError      a process that was ended from outside, as when memory is short
"""


class MolMetaError(Exception):
    """Base of every error that the user can mend."""


class ConfigError(MolMetaError):
    """An unknown name, or an option out of its range."""


class TableError(MolMetaError):
    """A table, a library or a folder that cannot be read as one."""


class MoleculeError(MolMetaError):
    """A molecule that cannot be parsed, standardised or featurized."""


class EpisodeError(MolMetaError):
    """A support or a query that cannot be drawn or learnt from."""


class ModelError(MolMetaError):
    """A model, checkpoint or molecule file that is damaged or of another kind."""


class OutputError(MolMetaError):
    """A result that cannot be written."""


class WorkerError(MolMetaError):
    """A process that did a part of the work was ended from outside."""


def one_line(error: Exception) -> str:
    r"""The start of another library's message, without its line breaks.

    Example:
        >>> one_line(ValueError("shapes differ:\n  2 and 3"))
        'shapes differ: 2 and 3'
    """
    return " ".join(str(error).split())[:200]
