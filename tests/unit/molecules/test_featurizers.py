"""How features are made and packed, and what happens to what cannot be featurized."""

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molmeta.errors import ConfigError, MoleculeError
from molmeta.molecules import featurizers
from molmeta.molecules.featurizers import FEATURIZERS, Featurizer, featurize, graph, morgan
from molmeta.molecules.graphs import ATOM_SIZES
from molmeta.molecules.kinds import bits

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


def test_the_atoms_of_ethanol_are_those_written_down_by_hand():
    """Element, degree, charge, hydrogens, hybridisation, chirality, aromaticity, ring."""
    found = graph(Chem.MolFromSmiles("CCO")).atoms.tolist()
    assert found == [
        [2, 1, 2, 3, 2, 0, 0, 0],
        [2, 2, 2, 2, 2, 0, 0, 0],
        [4, 1, 2, 1, 2, 0, 0, 0],
    ]


def test_the_bonds_of_acrylic_acid_are_those_written_down_by_hand():
    """Order, stereo, conjugation, ring; of C=C, C-C, C=O and C-O."""
    found = graph(Chem.MolFromSmiles("C=CC(=O)O")).bonds.tolist()
    assert found == [[1, 0, 1, 0], [0, 0, 1, 0], [1, 0, 1, 0], [0, 0, 1, 0]]


def test_the_smallest_ring_of_an_atom_is_a_category():
    assert graph(Chem.MolFromSmiles("C1CCCCC1")).atoms[0].tolist()[-1] == 4


def test_an_element_that_is_not_listed_is_any_other():
    assert graph(Chem.MolFromSmiles("[Xe]")).atoms[0, 0] == ATOM_SIZES[0] - 1


def test_morgan_bits_are_those_of_rdkit():
    mol = Chem.MolFromSmiles(ASPIRIN)
    reference = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    on = np.zeros(2048)
    DataStructs.ConvertToNumpyArray(reference.GetFingerprint(mol), on)
    assert list(morgan(mol).GetOnBits()) == np.flatnonzero(on).tolist()


@pytest.mark.parametrize("size", [167, 64])
def test_a_fingerprint_may_have_any_size(monkeypatch, size):
    def odd(mol):
        bits = DataStructs.ExplicitBitVect(size)
        bits.SetBit(mol.GetNumAtoms() - 1)
        bits.SetBit(size - 1)
        return bits

    monkeypatch.setitem(FEATURIZERS, "odd", Featurizer("odd", "bits", size, odd))
    packed = featurize(["C", "CCO"], ["odd"])
    assert packed["odd.positions"].tolist() == [0, size - 1, 2, size - 1]
    assert packed["odd.offsets"].tolist() == [0, 2, 4]


def test_many_fingerprints_are_packed_a_few_at_a_time_to_the_same_arrays(monkeypatch):
    texts = ["C" * n for n in range(1, 8)]
    whole = featurize(texts, ["morgan"])
    monkeypatch.setattr(bits, "UNPACKED", 3)
    for name, array in featurize(texts, ["morgan"]).items():
        assert array.dtype == whole[name].dtype
        assert array.tolist() == whole[name].tolist()


def test_a_fingerprint_of_another_size_than_declared_is_refused(monkeypatch):
    monkeypatch.setitem(FEATURIZERS, "long", Featurizer("long", "bits", 1024, morgan))
    with pytest.raises(ConfigError, match=r"'long': .*got 2048 bits"):
        featurize(["CCO"], ["long"])


def test_packed_rows_follow_each_other():
    packed = featurize(["CCO", "C", "CC"], ["graph"])
    assert packed["graph.atom_offsets"].tolist() == [0, 3, 4, 6]
    assert packed["graph.bond_offsets"].tolist() == [0, 2, 2, 3]
    assert packed["graph.ends"].tolist() == [[0, 1], [1, 2], [0, 1]]


def test_no_molecules_make_empty_features_of_the_same_types():
    names = list(FEATURIZERS)
    none, one = featurize([], names), featurize(["CCO"], names)
    assert {key: value.dtype for key, value in none.items()} == {
        key: value.dtype for key, value in one.items()
    }
    assert none["descriptors.values"].shape == (0, one["descriptors.values"].shape[1])


def test_a_smiles_that_does_not_parse_is_named():
    with pytest.raises(MoleculeError, match="got 'C1CC', expected a standardised one"):
        featurize(["CCO", "C1CC"], ["graph"])


def test_an_unknown_featurizer_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"'grph'.*'graph'"):
        featurizers.get("grph")


def test_a_name_cannot_be_taken_twice():
    def graph(mol):
        return mol

    with pytest.raises(ConfigError, match="'graph' "):
        featurizers.featurizer("graph")(graph)


def test_a_featurizer_that_fails_names_the_molecule(monkeypatch):
    def fails(mol):
        raise ValueError(f"{mol.GetNumAtoms()} atoms are too many")

    monkeypatch.setitem(FEATURIZERS, "fails", Featurizer("fails", "vector", 1, fails))
    with pytest.raises(MoleculeError, match="'fails': fails on 'CCO'; got '3 atoms are too many'"):
        featurize(["CCO"], ["fails"])


def test_descriptors_that_are_not_finite_become_zero(monkeypatch):
    listed = [("infinite", lambda _: np.inf), ("none", lambda _: np.nan), ("one", lambda _: 1.0)]
    monkeypatch.setattr(featurizers.Descriptors, "descList", listed)
    values = featurizers.descriptors(Chem.MolFromSmiles("C"))
    assert values.tolist() == [1e9, 0.0, 1.0]
