"""Twenty-eight properties of a molecule, as a featurizer that the study registers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from molmeta.molecules.featurizers import featurizer

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rdkit.Chem import Mol

_descriptors: Any = rdMolDescriptors
_OF_RDKIT = (
    "exactmw", "CrippenClogP", "CrippenMR", "tpsa", "lipinskiHBA", "NumHBD", "NumRotatableBonds",
    "NumRings", "NumAromaticRings", "NumAliphaticRings", "NumHeteroatoms", "FractionCSP3",
    "NumAmideBonds", "labuteASA", "hallKierAlpha", "kappa2", "kappa3", "chi1v", "NumSpiroAtoms",
    "NumBridgeheadAtoms",
)  # fmt: skip
_ELEMENTS = ((9,), (17,), (35, 53), (7,), (16,))
"""Atomic numbers of F, Cl, Br and I, N, and S, which are counted."""
_ACID = "[CX3](=O)[OX2H1]"
_BASE = "[NX3;H2,H1,H0;!$(N-C=[O,N,S]);!$(N-[a]);!$(N-S(=O)=O);!$(N=*);!$(N#*)]"
NUMBER = len(_OF_RDKIT) + 1 + len(_ELEMENTS) + 2
_HEAVIEST = 118


@featurizer("vector", size=NUMBER)
def properties(mol: Mol) -> NDArray[np.float32]:
    """Size, lipophilicity, polarity, rings, shape, elements, acid and bases, shape (28,).

    Each number x is returned as sign(x) log(1 + |x|); one that is not finite becomes 0.
    """
    counts = np.bincount([atom.GetAtomicNum() for atom in mol.GetAtoms()], minlength=_HEAVIEST)
    acid, base = _patterns()
    values = [
        *_of_rdkit().ComputeProperties(mol),
        mol.GetNumHeavyAtoms(),
        *(sum(counts[number] for number in numbers) for numbers in _ELEMENTS),
        mol.HasSubstructMatch(acid),
        len(mol.GetSubstructMatches(base)),
    ]
    raw = np.nan_to_num(np.array(values, np.float64), posinf=0.0, neginf=0.0)
    return (np.sign(raw) * np.log1p(np.abs(raw))).astype(np.float32)


@cache
def _of_rdkit() -> Any:  # noqa: ANN401 - RDKit has no types
    return _descriptors.Properties(_OF_RDKIT)


@cache
def _patterns() -> tuple[Any, Any]:
    return Chem.MolFromSmarts(_ACID), Chem.MolFromSmarts(_BASE)
