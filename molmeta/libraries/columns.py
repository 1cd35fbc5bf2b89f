"""Finds the columns of structures and of names, by the header of a table and what is below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from molmeta.curation.detection.structures import is_part, is_structure_name, smiles_of
from molmeta.errors import TableError, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TITLES = 10
"""Rows that may be above the header of a table."""
LOOK = TITLES + 6
"""Rows at the start of a table among which the header and the first structures are looked for."""
_OTHER = 4


class Columns(NamedTuple):
    """The columns of a table with structures and with names.

    Attributes:
        smiles: column of the structures.
        id: column of the names, or None.
        converts: whether the structures may be InChI or mol blocks, which become SMILES.
    """

    smiles: int
    id: int | None
    converts: bool = False


def pick_columns(
    names: Sequence[str], where: str, id_column: str = "", below: Sequence[Sequence[str]] = ()
) -> Columns:
    """Return the columns of the structures and of the names.

    The structures are in the column 'smiles', or else in the first whose name contains 'smiles'.
    Without either, they are in the first that is named like structures and has some, or else in
    the first that has that kind of name; InChI comes last, and scaffolds or salts only if there is
    nothing else. The names are in the given column, or
    else in the first that is named like an identifier, or else in the first other one.

    Args:
        names: of the columns.
        where: the table, for messages.
        id_column: name of the column with the names; "" detects it.
        below: rows below the header.

    Raises:
        TableError: no column is named after structures, or none has the given name.
    """
    folded = [name.strip().casefold() for name in names]
    candidates = [i for i, name in enumerate(names) if names_structures(name)]
    if not candidates:
        raise TableError(
            f"{where}: has no SMILES column; got {list(names)[:12]}, expected one whose name "
            "contains 'smiles' or is Structure, Molecule or InChI. Rename the column."
        )
    ranks = {i: _rank(names[i]) for i in candidates}
    smiles = min(
        candidates,
        key=lambda i: (
            is_part(names[i]),
            min(ranks[i], 2),
            ranks[i] >= 2 and not _leads(below, i),
            ranks[i],
        ),
    )
    converts = ranks[smiles] >= 2
    if id_column:
        return Columns(smiles, _named(names, id_column, where), converts)
    others = [i for i in range(len(folded)) if i != smiles]
    name = min(others, key=lambda i: not names_id(folded[i]), default=None)
    return Columns(smiles, name, converts)


def is_header(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a row names a column of structures and the rows below it have some there."""
    return any(names_structures(name) and _leads(below, i) for i, name in enumerate(row))


def holds_smiles(names: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a column that is named after SMILES has some in the rows below."""
    named = [i for i, name in enumerate(names) if names_smiles(name)]
    return any(i < len(row) and bool(smiles_of(row[i])) for i in named for row in below)


def names_structures(name: str) -> bool:
    """Whether a column of this name holds structures."""
    return _rank(name) < _OTHER


def names_smiles(name: str) -> bool:
    """Whether a column of this name holds SMILES."""
    return _rank(name) < 2


def names_id(name: str) -> bool:
    """Whether a column or property in lower case is named like an identifier."""
    return name.startswith("id") or name.endswith("id") or "name" in name


def _rank(name: str) -> int:
    """0 for 'smiles', 1 for other names of SMILES, 2 for structures, 3 for InChI, or _OTHER."""
    folded = name.strip().casefold()
    if "smiles" in folded or folded == "smi":
        return int(folded != "smiles")
    if not is_structure_name(folded.strip('"# ')):
        return _OTHER
    return 2 + ("inchi" in folded)


def _leads(below: Iterable[Sequence[str]], column: int) -> bool:
    """Whether a column has structures, and no second header above the first of them.

    A title such as "Our best structure" looks like a name too, but is above the header.
    """
    cells = (row[column].strip(' "') for row in below if column < len(row))
    second = (names_structures(cell) for cell in cells if names_structures(cell) or smiles_of(cell))
    return not next(second, True)


def _named(names: Sequence[str], column: str, where: str) -> int:
    folded = [name.strip().casefold() for name in names]
    if column.strip().casefold() not in folded:
        raise TableError(
            f"{where}: has no column '{column}'; got {list(names)[:12]}, expected the one of "
            f"--id-column.{suggestion(column, names)} Correct the name, or leave the option out."
        )
    return folded.index(column.strip().casefold())
