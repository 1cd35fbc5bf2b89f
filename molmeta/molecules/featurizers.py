"""Featurizers: functions from a molecule to features of one kind.

A featurizer is one decorated function, here or in a plugin. Nothing here imports torch, so worker
processes start fast; `molmeta.molecules.store` converts the packed arrays to tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors, Mol, rdFingerprintGenerator

from molmeta import registry
from molmeta.errors import ConfigError, MoleculeError, unknown_name
from molmeta.molecules import kinds
from molmeta.molecules.compounds import parse
from molmeta.molecules.graphs import MolGraph, molgraph
from molmeta.molecules.information import information_content
from molmeta.molecules.pharmacophores import MAX_TYPED_ATOMS, atom_types

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rdkit.DataStructs import ExplicitBitVect, UIntSparseIntVect

GROUP = "molmeta.featurizers"
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Featurizer:
    """A named function from a molecule to features of one kind.

    Attributes:
        name: name of the function, and of the block it fills.
        kind: name of a file in `molmeta/molecules/kinds`: `graph` (returns a MolGraph), `bits`
            (an ExplicitBitVect of RDKit, or a UIntSparseIntVect of size / 4 counts) or `vector`
            (a float32 array).
        size: length of the fingerprint or vector; 0 for graphs, and if it is not known in advance.
        function: called for every molecule.
        revision: increased when the function returns other features for the same molecule.
    """

    name: str
    kind: str
    size: int
    function: Callable[[Mol], Any]
    revision: int = 1


FEATURIZERS: dict[str, Featurizer] = {}


def featurizer(
    kind: str, size: int = 0, *, revision: int = 1
) -> Callable[[Callable[[Mol], Any]], Callable[[Mol], Any]]:
    """Register a function as the featurizer of its own name.

    Raises:
        ConfigError: another featurizer has this name, or the kind is unknown.
    """
    kinds.get(kind)

    def register(function: Callable[[Mol], Any]) -> Callable[[Mol], Any]:
        name = function.__name__
        if name in FEATURIZERS:
            raise ConfigError(
                f"featurizers: '{name}' is registered twice; got two functions, expected one for "
                "each name. Rename one of them."
            )
        FEATURIZERS[name] = Featurizer(name, kind, size, function, revision)
        return function

    return register


def get(name: str) -> Featurizer:
    """Return a featurizer; 'deepchem:NAME' is DeepChem's featurizer of that name.

    'minimol' and the featurizers of DeepChem are separate packages, and are not in the list.

    Raises:
        ConfigError: no featurizer has this name, or its package is not installed.
    """
    if name.startswith("deepchem:"):
        from molmeta.molecules.deepchem import featurizer as deepchem_featurizer

        return Featurizer(name, "vector", 0, deepchem_featurizer(name.removeprefix("deepchem:")))
    if name == "minimol":
        from molmeta.molecules.minimol import WIDTH, require_minimol, vector

        require_minimol()
        return Featurizer(name, "vector", WIDTH, vector)
    if name not in FEATURIZERS and name in registry.entry_points(GROUP):
        registry.load_entry_point(GROUP, name)
    if name not in FEATURIZERS:
        raise ConfigError(
            unknown_name("featurizer", name, (*FEATURIZERS, "minimol", "deepchem:NAME"))
        )
    return FEATURIZERS[name]


def require_vectors(name: object) -> None:
    """Refuse what is not the name of a featurizer of vectors.

    Raises:
        ConfigError: no featurizer has this name, or its features are not vectors.
    """
    _require_kind(str(name), ("vector",), "vectors, such as 'minimol' or 'descriptors'")


def require_features(name: str) -> None:
    """Refuse what is not the name of a featurizer of fingerprints or vectors.

    Raises:
        ConfigError: no featurizer has this name, its package is not installed, or it makes graphs.
    """
    examples = "'descriptors' or 'deepchem:MACCSKeysFingerprint'"
    _require_kind(name, ("bits", "vector"), f"fingerprints or vectors, such as {examples}")


def _require_kind(name: str, kinds: tuple[str, ...], expected: str) -> None:
    kind = get(name).kind
    if kind not in kinds:
        raise ConfigError(
            f"featurizer '{name}': cannot be used here; got one of kind '{kind}', expected one of "
            f"{expected}. Choose another."
        )


def revision(name: str) -> int:
    """Return the revision of a featurizer; those of DeepChem have revision 1.

    Raises:
        ConfigError: no featurizer has this name.
    """
    return 1 if name.startswith("deepchem:") else get(name).revision


@featurizer("graph")
def graph(mol: Mol) -> MolGraph:
    """Atoms and bonds as categories, see `molmeta.molecules.graphs`."""
    return molgraph(mol)


@featurizer("bits", size=2048)
def morgan(mol: Mol) -> ExplicitBitVect:
    """Morgan fingerprint of radius 2 (ECFP4), 2,048 bits.

    Source:
        Rogers & Hahn, J. Chem. Inf. Model. 2010, 50, 742.
    """
    return _generators()["morgan"].GetFingerprint(mol)


@featurizer("bits", size=4096)
def morgan3(mol: Mol) -> UIntSparseIntVect:
    """Morgan fingerprint of radius 3 (ECFP6) with counts, 4,096 bits.

    Counts, here and below, set additional bits for 'at least 2, 4 and 8 times'.
    """
    return _generators()["morgan3"].GetCountFingerprint(mol)


@featurizer("bits", size=2048)
def pharmacophores(mol: Mol) -> UIntSparseIntVect:
    """Morgan fingerprint of radius 2 over pharmacophoric atom types (FCFP4).

    Source:
        Rogers & Hahn, J. Chem. Inf. Model. 2010, 50, 742.
    """
    generator = _generators()["pharmacophores"]
    if mol.GetNumAtoms() > MAX_TYPED_ATOMS:
        return generator.GetCountFingerprint(mol)
    return generator.GetCountFingerprint(mol, customAtomInvariants=atom_types(mol))


@featurizer("bits", size=4096)
def atom_pairs(mol: Mol) -> UIntSparseIntVect:
    """Atom-pair fingerprint: two atom types and the bonds between them.

    Source:
        Carhart, Smith & Venkataraghavan, J. Chem. Inf. Comput. Sci. 1985, 25, 64.
    """
    return _generators()["atom_pairs"].GetCountFingerprint(mol)


@featurizer("bits", size=4096)
def torsions(mol: Mol) -> UIntSparseIntVect:
    """Topological-torsion fingerprint: paths of four atom types.

    Source:
        Nilakantan et al., J. Chem. Inf. Comput. Sci. 1987, 27, 82.
    """
    return _generators()["torsions"].GetCountFingerprint(mol)


@featurizer("vector", size=len(Descriptors.descList), revision=2)
def descriptors(mol: Mol) -> NDArray[np.float32]:
    """RDKit's descriptors in the order of its own list; values that are not finite become 0.

    Computed on canonical atom order, so that two spellings of a molecule agree to the last digit.
    Since revision 2, `Ipc` and `AvgIpc` are exact.
    """
    order = np.argsort(np.array(Chem.CanonicalRankAtoms(mol)))
    canonical = Chem.RenumberAtoms(mol, order.tolist())
    exact = information_content(canonical)
    with rdBase.BlockLogs():
        values = [
            exact[name] if name in exact else function(canonical)
            for name, function in Descriptors.descList
        ]
    return np.nan_to_num(np.clip(np.array(values, np.float64), -1e9, 1e9)).astype(np.float32)


def featurize(smiles: Sequence[str], names: Sequence[str]) -> Arrays:
    """Featurize standardised SMILES in this process.

    Args:
        smiles: G SMILES that all parse.
        names: featurizers to run.

    Returns:
        Flat arrays by 'FEATURIZER.PART', see `molmeta.molecules.blocks`.

    Raises:
        MoleculeError: a SMILES does not parse, or a featurizer fails; the message has the SMILES.
    """
    return featurize_mols([_parsed(text) for text in smiles], smiles, names)


def featurize_mols(mols: Sequence[Mol], smiles: Sequence[str], names: Sequence[str]) -> Arrays:
    """Featurize parsed molecules; their SMILES appear in error messages only.

    Raises:
        MoleculeError: a featurizer fails; the message has the SMILES.
    """
    packed: Arrays = {}
    for chosen in map(get, names):
        rows = [run(chosen, mol, text) for mol, text in zip(mols, smiles, strict=True)]
        packed.update(pack(chosen, rows))
    return packed


def run(chosen: Featurizer, mol: Mol, smiles: str) -> Any:  # noqa: ANN401 - kind decides
    """Featurize one molecule, in the form that `pack` takes.

    Raises:
        MoleculeError: the featurizer fails; the message has the SMILES.
    """
    try:
        features = chosen.function(mol)
    except (ValueError, RuntimeError, ArithmeticError) as error:
        raise MoleculeError(
            f"featurizer '{chosen.name}': fails on '{smiles[:80]}'; got '{error}', expected "
            "features. Remove the compound or choose another featurizer."
        ) from error
    return kinds.get(chosen.kind).raw(features)


def pack(chosen: Featurizer, rows: Sequence[Any]) -> Arrays:
    """Return flat arrays of G molecules from what `run` returned for each.

    Raises:
        ConfigError: the features have another size than the featurizer declares.
    """
    try:
        parts = kinds.get(chosen.kind).pack(rows, chosen.size)
    except ValueError as error:
        raise ConfigError(
            f"featurizer '{chosen.name}': features have another size; got {error}, expected the "
            f"{chosen.size} of its decorator. Correct the decorator."
        ) from error
    return {f"{chosen.name}.{part}": array for part, array in parts.items()}


def _parsed(smiles: str) -> Mol:
    try:
        return parse(smiles)
    except MoleculeError as error:
        raise MoleculeError(
            f"featurize: a SMILES does not parse; got '{smiles[:80]}', expected a standardised "
            "one. Run 'molmeta curate' first."
        ) from error


@cache
def _generators() -> dict[str, Any]:
    make: Any = rdFingerprintGenerator
    types = make.GetMorganFeatureAtomInvGen()
    return {
        "morgan": make.GetMorganGenerator(radius=2, fpSize=2048),
        # Of size / 4 features with counts, each of which becomes four bits.
        "morgan3": make.GetMorganGenerator(radius=3, fpSize=1024),
        "pharmacophores": make.GetMorganGenerator(
            radius=2, fpSize=512, atomInvariantsGenerator=types
        ),
        "atom_pairs": make.GetAtomPairGenerator(fpSize=1024),
        "torsions": make.GetTopologicalTorsionGenerator(fpSize=1024),
    }
