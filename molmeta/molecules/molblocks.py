"""From mol blocks, the structures of an SDF, to SMILES."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdkit import Chem, rdBase

from molmeta.molecules.rings import rings_are_tractable, skeleton

if TYPE_CHECKING:
    from collections.abc import Sequence


def smiles_of_block(block: str) -> str:
    """SMILES of a mol block, V2000 or V3000; "" where RDKit cannot read it."""
    with rdBase.BlockLogs():
        try:
            # RDKit lists all rings of a block even if it is not to sanitise it.
            if not rings_are_tractable(skeleton(_bonds(block.split("\n")))):
                return ""
            mol = Chem.MolFromMolBlock(block)
            return "" if mol is None else str(Chem.MolToSmiles(mol))
        except (ValueError, RuntimeError, IndexError):
            return ""


def _bonds(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Return the numbers of the two atoms of each bond of a V2000 or V3000 block."""
    if "V3000" in lines[3]:
        fields = [line.split()[2:6] for line in lines if line.startswith("M  V30 ")]
        first = fields.index(["BEGIN", "BOND"]) if ["BEGIN", "BOND"] in fields else len(fields)
        rows = [row[2:] for row in fields[first:] if len(row) == 4 and "".join(row).isdecimal()]
    else:
        first = 4 + int(lines[3][:3])
        rows = [(line[:3], line[3:6]) for line in lines[first : first + int(lines[3][3:6])]]
    return [(int(begin), int(end)) for begin, end in rows]
