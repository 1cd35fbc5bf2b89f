"""What every featurizer must hold to, on molecules of every kind.

DeepChem's featurizers come through a bridge that has tests of its own.
"""

import random
from functools import cache

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from zoo import ZOO

from molmeta.molecules.featurizers import FEATURIZERS, featurize
from molmeta.molecules.graphs import ATOM_SIZES, BOND_SIZES

NAMES = list(FEATURIZERS)
OF_GRAPHS = [name for name in NAMES if FEATURIZERS[name].kind == "graph"]
OF_BITS = [name for name in NAMES if FEATURIZERS[name].kind == "bits"]
OF_VECTORS = [name for name in NAMES if FEATURIZERS[name].kind == "vector"]

every = pytest.mark.parametrize("smiles", list(ZOO.values()), ids=list(ZOO))


def features(name, mol):
    return FEATURIZERS[name].function(mol)


def parsed(smiles):
    return Chem.MolFromSmiles(smiles)


@cache
def featured(name, smiles):
    """Features, and the molecule afterwards; once, as descriptors of a peptide take seconds."""
    mol = parsed(smiles)
    return features(name, mol), Chem.MolToSmiles(mol)


def spelt(smiles):
    """Another spelling of the same molecule."""
    mol = parsed(smiles)
    order = list(range(mol.GetNumAtoms()))
    random.Random(0).shuffle(order)
    return Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False)


def as_rdkit_does(name):
    """RDKit's own fingerprint of a featurizer, bits for counts included."""
    make = rdFingerprintGenerator
    types = make.GetMorganFeatureAtomInvGen()
    counts = {"countSimulation": True}
    generators = {
        "morgan": make.GetMorganGenerator(radius=2, fpSize=2048),
        "morgan3": make.GetMorganGenerator(radius=3, fpSize=4096, **counts),
        "pharmacophores": make.GetMorganGenerator(
            radius=2, fpSize=2048, atomInvariantsGenerator=types, **counts
        ),
        "atom_pairs": make.GetAtomPairGenerator(fpSize=4096, **counts),
        "torsions": make.GetTopologicalTorsionGenerator(fpSize=4096, **counts),
    }
    return generators[name].GetFingerprint


def bonds(graph):
    """Bonds by the categories of their two atoms and their own, so without numbers of atoms."""
    ends = [sorted(map(tuple, graph.atoms[pair].tolist())) for pair in graph.ends]
    return sorted((*pair, tuple(own)) for pair, own in zip(ends, graph.bonds.tolist(), strict=True))


def same(name, one, other):
    if name in OF_GRAPHS:
        return sorted(one.atoms.tolist()) == sorted(other.atoms.tolist()) and bonds(one) == bonds(
            other
        )
    return one == other if name in OF_BITS else np.array_equal(one, other)


@every
@pytest.mark.parametrize("name", OF_GRAPHS)
def test_a_graph_has_the_declared_types_and_widths(name, smiles):
    atoms, ends, own = features(name, parsed(smiles))
    assert (atoms.dtype, ends.dtype, own.dtype) == (np.uint8, np.int16, np.uint8)
    assert (atoms.shape[1], ends.shape[1], own.shape[1]) == (len(ATOM_SIZES), 2, len(BOND_SIZES))


@every
@pytest.mark.parametrize("name", OF_GRAPHS)
def test_a_graph_has_all_atoms_and_bonds(name, smiles):
    mol, graph = parsed(smiles), features(name, parsed(smiles))
    assert len(graph.atoms) == mol.GetNumAtoms()
    assert len(graph.ends) == len(graph.bonds) == mol.GetNumBonds()


@every
@pytest.mark.parametrize("name", OF_GRAPHS)
def test_categories_are_within_their_sizes(name, smiles):
    graph = features(name, parsed(smiles))
    assert (graph.atoms < np.array(ATOM_SIZES)).all()
    assert (graph.bonds < np.array(BOND_SIZES)).all()


@every
@pytest.mark.parametrize("name", OF_GRAPHS)
def test_renumbered_atoms_only_permute_the_graph(name, smiles):
    mol = parsed(smiles)
    order = list(range(mol.GetNumAtoms()))
    random.Random(1).shuffle(order)
    graph, other = features(name, mol), features(name, Chem.RenumberAtoms(mol, order))
    assert np.array_equal(other.atoms, graph.atoms[order])
    moved = {frozenset(pair) for pair in np.argsort(order)[graph.ends].tolist()}
    assert {frozenset(pair) for pair in other.ends.tolist()} == moved


@every
@pytest.mark.parametrize("name", OF_BITS)
def test_bits_are_packed_as_sorted_positions_of_a_vector_of_the_declared_size(name, smiles):
    bits = as_rdkit_does(name)(parsed(smiles))
    assert bits.GetNumBits() == FEATURIZERS[name].size
    packed = featurize([smiles, "C", smiles], [name])
    positions, offsets = packed[f"{name}.positions"], packed[f"{name}.offsets"]
    assert positions.dtype == np.int16
    assert positions[: offsets[1]].tolist() == list(bits.GetOnBits())
    assert positions[offsets[2] :].tolist() == list(bits.GetOnBits())


@every
@pytest.mark.parametrize("name", OF_VECTORS)
def test_vectors_are_finite_and_of_the_declared_size(name, smiles):
    values, _ = featured(name, smiles)
    assert values.dtype == np.float32
    assert values.shape == (FEATURIZERS[name].size,)
    assert np.isfinite(values).all()


@every
@pytest.mark.parametrize("name", NAMES)
def test_two_spellings_of_one_molecule_agree(name, smiles):
    one, other = featured(name, smiles)[0], features(name, parsed(spelt(smiles)))
    assert same(name, one, other)


@every
@pytest.mark.parametrize("name", NAMES)
def test_a_featurizer_leaves_the_molecule_as_it_was(name, smiles):
    _, afterwards = featured(name, smiles)
    assert afterwards == Chem.MolToSmiles(parsed(smiles))


@pytest.mark.parametrize(("one", "other"), [("right", "left"), ("opposite", "together")])
@pytest.mark.parametrize("name", OF_GRAPHS)
def test_stereoisomers_have_different_graphs(name, one, other):
    first, second = features(name, parsed(ZOO[one])), features(name, parsed(ZOO[other]))
    assert not same(name, first, second)


@pytest.mark.parametrize("name", NAMES)
def test_a_standardised_salt_is_its_acid(name):
    salt, acid = parsed(ZOO["salt"]), parsed("CC(=O)O")
    assert same(name, features(name, salt), features(name, acid))
