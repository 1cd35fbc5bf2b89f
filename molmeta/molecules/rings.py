"""Predicts whether RDKit can perceive the rings of a molecule in bounded time and memory.

RDKit lists all smallest rings of equal size. Where a large ring passes k symmetric small rings, as
in cycloparaphenylenes, there are 2^k of them: 15 benzenes take hours and gigabytes.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, Any

from rdkit import Chem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Ring = Sequence[int]

FEW_RINGS = 8
"""Independent rings that need no look: they make at most 2^8 rings of equal size."""
MANY_RINGS = 64
"""Independent rings that are too many: a lattice of 300 takes seconds and hundreds of MB."""
MANY_EQUIVALENT = 600
"""Smallest rings that are too many; 2,000 take the descriptors of RDKit tens of seconds."""
SMALL = 12
"""Atoms of a ring that has few equivalents of its own."""


def may_have_many_rings(smiles: str) -> bool:
    """Return whether the digits of a SMILES allow more rings than RDKit finds in a short time.

    Every ring takes two digits. Extended SMILES can hold bonds that take none.
    """
    return "|" in smiles or sum(map(smiles.count, "0123456789")) > 2 * FEW_RINGS


def rings_are_tractable(mol: Chem.Mol) -> bool:
    """Tell whether the rings of a molecule, which need not be sanitised, are few enough."""
    fragments = len(Chem.GetMolFrags(mol))
    independent = mol.GetNumBonds() - mol.GetNumAtoms() + fragments
    if independent <= FEW_RINGS:
        return True
    if independent > MANY_RINGS:
        return False
    # The smallest set of smallest rings takes polynomial time. Ring information is kept in the
    # molecule, so a copy is used.
    rings: list[Ring] = [tuple(ring) for ring in Chem.GetSSSR(Chem.Mol(mol))]
    if any(count > MANY_EQUIVALENT for count in _equivalents(mol, rings)):
        return False
    return len(Chem.GetSymmSSSR(Chem.Mol(mol))) <= MANY_EQUIVALENT


def skeleton(bonds: Sequence[tuple[int, int]]) -> Chem.Mol:
    """Return a molecule of carbon atoms with these bonds between numbered atoms."""
    mol: Any = Chem.RWMol()
    # A damaged file can name an atom by any number.
    atoms = {atom: mol.AddAtom(Chem.Atom(6)) for atom in dict.fromkeys(chain(*bonds))}
    for first, second in bonds:
        mol.AddBond(atoms[first], atoms[second], Chem.BondType.SINGLE)
    return mol


def _equivalents(mol: Chem.Mol, rings: Sequence[Ring]) -> Iterator[int]:
    """Yield a bound on the rings that have the size of each large ring and one atom in common.

    It consists of two shortest paths from that atom to the atom or bond opposite. Of n
    paths to an atom, at most (n / 2)^2 pairs are rings, as the paths arrive from two sides.

    Source:
        Vismara, Union of all the minimum cycle bases of a graph, Electron. J. Comb. 1997.
    """
    neighbours = defaultdict[int, list[int]](list)
    bonds: Any = mol.GetBonds()
    for bond in bonds:
        neighbours[bond.GetBeginAtomIdx()].append(bond.GetEndAtomIdx())
        neighbours[bond.GetEndAtomIdx()].append(bond.GetBeginAtomIdx())
    for ring in rings:
        if len(ring) <= SMALL:
            continue
        for first, start in enumerate(ring):
            turned = [*ring[first:], *ring[:first]]
            distances, paths = _shortest_paths(neighbours, start)
            half = len(ring) // 2
            left, right = turned[half], turned[-half]
            if distances[left] == distances[right] == half:
                sides = 4 if left == right else 1
                yield paths[left] * paths[right] // sides


def _shortest_paths(
    neighbours: Mapping[int, Sequence[int]], start: int
) -> tuple[dict[int, int], dict[int, int]]:
    """Return length and number of the shortest paths from an atom to every other one."""
    distances, paths, reached = {start: 0}, {start: 1}, [start]
    for atom in reached:
        for index in neighbours[atom]:
            if index not in distances:
                distances[index], paths[index] = distances[atom] + 1, 0
                reached.append(index)
            if distances[index] == distances[atom] + 1:
                paths[index] += paths[atom]
    return distances, paths
