"""Molecules of a library take a short way to their features; it must not change one of them."""

import numpy as np
import pytest
from paths import DATA
from rdkit import Chem

from molmeta.libraries.lines import Record
from molmeta.libraries.prepare import prepare
from molmeta.libraries.reading import read_library
from molmeta.molecules.compounds import parse, standardize
from molmeta.molecules.featurizers import featurize_mols

NCI = DATA / "libraries" / "nci_5k.smi"
ODD = [
    "CN(=O)=O",
    "C[N+](=O)[O-]",
    "[Na+].CC(=O)[O-]",
    "C1.CC1",
    "CC[NH3+]",
    "O=Cl(=O)(=O)O",
    "[13CH4]",
    "C[Fe]C",
    "N=N#N",
    "CCO |$;;A$|",
]


def slowly(smiles):
    mol = parse(smiles)
    standard = standardize(mol)
    mol = mol if standard is mol else parse(Chem.MolToSmiles(standard))
    return featurize_mols([mol], [smiles], ["morgan"])["morgan.positions"]


def prints(prepared):
    offsets = prepared.arrays["morgan.offsets"]
    return np.split(prepared.arrays["morgan.positions"], offsets[1:-1])


@pytest.mark.parametrize("smiles", ODD)
def test_an_odd_molecule_has_the_features_of_its_standardised_form(smiles):
    (found,) = prints(prepare([Record(1, "", smiles)], ("morgan",)))
    assert found.tolist() == slowly(smiles).tolist()


@pytest.mark.slow
def test_5000_real_compounds_have_the_features_of_their_standardised_forms():
    records = [record for chunk in read_library(NCI) for record in chunk]
    prepared = prepare(records, ("morgan",))
    assert len(prepared.records) > 4_900
    for record, found in zip(prepared.records, prints(prepared), strict=True):
        assert np.array_equal(found, slowly(record.smiles)), record


def test_offsets_go_on_from_molecule_to_molecule():
    prepared = prepare([Record(1, "", "C"), Record(2, "", "CCO")], ("morgan", "graph"))
    assert prepared.arrays["morgan.offsets"].tolist() == [0, 1, 7]
    assert prepared.arrays["graph.atom_offsets"].tolist() == [0, 1, 4]


@pytest.mark.parametrize(
    "smiles", ["", "C C", "C" * 6_000, "CÄ", "C\tC", "nonsense", "[Na+].[Cl-]"]
)
def test_what_is_no_molecule_is_rejected_with_a_reason(smiles):
    prepared = prepare([Record(1, "", smiles)], ("morgan",))
    assert (prepared.records, len(prepared.rejected)) == ([], 1)
    assert prepared.rejected[0].reason
