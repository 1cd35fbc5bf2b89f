"""Molecules as graphs whose atom and bond features are categories, encoded as small integers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rdkit import Chem

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rdkit.Chem import Atom, Bond, Mol

_chem: Any = Chem

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
    atoms = [_atom(atom, rings.MinAtomRingSize(atom.GetIdx())) for atom in mol.GetAtoms()]
    bonds = [_bond(bond) for bond in mol.GetBonds()]
    ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()]
    return MolGraph(
        np.array(atoms, np.uint8).reshape(-1, len(ATOM_SIZES)),
        np.array(ends, np.int16).reshape(-1, 2),
        np.array(bonds, np.uint8).reshape(-1, len(BOND_SIZES)),
    )


def _atom(atom: Atom, ring: int) -> tuple[int, ...]:
    return (
        _ELEMENT.get(atom.GetSymbol(), len(ELEMENTS)),
        min(atom.GetDegree(), 6),
        _CHARGE.get(atom.GetFormalCharge(), 5),
        min(atom.GetTotalNumHs(), 4),
        _HYBRID.get(_name(atom.GetHybridization()), len(HYBRIDS)),
        _chirality(atom),
        int(atom.GetIsAromatic()),
        min(ring - 2, 6) if ring else 0,
    )


def _chirality(atom: Atom) -> int:
    if atom.GetChiralTag() == _chem.ChiralType.CHI_UNSPECIFIED or not atom.HasProp("_CIPCode"):
        return 0
    return 1 if atom.GetProp("_CIPCode") == "R" else 2


def _bond(bond: Bond) -> tuple[int, ...]:
    return (
        _ORDER.get(_name(bond.GetBondType()), len(BOND_TYPES)),
        _STEREO.get(_name(bond.GetStereo()), 0),
        int(bond.GetIsConjugated()),
        int(bond.IsInRing()),
    )


def _name(value: Any) -> str:  # noqa: ANN401 - RDKit's enumerations have no public type
    return value.name


_ELEMENT = {name: number for number, name in enumerate(ELEMENTS)}
_CHARGE = {charge: number for number, charge in enumerate((-2, -1, 0, 1, 2))}
_HYBRID = {name: number for number, name in enumerate(HYBRIDS)}
_ORDER = {name: number for number, name in enumerate(BOND_TYPES)}
_STEREO = {"STEREOE": 1, "STEREOZ": 2}
