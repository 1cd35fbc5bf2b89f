"""A synthon space: building blocks and reactions, from which products are enumerated."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from rdkit import Chem, rdBase

from molmeta.errors import TableError, one_line
from molmeta.libraries.compression import BROKEN, decompressed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from rdkit.Chem import Mol

COLUMNS: dict[str, tuple[str, ...]] = {
    "smiles": ("smiles",),
    "synthon": ("synton_id", "synthon_id"),
    "slot": ("synton#", "synthon#", "synton_role", "synthon_role", "position"),
    "reaction": ("reaction_id",),
}
"""Names of each column in RDKit's formats and in those that derive from them."""
_CONNECTORS = {"[U]": "[1*]", "[Np]": "[2*]", "[Pu]": "[3*]", "[Am]": "[4*]"}
_CONNECTOR = re.compile(r"\[(?:U|Np|Pu|Am)\]")
_RING = re.compile(r"\[[^\]]*\]|%(\d\d)|(\d)")
_MAPPED = re.compile(r"\[\*:(\d)\]")


@dataclass(frozen=True)
class Synthon:
    """A building block.

    Attributes:
        id: of the vendor.
        smiles: as in the file.
        mol: with a dummy atom at each attachment point, its isotope the label.
    """

    id: str
    smiles: str
    mol: Any

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """Labels of the attachment points in ascending order."""
        return tuple(sorted(atom.GetIsotope() for atom in _dummies(self.mol)))

    @cached_property
    def core(self) -> str:
        """SMILES that does not start at an attachment point."""
        first = next((a for a in _atoms(self.mol) if a.GetAtomicNum()), None)
        return Chem.MolToSmiles(self.mol, rootedAtAtom=first.GetIdx()) if first else ""

    @cached_property
    def branch(self) -> str:
        """SMILES from the only attachment point on, without it; "" if there are several."""
        if len(self.labels) != 1:
            return ""
        (dummy,) = _dummies(self.mol)
        text = str(Chem.MolToSmiles(self.mol, rootedAtAtom=dummy.GetIdx()))
        return text.removeprefix(f"[{self.labels[0]}*]").lstrip("=#-:")


class Product(NamedTuple):
    """A product: its reaction, and the row of a synthon in each slot of the reaction."""

    reaction: int
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Reaction:
    """A reaction, and the synthons that fit each of its slots."""

    id: str
    slots: tuple[tuple[Synthon, ...], ...]

    @cached_property
    def size(self) -> int:
        """Number of products."""
        return math.prod(len(slot) for slot in self.slots)


@dataclass(frozen=True)
class SynthonSpace:
    """Reactions with their synthons.

    Attributes:
        reactions: in the order of the file.
        rejected: line and reason of each synthon or reaction that cannot be used.
    """

    reactions: tuple[Reaction, ...]
    rejected: tuple[tuple[int, str], ...] = ()

    @cached_property
    def size(self) -> int:
        """Number of products, before duplicates are removed."""
        return sum(reaction.size for reaction in self.reactions)

    def synthons(self, product: Product) -> list[Synthon]:
        """Return the synthons of a product."""
        slots = self.reactions[product.reaction].slots
        return [slot[row] for slot, row in zip(slots, product.rows, strict=True)]

    def smiles(self, product: Product) -> str:
        """Return the SMILES of a product, "" if its synthons cannot be joined.

        Attachment points with the same label are joined, as RDKit does it.
        """
        synthons = self.synthons(product)
        return _substituted(synthons) or _zipped(synthons)

    def id(self, product: Product) -> str:
        """Return the name of a product: its reaction and synthons."""
        names = "+".join(synthon.id for synthon in self.synthons(product))
        return f"{self.reactions[product.reaction].id}:{names}"

    def products(self) -> Iterator[Product]:
        """Yield every product, for small spaces."""
        for number, reaction in enumerate(self.reactions):
            for rows in product(*(range(len(slot)) for slot in reaction.slots)):
                yield Product(number, rows)


def read_space(path: Path) -> SynthonSpace:
    """Read a synthon space from a text file in one of RDKit's formats.

    Args:
        path: table with a header, separated by tabs, commas or blanks, compressed or not. Its
            columns are SMILES, synthon, slot and reaction, see COLUMNS. Attachment points are
            [U], [Np], [Pu] and [Am], or [1*] to [4*], or [*:1] to [*:4].

    Raises:
        TableError: the file cannot be read, lacks a column, or has no usable reaction.
    """
    rows, columns = _rows(path)
    slots: dict[str, dict[str, list[tuple[int, Synthon]]]] = defaultdict(lambda: defaultdict(list))
    rejected: list[tuple[int, str]] = []
    for line, row in rows:
        if len(row) <= max(columns.values()):
            rejected.append((line, f"{len(row)} fields instead of {max(columns.values()) + 1}"))
            continue
        mol = _parsed(row[columns["smiles"]])
        if mol is None:
            rejected.append((line, "a SMILES that does not parse"))
            continue
        synthon = Synthon(row[columns["synthon"]], row[columns["smiles"]], mol)
        slots[row[columns["reaction"]]][row[columns["slot"]]].append((line, synthon))
    reactions = [_reaction(name, filled, rejected) for name, filled in slots.items()]
    usable = tuple(reaction for reaction in reactions if reaction is not None)
    if not usable:
        raise TableError(
            f"{path}: has no usable reaction; got {len(reactions)} reactions, of which the first "
            f"problem is {rejected[0][1] if rejected else 'an empty file'}, expected synthons "
            "whose attachment points fit each other. Choose another --space."
        )
    return SynthonSpace(usable, tuple(sorted(rejected)))


def _rows(path: Path) -> tuple[Iterator[tuple[int, list[str]]], Mapping[str, int]]:
    try:
        with path.open("rb") as raw:
            content = decompressed(raw).read()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError(
            f"{path}: is not a text; got bytes that are not UTF-8, expected a synthon space as "
            "text. RDKit's binary format does not list its synthons; use the file it was made from."
        ) from error
    except BROKEN as error:
        raise TableError(
            f"{path}: cannot be read; got '{one_line(error)}', expected a complete file. Copy or "
            "download it again."
        ) from error
    header, *lines = text.splitlines() or [""]
    separator = next((s for s in "\t," if s in header), None)
    columns = _columns(_fields(header, separator), path)
    numbered = ((n, line) for n, line in enumerate(lines, 2) if line.strip())
    return ((n, _fields(line, separator)) for n, line in numbered), columns


def _fields(line: str, separator: str | None) -> list[str]:
    if separator == ",":
        try:
            return [field.strip() for field in next(csv.reader([line]))]
        except csv.Error:
            # A field beyond the limit of the csv module; the row lacks fields and is rejected.
            return []
    return [field.strip() for field in line.split(separator)]


def _columns(header: Sequence[str], path: Path) -> dict[str, int]:
    folded = [name.casefold() for name in header]
    columns: dict[str, int] = {}
    for column, names in COLUMNS.items():
        columns_present = [folded.index(name) for name in names if name in folded]
        if not columns_present:
            raise TableError(
                f"{path}: is not a synthon space; got the columns {header[:8]}, expected one "
                f"named {' or '.join(names)}. See docs/scale.md for the format."
            )
        columns[column] = columns_present[0]
    return columns


def _parsed(smiles: str) -> Mol | None:
    labelled = _CONNECTOR.sub(lambda match: _CONNECTORS[match[0]], smiles)
    with rdBase.BlockLogs():
        return Chem.MolFromSmiles(_MAPPED.sub(r"[\1*]", labelled))


def _atoms(mol: Mol) -> list[Any]:
    return list(cast("Any", mol).GetAtoms())


def _dummies(mol: Mol) -> list[Any]:
    return [atom for atom in _atoms(mol) if atom.GetAtomicNum() == 0]


def _substituted(synthons: Sequence[Synthon]) -> str:
    """Write the synthons into one SMILES, 50 times as fast as joining molecules.

    A branch takes the place of the attachment point. The order of an atom's neighbours, on which
    its chirality depends, therefore stays the same. Returns "" where this is not possible.
    """
    core, *branches = sorted(synthons, key=lambda synthon: -len(synthon.labels))
    text = core.core
    for number, synthon in enumerate(branches, 1):
        point, branch = f"[{synthon.labels[0]}*]" if synthon.labels else "", synthon.branch
        start = text.find(point)
        # Two signs for the direction of one bond would contradict each other.
        if not branch or start < 1 or (branch[0] in "/\\" and text[start - 1] in "/\\"):
            return ""
        renumbered = _RING.sub(partial(_renumbered, 30 * number), branch)
        text = f"{text[:start]}{renumbered}{text[start + len(point) :]}"
    return text


def _renumbered(above: int, match: re.Match[str]) -> str:
    return f"%{int(match[1] or match[2]) + above}" if match[1] or match[2] else match[0]


def _zipped(synthons: Sequence[Synthon]) -> str:
    first, *rest = (synthon.mol for synthon in synthons)
    for other in rest:
        first = Chem.CombineMols(first, other)
    params = Chem.MolzipParams()
    params.label = Chem.MolzipLabel.Isotope
    try:
        with rdBase.BlockLogs():
            return str(Chem.MolToSmiles(Chem.molzip(first, params)))
    except (ValueError, RuntimeError):
        return ""


def _reaction(
    name: str,
    filled: Mapping[str, Sequence[tuple[int, Synthon]]],
    rejected: list[tuple[int, str]],
) -> Reaction | None:
    """Return a reaction of the synthons that fit, or None if it cannot run."""
    slots: list[tuple[Synthon, ...]] = []
    joined = Counter[int]()
    first_line = min(line for rows in filled.values() for line, _ in rows)
    for _, rows in sorted(filled.items()):
        labels = Counter(synthon.labels for _, synthon in rows).most_common(1)[0][0]
        fitting = [(line, synthon) for line, synthon in rows if synthon.labels == labels]
        rejected += [
            (line, "no attachment point" if not s.labels else "other attachment points")
            for line, s in rows
            if s.labels != labels
        ]
        slots.append(tuple(synthon for _, synthon in fitting))
        joined.update(labels)
    if any(n != 2 for n in joined.values()) or (len(slots) > 1 and not joined):
        rejected.append((first_line, f"reaction '{name}' has attachment points that do not pair"))
        return None
    return Reaction(name, tuple(slots))
