"""Molecules as graphs whose atom and bond features are categories, encoded as small integers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rdkit import Chem

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rdkit.Chem import Atom, Bond, Mol

ELEMENTS = ("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Se", "Br", "I")
HYBRIDS = ("SP", "SP2", "SP3", "SP3D", "SP3D2")
BOND_TYPES = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC")
ATOM_SIZES = (len(ELEMENTS) + 1, 7, 6, 5, len(HYBRIDS) + 1, 3, 2, 7)
"""Categories of each atom feature: element, degree, charge, hydrogens, hybridisation, chirality
(none, R, S), aromaticity, size of the smallest ring. The last category means 'any other'."""
BOND_SIZES = (len(BOND_TYPES) + 1, 3, 2, 2)
"""Categories of each bond feature: order, stereo (none, E, Z), conjugation, ring membership."""


class MolGraph(NamedTuple):
    """One molecule as a graph of categories.

    Attributes:
        atoms: category of each atom feature, uint8, shape (V, F).
        ends: the two atoms of each bond, int16, shape (E / 2, 2).
        bonds: category of each bond feature, uint8, shape (E / 2, D).
    """

    atoms: NDArray[np.uint8]
    ends: NDArray[np.int16]
    bonds: NDArray[np.uint8]


def molgraph(mol: Mol) -> MolGraph:
    """Return atoms and bonds as categories, see ATOM_SIZES and BOND_SIZES."""
    rings = mol.GetRingInfo()
    smallest = [0] * mol.GetNumAtoms()
    # From the largest ring to the smallest, which is the one that stays.
    for ring in sorted(rings.AtomRings(), key=len, reverse=True):
        for atom in ring:
            smallest[atom] = min(len(ring) - 2, 6)
    cyclic = {bond for ring in rings.BondRings() for bond in ring}
    # By number, because RDKit's iterators take twice as long; as bytes, because numpy reads lists
    # of tuples slowly.
    atoms = b"".join([_atom(mol.GetAtomWithIdx(i), size) for i, size in enumerate(smallest)])
    bonds = [mol.GetBondWithIdx(i) for i in range(mol.GetNumBonds())]
    categories = b"".join([_bond(bond, cyclic=i in cyclic) for i, bond in enumerate(bonds)])
    ends = [end for bond in bonds for end in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())]
    return MolGraph(
        np.frombuffer(atoms, np.uint8).reshape(-1, len(ATOM_SIZES)),
        np.array(ends, np.int16).reshape(-1, 2),
        np.frombuffer(categories, np.uint8).reshape(-1, len(BOND_SIZES)),
    )


def _atom(atom: Atom, ring: int) -> bytes:
    degree, hydrogens, aromatic = atom.GetDegree(), atom.GetTotalNumHs(), atom.GetIsAromatic()
    # Other atoms are never chiral, and asking takes as long as three other features.
    can_be_chiral = not aromatic and hydrogens < 2 and degree + hydrogens > 2
    return bytes((
        _ELEMENT.get(atom.GetAtomicNum(), len(ELEMENTS)),
        degree if degree < 6 else 6,
        _CHARGE.get(atom.GetFormalCharge(), 5),
        hydrogens if hydrogens < 4 else 4,
        _HYBRID.get(atom.GetHybridization(), len(HYBRIDS)),
        _chirality(atom) if can_be_chiral else 0,
        aromatic,
        ring,
    ))  # fmt: skip


def _chirality(atom: Atom) -> int:
    if not (atom.GetChiralTag() and atom.HasProp("_CIPCode")):
        return 0
    return 1 if atom.GetProp("_CIPCode") == "R" else 2


def _bond(bond: Bond, *, cyclic: bool) -> bytes:
    kind = bond.GetBondType()
    return bytes((
        _ORDER.get(kind, len(BOND_TYPES)),
        _STEREO.get(bond.GetStereo(), 0) if kind == _DOUBLE else 0,
        bond.GetIsConjugated(),
        cyclic,
    ))  # fmt: skip


_table: Any = Chem.GetPeriodicTable()
_ELEMENT = {_table.GetAtomicNumber(name): number for number, name in enumerate(ELEMENTS)}
_CHARGE = {charge: number for number, charge in enumerate((-2, -1, 0, 1, 2))}
_HYBRID = {getattr(Chem.HybridizationType, name): n for n, name in enumerate(HYBRIDS)}
_ORDER = {getattr(Chem.BondType, name): number for number, name in enumerate(BOND_TYPES)}
_DOUBLE = Chem.BondType.DOUBLE
_STEREO = {Chem.BondStereo.STEREOE: 1, Chem.BondStereo.STEREOZ: 2}
