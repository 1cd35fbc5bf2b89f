"""SMILES text becomes a standardised molecule, or a MoleculeError that says why."""

import random

import pytest
from paths import DATA
from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize
from zoo import ZOO

from molmeta.errors import MoleculeError
from molmeta.libraries.reading import read_library
from molmeta.molecules.compounds import (
    Compound,
    Rejected,
    compound,
    compounds,
    is_standard,
    is_surely_a_compound,
    neutral,
    parse,
    standard_smiles,
    standardize,
)
from tests.fuzz import smiles as fuzz

NCI = DATA / "libraries" / "nci_5k.smi"
PEPTIDE = "N[C@@H](CCCCN)C(=O)" * 33 + "O"


def test_two_spellings_are_one_compound():
    assert compound("OCC") == compound("C(O)C")


def test_mirror_images_are_two_compounds():
    assert compound("C[C@H](N)C(=O)O").inchikey != compound("C[C@@H](N)C(=O)O").inchikey


def test_a_salt_keeps_its_largest_organic_fragment():
    assert compound("[Na+].CCC(=O)[O-]").smiles == "CCC(=O)O"


def test_the_larger_inorganic_fragment_does_not_win():
    assert compound("CN.F[P-](F)(F)(F)(F)F.[H+]").smiles == "CN"


def test_a_zwitterion_becomes_neutral():
    assert compound("[NH3+]CC(=O)[O-]").smiles == "NCC(=O)O"


def test_a_quaternary_ammonium_keeps_its_charge():
    assert compound("C[N+](C)(C)C.[Cl-]").smiles == "C[N+](C)(C)C"


@pytest.mark.parametrize("make", [fuzz.mutated, fuzz.ion, fuzz.grown])
def test_what_is_taken_as_read_is_what_all_steps_make_of_it(make):
    """The canonical SMILES of what is accepted without a second reading can be read."""
    texts = [make(random.Random(seed)) for seed in range(1000)] + list(ZOO.values())
    n = 0
    for text in texts:
        try:
            mol = parse(text)
        except MoleculeError:
            continue
        if is_standard(text, mol):
            standardized = Chem.MolToSmiles(standardize(mol))
            assert compound(text).smiles == standard_smiles(text) == standardized
            parse(standardized)
            n += 1
    assert n > 30


@pytest.mark.slow
def test_of_5000_real_compounds_those_called_neutral_are_what_uncharging_leaves_alone():
    uncharged = rdMolStandardize.Uncharger().uncharge
    texts = [record.smiles for chunk in read_library(NCI) for record in chunk]
    with rdBase.BlockLogs():
        mols = [mol for text in texts if (mol := Chem.MolFromSmiles(text)) is not None]
        charged = [mol for mol in mols if any(a.GetFormalCharge() for a in mol.GetAtoms())]
        same = [mol for mol in charged if neutral(mol)]
        assert len(same) > 300
        for mol in same:
            assert Chem.MolToSmiles(uncharged(mol)) == Chem.MolToSmiles(mol)


def test_tautomers_stay_apart_in_their_smiles():
    assert compound("Oc1ccccn1").smiles != compound("O=c1cccc[nH]1").smiles


def test_tautomers_join_when_asked():
    forms = [compound(smiles, tautomer=True) for smiles in ("Oc1ccccn1", "O=c1cccc[nH]1")]
    assert forms[0] == forms[1]


def test_a_300_atom_peptide_passes():
    assert parse(compound(PEPTIDE).smiles).GetNumAtoms() == 298


def test_a_metal_complex_passes():
    assert "Pt" in compound("N[Pt](N)(Cl)Cl").smiles


@pytest.mark.parametrize(
    "text",
    ["", "   ", "Q", "C(", "C1CC", "c1ccc1C(C)(C)(C)(C)C", "nan", "CC ethane", "C\x00C", "Cé"],
)
def test_what_is_no_molecule_is_refused(text):
    with pytest.raises(MoleculeError, match="expected"):
        parse(text)


def test_a_million_characters_are_refused_without_reading_them(monkeypatch):
    monkeypatch.setattr(Chem, "MolFromSmiles", lambda *_, **__: pytest.fail("was read"))
    with pytest.raises(MoleculeError, match="1 to 5000"):
        parse("C" * 10**6)


@pytest.mark.parametrize("smiles", ["C1=b(C)C=CC=C1", "F[P-](F)(F)(F)(F)F"])
def test_a_structure_whose_standard_form_cannot_be_read_is_refused(smiles):
    parse(smiles)
    with pytest.raises(MoleculeError):
        compound(smiles)


@pytest.mark.parametrize(
    "smiles", ["*CC", "C~C", "C->[Fe]", "CCC |C:0.0|", "C[#0]", "CC1=NNC(=C1)C(O)=O[Pt]"]
)
def test_what_inchi_cannot_describe_is_looked_at(smiles):
    assert not is_surely_a_compound(smiles, parse(smiles))


@pytest.mark.parametrize(
    "smiles",
    ["C[C@@H](N)C(=O)[O-]", "c1cc[nH]c1", "C[N+](C)C", "[Na+].[Cl-]", "[13CH3]CO[2H]", "C[Hg]C"],
)
def test_ordinary_structures_need_no_inchikey(smiles):
    assert is_surely_a_compound(smiles, parse(smiles))


def test_more_atoms_than_inchi_takes_are_refused():
    with pytest.raises(MoleculeError, match="1001 atoms"):
        parse("C" * 1001)


def test_the_most_atoms_that_pass_have_an_inchikey():
    assert len(compound("C" * 1000).inchikey) == 27


def test_a_mixture_without_carbon_is_refused():
    with pytest.raises(MoleculeError, match="no organic fragment"):
        compound("[Na+].[Cl-]")


def test_a_dummy_atom_is_refused():
    with pytest.raises(MoleculeError, match="InChIKey"):
        compound("*c1ccccc1")


def test_an_extended_smiles_is_read():
    assert parse("CC |$a;b$|").GetNumAtoms() == 2


def test_the_error_shows_the_start_of_a_long_text():
    with pytest.raises(MoleculeError, match=r"got 'Q{77}\.\.\.'"):
        parse("Q" * 500)


def test_nothing_is_printed_about_a_bad_molecule(capfd):
    compounds(["C(", "[Na+].[Cl-]", "C[C@H](C)C"])
    assert capfd.readouterr() == ("", "")


def test_other_code_still_hears_rdkit(capfd):
    compounds(["C("])
    Chem.MolFromSmiles("C(")
    assert "SMILES Parse Error" in capfd.readouterr().err


def test_failures_stand_in_their_place():
    found = compounds(["C", "Q", "CC"])
    assert [type(item) for item in found] == [Compound, Rejected, Compound]


def test_two_processes_give_what_one_gives():
    smiles = ["C" * n + "O" for n in range(1, 41)] * 26
    assert compounds(smiles, cores=2) == compounds(smiles, cores=1)
