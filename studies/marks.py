"""Pages whose figures are written by a script, between marks, and their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from molmeta.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Sequence

END = "<!-- end -->"
OUTSIDE = "panel: False"
"""Group of the assays outside the kinase panel, as `read_groups` names it."""


def rewritten(page: str, name: str, text: str) -> str:
    """Return the page with other text between the marks of that name.

    Raises:
        TableError: the page lacks these marks.
    """
    start, end = _bounds(page, name)
    return f"{page[:start]}\n{text}\n\n{page[end:]}"


def between(page: str, name: str) -> str:
    """Return the text between the marks of that name."""
    start, end = _bounds(page, name)
    return page[start:end].strip()


def _bounds(page: str, name: str) -> tuple[int, int]:
    mark = f"<!-- figures: {name} -->\n"
    start = page.find(mark) + len(mark)
    end = page.find(END, start)
    if mark not in page or end < 0:
        raise TableError(
            f"page: has no place for figures '{name}'; got none, expected '{mark.strip()}' and "
            f"'{END}'. Put them back."
        )
    return start, end


def head(cells: Sequence[str]) -> list[str]:
    """Return the two lines that begin a table."""
    return [line(cells), "|" + "---|" * len(cells)]


def line(cells: Sequence[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"


def difference(row: Any) -> str:  # noqa: ANN401 - a row of pandas
    """Return the column `difference` with its sign, and its interval from `low` and `high`."""
    sign = "+" if round(row["difference"], 3) >= 0 else ""
    return f"{sign}{rounded(row['difference'])} [{rounded(row['low'])}, {rounded(row['high'])}]"


def rounded(value: float) -> str:
    """Return a number with three digits and no zero before the point."""
    # 0 is added so that what rounds to nothing is not -.000
    return f"{round(value, 3) + 0:.3f}".replace("0.", ".", 1)
