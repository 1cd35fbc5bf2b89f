"""Turns molecules into features, and packs the features of many molecules into flat arrays.

A featurizer is one decorated function. Nothing here needs torch, so that worker processes start
at once; `molmeta.store` gives the arrays to torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors, rdFingerprintGenerator

from molmeta.errors import ConfigError, MoleculeError
from molmeta.molgraphs import ATOM_SIZES, BOND_SIZES, MolGraph, molgraph

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rdkit.Chem import Mol

# RDKit's stubs leave most parameters unknown, which strict checking refuses; Any says so once.
_chem: Any = Chem
_descriptors: Any = Descriptors

Arrays = dict[str, NDArray[Any]]
Kind = Literal["graph", "bits", "vector"]


@dataclass(frozen=True)
class Featurizer:
    """A named function from a molecule to features of one kind.

    Attributes:
        name: also the name of the block it fills.
        kind: `graph` (MolGraph), `bits` (sorted positions, int16) or `vector` (float32).
        size: length of the fingerprint or vector; 0 for graphs, and where it is not known ahead.
        function: what is called for every molecule.
    """

    name: str
    kind: Kind
    size: int
    function: Callable[[Mol], Any]


FEATURIZERS: dict[str, Featurizer] = {}


def featurizer(kind: Kind, size: int = 0) -> Callable[[Callable[[Mol], Any]], Callable[[Mol], Any]]:
    """Register a function under its own name.

    Raises:
        ConfigError: the name is taken.
    """

    def register(function: Callable[[Mol], Any]) -> Callable[[Mol], Any]:
        name = function.__name__
        if name in FEATURIZERS:
            raise ConfigError(
                f"featurizers: '{name}' is there already; got it twice, expected one function "
                "of a name. Choose another name."
            )
        FEATURIZERS[name] = Featurizer(name, kind, size, function)
        return function

    return register


def get(name: str) -> Featurizer:
    """Return a featurizer; 'deepchem:NAME' is DeepChem's featurizer of that name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name.startswith("deepchem:"):
        from molmeta.deepchem_bridge import featurizer as bridge

        return Featurizer(name, "vector", 0, bridge(name.removeprefix("deepchem:")))
    if name not in FEATURIZERS:
        raise ConfigError(
            f"featurizers: '{name}' is unknown; expected one of {', '.join(FEATURIZERS)} or "
            "'deepchem:NAME'. See 'featurizers' in config/config.yaml."
        )
    return FEATURIZERS[name]


@featurizer("graph")
def graph(mol: Mol) -> MolGraph:
    """Atoms and bonds as categories; see `molmeta.molgraphs`."""
    return molgraph(mol)


@featurizer("bits", size=2048)
def morgan(mol: Mol) -> NDArray[np.int16]:
    """On-bits of the Morgan fingerprint of radius 2 (ECFP4), 2,048 bits.

    Source:
        Rogers & Hahn, J. Chem. Inf. Model. 2010, 50, 742.
    """
    return _on_bits("morgan", mol)


@featurizer("bits", size=4096)
def morgan3(mol: Mol) -> NDArray[np.int16]:
    """On-bits of the Morgan fingerprint of radius 3 (ECFP6) with counts, 4,096 bits.

    Counts, here and below, are kept as further bits that stand for 'at least 2, 4 and 8 times'.
    """
    return _on_bits("morgan3", mol)


@featurizer("bits", size=2048)
def pharmacophores(mol: Mol) -> NDArray[np.int16]:
    """On-bits of the Morgan fingerprint of radius 2 over pharmacophoric atom types (FCFP4).

    Source:
        Rogers & Hahn, J. Chem. Inf. Model. 2010, 50, 742.
    """
    return _on_bits("pharmacophores", mol)


@featurizer("bits", size=4096)
def atom_pairs(mol: Mol) -> NDArray[np.int16]:
    """On-bits of the atom-pair fingerprint: two atom types and the bonds between them.

    Source:
        Carhart, Smith & Venkataraghavan, J. Chem. Inf. Comput. Sci. 1985, 25, 64.
    """
    return _on_bits("atom_pairs", mol)


@featurizer("bits", size=4096)
def torsions(mol: Mol) -> NDArray[np.int16]:
    """On-bits of the topological-torsion fingerprint: paths of four atom types.

    Source:
        Nilakantan et al., J. Chem. Inf. Comput. Sci. 1987, 27, 82.
    """
    return _on_bits("torsions", mol)


@featurizer("vector", size=len(_descriptors.descList))
def descriptors(mol: Mol) -> NDArray[np.float32]:
    """RDKit's descriptors in the order of its own list; what is not finite becomes 0."""
    with rdBase.BlockLogs():
        values = np.array([function(mol) for _, function in _descriptors.descList], np.float64)
    return np.nan_to_num(np.clip(values, -1e9, 1e9), nan=0.0).astype(np.float32)


def featurize(smiles: Sequence[str], names: Sequence[str]) -> Arrays:
    """Featurize standardised SMILES in this process.

    Args:
        smiles: G SMILES that all parse.
        names: featurizers to run.

    Returns:
        Flat arrays named 'featurizer.part', as `molmeta.blocks` describes them.

    Raises:
        MoleculeError: a SMILES that does not parse, or a featurizer that fails, by its SMILES.
    """
    return featurize_mols([_parsed(text) for text in smiles], smiles, names)


def featurize_mols(mols: Sequence[Mol], smiles: Sequence[str], names: Sequence[str]) -> Arrays:
    """Featurize molecules that are parsed already; their SMILES are for messages.

    Raises:
        MoleculeError: a featurizer that fails, by the SMILES.
    """
    packed: Arrays = {}
    for chosen in map(get, names):
        rows = [_run(chosen, mol, text) for mol, text in zip(mols, smiles, strict=True)]
        parts = _PACK[chosen.kind](rows, chosen.size)
        packed.update({f"{chosen.name}.{part}": array for part, array in parts.items()})
    return packed


def _parsed(smiles: str) -> Mol:
    mol = _chem.MolFromSmiles(smiles)
    if mol is None:
        raise MoleculeError(
            f"featurize: a SMILES does not parse; got '{smiles[:80]}', expected a standardised "
            "one. Run 'molmeta curate' first."
        )
    return mol


def _run(chosen: Featurizer, mol: Mol, smiles: str) -> Any:  # noqa: ANN401 - kind decides
    try:
        return chosen.function(mol)
    except (ValueError, RuntimeError, OverflowError) as error:
        raise MoleculeError(
            f"featurizer '{chosen.name}': fails on '{smiles[:80]}'; got '{error}', expected "
            "features. Remove the compound or choose another featurizer."
        ) from error


def _on_bits(name: str, mol: Mol) -> NDArray[np.int16]:
    return np.flatnonzero(_generators()[name].GetFingerprintAsNumPy(mol)).astype(np.int16)


@cache
def _generators() -> dict[str, Any]:
    make: Any = rdFingerprintGenerator
    types = make.GetMorganFeatureAtomInvGen()
    return {
        "morgan": make.GetMorganGenerator(radius=2, fpSize=2048),
        "morgan3": make.GetMorganGenerator(radius=3, fpSize=4096, countSimulation=True),
        "pharmacophores": make.GetMorganGenerator(
            radius=2, fpSize=2048, countSimulation=True, atomInvariantsGenerator=types
        ),
        "atom_pairs": make.GetAtomPairGenerator(fpSize=4096, countSimulation=True),
        "torsions": make.GetTopologicalTorsionGenerator(fpSize=4096, countSimulation=True),
    }


def _offsets(lengths: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _pack_graphs(rows: Sequence[MolGraph], size: int) -> Arrays:
    del size
    none = np.zeros((0, len(ATOM_SIZES)), np.uint8), np.zeros((0, len(BOND_SIZES)), np.uint8)
    return {
        "atoms": np.concatenate([none[0], *(row.atoms for row in rows)]),
        "atom_offsets": _offsets([len(row.atoms) for row in rows]),
        "ends": np.concatenate([np.zeros((0, 2), np.int16), *(row.ends for row in rows)]),
        "bonds": np.concatenate([none[1], *(row.bonds for row in rows)]),
        "bond_offsets": _offsets([len(row.bonds) for row in rows]),
    }


def _pack_bits(rows: Sequence[NDArray[np.int16]], size: int) -> Arrays:
    del size
    return {
        "positions": np.concatenate([np.zeros(0, np.int16), *rows]),
        "offsets": _offsets([len(row) for row in rows]),
    }


def _pack_vectors(rows: Sequence[NDArray[np.float32]], size: int) -> Arrays:
    return {"values": np.stack(rows) if rows else np.zeros((0, size), np.float32)}


_PACK: dict[Kind, Callable[[Any, int], Arrays]] = {
    "graph": _pack_graphs,
    "bits": _pack_bits,
    "vector": _pack_vectors,
}
