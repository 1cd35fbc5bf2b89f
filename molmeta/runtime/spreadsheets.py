"""CSV files that a spreadsheet displays and never runs: the only place that writes any."""

from __future__ import annotations

import csv
import re
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd

_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")  # noqa: RUF001 - full-width signs run too
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_QUOTED_FORMULA = rf"^'(?={_FORMULA.pattern})"


def safe_cell(text: str) -> str:
    """Return text that no spreadsheet mistakes for a formula; numbers stay as they are.

    Source:
        OWASP, CSV Injection: a cell that begins with = + - @ runs when the file is opened.

    Example:
        >>> safe_cell("=HYPERLINK(1)"), safe_cell("CCO"), safe_cell("-1.5")
        ("'=HYPERLINK(1)", 'CCO', '-1.5')
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def write_rows(file: IO[str], rows: Iterable[Iterable[object]]) -> None:
    """Write rows to an open CSV file, with text made safe as by `safe_cell`."""
    safe = ([_safe(cell) for cell in row] for row in rows)
    csv.writer(file, lineterminator="\n").writerows(safe)


def write_frame(path: Path, frame: pd.DataFrame, *, float_format: str | None = None) -> None:
    """Write a frame without its index as CSV, with text made safe as by `safe_cell`."""
    texts = [name for name in frame.columns if frame[name].dtype.kind == "O"]
    safe = {str(name): frame[name].map(_safe, na_action="ignore") for name in texts}
    frame.assign(**safe).to_csv(path, index=False, lineterminator="\n", float_format=float_format)


def as_written(column: pd.Series) -> pd.Series:
    """Return the texts that `write_frame` was given, from a column of its file."""
    return column.str.replace(_QUOTED_FORMULA, "", regex=True)


def _safe(cell: object) -> object:
    return safe_cell(cell) if isinstance(cell, str) else cell
