"""Molecules as graphs whose atom and bond features are categories, encoded as small integers."""

from __future__ import annotations

from functools import cache
from struct import Struct
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
    ring = mol.GetRingInfo().MinAtomRingSize
    # By number, and none of them kept: RDKit's iterators, and lists of its objects, take twice as
    # long. As bytes, because numpy reads lists of tuples slowly.
    atoms = b"".join([_atom(mol.GetAtomWithIdx(i), ring(i)) for i in range(mol.GetNumAtoms())])
    bonds = b"".join([_bond(mol.GetBondWithIdx(i)) for i in range(mol.GetNumBonds())])
    both = np.frombuffer(bonds, np.uint8).reshape(-1, _BOND.size)
    return MolGraph(
        np.frombuffer(atoms, np.uint8).reshape(-1, len(ATOM_SIZES)),
        both[:, : -len(BOND_SIZES)].view(np.int16),
        both[:, -len(BOND_SIZES) :],
    )


def _atom(atom: Atom, ring: int) -> bytes:
    degree, hydrogens, aromatic = atom.GetDegree(), atom.GetTotalNumHs(), atom.GetIsAromatic()
    # Other atoms are never chiral, and asking takes as long as three other features.
    can_be_chiral = not aromatic and hydrogens < 2 and degree + hydrogens > 2
    return _atom_categories((
        atom.GetAtomicNum(),
        degree,
        atom.GetFormalCharge(),
        hydrogens,
        atom.GetHybridization(),
        _chirality(atom) if can_be_chiral else 0,
        aromatic,
        ring,
    ))  # fmt: skip


# Few distinct atoms make up all molecules, and finding one takes a third of the time.
@cache
def _atom_categories(
    features: tuple[int, int, int, int, Chem.HybridizationType, int, bool, int],
) -> bytes:
    element, degree, charge, hydrogens, hybrid, chirality, aromatic, ring = features
    return bytes((
        _ELEMENT.get(element, len(ELEMENTS)),
        min(degree, 6),
        _CHARGE.get(charge, 5),
        min(hydrogens, 4),
        _HYBRID.get(hybrid, len(HYBRIDS)),
        chirality,
        aromatic,
        min(ring - 2, 6) if ring else 0,
    ))  # fmt: skip


def _chirality(atom: Atom) -> int:
    if not (atom.GetChiralTag() and atom.HasProp("_CIPCode")):
        return 0
    return 1 if atom.GetProp("_CIPCode") == "R" else 2


def _bond(bond: Bond) -> bytes:
    order = bond.GetBondTypeAsDouble()
    return _BOND.pack(
        bond.GetBeginAtomIdx(),
        bond.GetEndAtomIdx(),
        _ORDER.get(order, len(BOND_TYPES)),
        _STEREO.get(bond.GetStereo(), 0) if order == _DOUBLE else 0,
        bond.GetIsConjugated(),
        bond.IsInRing(),
    )


_BOND = Struct("=hh4B")
"""The two atoms of a bond and its categories."""
_table: Any = Chem.GetPeriodicTable()
_ELEMENT = {_table.GetAtomicNumber(name): number for number, name in enumerate(ELEMENTS)}
_CHARGE = {charge: number for number, charge in enumerate((-2, -1, 0, 1, 2))}
_HYBRID = {getattr(Chem.HybridizationType, name): n for n, name in enumerate(HYBRIDS)}
_DOUBLE = 2.0
# By order, because RDKit's names of types take four times as long. No compound has a dative bond,
# whose order is that of a single bond.
_ORDER = dict(zip((1.0, _DOUBLE, 3.0, 1.5), range(len(BOND_TYPES)), strict=True))
_STEREO = {Chem.BondStereo.STEREOE: 1, Chem.BondStereo.STEREOZ: 2}
