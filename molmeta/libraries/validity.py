"""Recognises files that are not libraries by the share of their records that cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.errors import TableError
from molmeta.molecules.compounds import parses

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from molmeta.libraries.lines import Record


def require_readable(path: Path, records: Sequence[Record]) -> None:
    """Refuse a library of whose first records more than half do not parse.

    Raises:
        TableError: naming the first record that does not parse.
    """
    invalid: list[Record] = []
    n_valid = 0
    for record in records:
        if not record.reason and parses(record.smiles):
            n_valid += 1
        else:
            invalid.append(record)
        # Half of them suffice: the rest of a good library is not parsed twice.
        if 2 * n_valid >= len(records):
            return
    first = (invalid[0].smiles[:40] or invalid[0].reason).encode("ascii", "replace").decode()
    raise _refused(path, len(invalid), f"of the first {len(records)}", f", such as '{first}'")


def require_mostly_valid(path: Path, n_invalid: int, n_read: int) -> None:
    """Refuse a library of whose records more than half could not be used.

    Raises:
        TableError: with their number.
    """
    if 2 * n_invalid > n_read:
        raise _refused(path, n_invalid, f"of {n_read}", "")


def _refused(path: Path, n_invalid: int, of: str, example: str) -> TableError:
    return TableError(
        f"{path}: does not look like a library; got {n_invalid} invalid records {of}{example}, "
        "expected SMILES, CSV, Excel, SDF or Parquet with at least half of them valid. Choose "
        "another file, or use --force to take the valid ones."
    )
