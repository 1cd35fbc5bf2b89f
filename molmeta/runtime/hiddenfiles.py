"""Files in a user's folder that are not the user's own."""

from __future__ import annotations


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or the lock `~$NAME` of a workbook that is open in Excel.

    Example:
        >>> is_hidden(".cache"), is_hidden("~$a.xlsx"), is_hidden("a.xlsx")
        (True, True, False)
    """
    return name.startswith((".", "~$"))
