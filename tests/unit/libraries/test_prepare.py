"""Most records of a library skip standardisation, which must not change their features."""

import numpy as np
import pytest
from paths import DATA
from rdkit import Chem

from molmeta.libraries.lines import Record
from molmeta.libraries.prepare import prepare
from molmeta.libraries.reading import read_library
from molmeta.models.named import baseline
from molmeta.molecules.compounds import Compound, compounds, parse, standardize
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


def test_offsets_continue_from_molecule_to_molecule():
    prepared = prepare([Record(1, "", "C"), Record(2, "", "CCO")], ("morgan", "graph"))
    assert prepared.arrays["morgan.offsets"].tolist() == [0, 1, 7]
    assert prepared.arrays["graph.atom_offsets"].tolist() == [0, 1, 4]


@pytest.mark.parametrize(
    "smiles", ["", "C C", "C" * 6_000, "CÄ", "C\tC", "nonsense", "[Na+].[Cl-]"]
)
def test_a_text_that_is_not_a_molecule_is_rejected_with_a_reason(smiles):
    prepared = prepare([Record(1, "", smiles)], ("morgan",))
    assert (prepared.records, len(prepared.rejected)) == ([], 1)
    assert prepared.rejected[0].reason


RADICALS = ["C[CH2]", "CC1(C)CCCC(C)(C)N1[O]", "CCO |^1:1|"]
WITHOUT_INCHIKEY = ["*CC", "*CC |$R1;;$|", "C~C", "C->[Fe]", "CC |C:0.0|"]
WITHOUT_STANDARD_FORM = ["C1=b(C)C=CC=C1", "F[P-](F)(F)(F)(F)F"]


@pytest.mark.parametrize("smiles", [*ODD, *RADICALS, *WITHOUT_INCHIKEY, *WITHOUT_STANDARD_FORM])
def test_a_library_and_a_table_accept_the_same_molecules(smiles):
    accepted = isinstance(compounds([smiles])[0], Compound)
    assert bool(prepare([Record(1, "", smiles)], ("morgan",)).records) == accepted


@pytest.mark.parametrize("smiles", [*WITHOUT_INCHIKEY, *WITHOUT_STANDARD_FORM])
def test_a_prediction_is_missing_for_a_refused_molecule_alone(smiles):
    predictor = baseline("similarity").adapt(["CCO", "CCN"], [1, 0])
    assert np.isnan(predictor.predict(["CCO", smiles])).tolist() == [False, True]
