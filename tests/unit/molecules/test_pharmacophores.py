"""Pharmacophoric atom types are those that RDKit finds with its nested patterns."""

import random

import pytest
from rdkit.Chem import rdMolDescriptors
from zoo import ZOO

from molmeta.errors import MoleculeError
from molmeta.molecules.compounds import parse
from molmeta.molecules.pharmacophores import MAX_TYPED_ATOMS, atom_types
from tests.fuzz import smiles as fuzz


def mols(texts):
    for text in texts:
        try:
            mol = parse(text)
        except MoleculeError:
            continue
        if mol.GetNumAtoms() <= MAX_TYPED_ATOMS:
            yield text, mol


@pytest.mark.parametrize("make", [fuzz.mutated, fuzz.ion, fuzz.grown])
def test_generated_molecules_have_the_types_of_rdkit(make):
    n = 0
    for text, mol in mols(make(random.Random(seed)) for seed in range(1500)):
        assert atom_types(mol) == list(rdMolDescriptors.GetFeatureInvariants(mol)), text
        n += 1
    assert n > 50


def test_molecules_of_every_kind_have_the_types_of_rdkit():
    for text, mol in mols(ZOO.values()):
        assert atom_types(mol) == list(rdMolDescriptors.GetFeatureInvariants(mol)), text


# An amide and an amine, a sulfonamide, furan and isoxazole, an acid, and rings of three.
@pytest.mark.parametrize(
    "smiles",
    ["CC(=O)NC", "CNC", "CN(C)C", "NS(=O)(=O)C", "c1ccoc1", "c1cnoc1", "OC(=O)C", "N1C=N1"],
)
def test_each_exception_of_a_pattern_is_kept(smiles):
    mol = parse(smiles)
    assert atom_types(mol) == list(rdMolDescriptors.GetFeatureInvariants(mol))
