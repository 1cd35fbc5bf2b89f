"""Turns molecules into features, and packs the features of many molecules into flat arrays.

A featurizer is one decorated function. Nothing here needs torch, so that worker processes start
at once; `molmeta.molecules.store` gives the arrays to torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import Descriptors, rdFingerprintGenerator

from molmeta.errors import ConfigError, MoleculeError, unknown_name
from molmeta.molecules.graphs import ATOM_SIZES, BOND_SIZES, MolGraph, molgraph

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rdkit.Chem import Mol
    from rdkit.DataStructs import ExplicitBitVect

# RDKit's stubs leave most parameters unknown, which strict checking refuses; Any says so once.
_chem: Any = Chem
_descriptors: Any = Descriptors
_text_of: Any = DataStructs.BitVectToBinaryText

UNPACKED = 4096
"""Fingerprints that are spread out at once, a byte a bit."""

Arrays = dict[str, NDArray[Any]]
Kind = Literal["graph", "bits", "vector"]


@dataclass(frozen=True)
class Featurizer:
    """A named function from a molecule to features of one kind.

    Attributes:
        name: also the name of the block it fills.
        kind: `graph` (MolGraph), `bits` (RDKit's ExplicitBitVect) or `vector` (float32).
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
        from molmeta.molecules.deepchem import featurizer as bridge

        return Featurizer(name, "vector", 0, bridge(name.removeprefix("deepchem:")))
    if name not in FEATURIZERS:
        raise ConfigError(unknown_name("featurizer", name, (*FEATURIZERS, "deepchem:NAME")))
    return FEATURIZERS[name]


@featurizer("graph")
def graph(mol: Mol) -> MolGraph:
    """Atoms and bonds as categories; see `molmeta.molecules.graphs`."""
    return molgraph(mol)


@featurizer("bits", size=2048)
def morgan(mol: Mol) -> ExplicitBitVect:
    """Morgan fingerprint of radius 2 (ECFP4), 2,048 bits.

    Source:
        Rogers & Hahn, J. Chem. Inf. Model. 2010, 50, 742.
    """
    return _generators()["morgan"].GetFingerprint(mol)


@featurizer("bits", size=4096)
def morgan3(mol: Mol) -> ExplicitBitVect:
    """Morgan fingerprint of radius 3 (ECFP6) with counts, 4,096 bits.

    Counts, here and below, are kept as further bits that stand for 'at least 2, 4 and 8 times'.
    """
    return _generators()["morgan3"].GetFingerprint(mol)


@featurizer("bits", size=2048)
def pharmacophores(mol: Mol) -> ExplicitBitVect:
    """Morgan fingerprint of radius 2 over pharmacophoric atom types (FCFP4).

    Source:
        Rogers & Hahn, J. Chem. Inf. Model. 2010, 50, 742.
    """
    return _generators()["pharmacophores"].GetFingerprint(mol)


@featurizer("bits", size=4096)
def atom_pairs(mol: Mol) -> ExplicitBitVect:
    """Atom-pair fingerprint: two atom types and the bonds between them.

    Source:
        Carhart, Smith & Venkataraghavan, J. Chem. Inf. Comput. Sci. 1985, 25, 64.
    """
    return _generators()["atom_pairs"].GetFingerprint(mol)


@featurizer("bits", size=4096)
def torsions(mol: Mol) -> ExplicitBitVect:
    """Topological-torsion fingerprint: paths of four atom types.

    Source:
        Nilakantan et al., J. Chem. Inf. Comput. Sci. 1987, 27, 82.
    """
    return _generators()["torsions"].GetFingerprint(mol)


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
        Flat arrays named 'featurizer.part', as `molmeta.molecules.blocks` describes them.

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
        rows = [run(chosen, mol, text) for mol, text in zip(mols, smiles, strict=True)]
        packed.update(pack(chosen, rows))
    return packed


def run(chosen: Featurizer, mol: Mol, smiles: str) -> Any:  # noqa: ANN401 - kind decides
    """Featurize one molecule: what `pack` takes, bits as bytes.

    Raises:
        MoleculeError: the featurizer fails, by the SMILES.
    """
    try:
        features = chosen.function(mol)
    except (ValueError, RuntimeError, OverflowError) as error:
        raise MoleculeError(
            f"featurizer '{chosen.name}': fails on '{smiles[:80]}'; got '{error}', expected "
            "features. Remove the compound or choose another featurizer."
        ) from error
    return _text_of(features) if chosen.kind == "bits" else features


def pack(chosen: Featurizer, rows: Sequence[Any]) -> Arrays:
    """Put what `run` gave for G molecules into flat arrays.

    Raises:
        ConfigError: a fingerprint has another size than its featurizer says.
    """
    parts = _PACK[chosen.kind](rows, chosen)
    return {f"{chosen.name}.{part}": array for part, array in parts.items()}


def _parsed(smiles: str) -> Mol:
    mol = _chem.MolFromSmiles(smiles)
    if mol is None:
        raise MoleculeError(
            f"featurize: a SMILES does not parse; got '{smiles[:80]}', expected a standardised "
            "one. Run 'molmeta curate' first."
        )
    return mol


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


def _offsets(lengths: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _pack_graphs(rows: Sequence[MolGraph], chosen: Featurizer) -> Arrays:
    del chosen
    none = np.zeros((0, len(ATOM_SIZES)), np.uint8), np.zeros((0, len(BOND_SIZES)), np.uint8)
    return {
        "atoms": np.concatenate([none[0], *(row.atoms for row in rows)]),
        "atom_offsets": _offsets([len(row.atoms) for row in rows]),
        "ends": np.concatenate([np.zeros((0, 2), np.int16), *(row.ends for row in rows)]),
        "bonds": np.concatenate([none[1], *(row.bonds for row in rows)]),
        "bond_offsets": _offsets([len(row.bonds) for row in rows]),
    }


def _pack_bits(rows: Sequence[bytes], chosen: Featurizer) -> Arrays:
    size, width = chosen.size, -(-chosen.size // 8)
    if odd := [len(row) for row in rows if len(row) != width]:
        raise ConfigError(
            f"featurizer '{chosen.name}': a fingerprint has another size; got {odd[0] * 8} bits, "
            f"expected the {size} that its decorator says. Correct the decorator."
        )
    positions, lengths = [np.zeros(0, np.int16)], [np.zeros(0, np.int64)]
    for first in range(0, len(rows), UNPACKED):
        some = rows[first : first + UNPACKED]
        packed = np.frombuffer(b"".join(some), np.uint8).reshape(len(some), width)
        bits = np.unpackbits(packed, axis=1, count=size, bitorder="little")
        on = np.flatnonzero(bits.view(np.bool_))
        positions.append((on % size).astype(np.int16))
        lengths.append(np.bincount(on // size, minlength=len(some)))
    return {"positions": np.concatenate(positions), "offsets": _offsets(np.concatenate(lengths))}


def _pack_vectors(rows: Sequence[NDArray[np.float32]], chosen: Featurizer) -> Arrays:
    return {"values": np.stack(rows) if rows else np.zeros((0, chosen.size), np.float32)}


_PACK: dict[Kind, Callable[[Any, Featurizer], Arrays]] = {
    "graph": _pack_graphs,
    "bits": _pack_bits,
    "vector": _pack_vectors,
}
