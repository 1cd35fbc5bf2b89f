"""Ipc and AvgIpc against RDKit where floating point is exact, and against determinants beyond."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import GraphDescriptors
from zoo import DRUGS, PEPTIDE

from molmeta.molecules.information import characteristic_polynomial, information_content


def adjacency(mol):
    return Chem.GetAdjacencyMatrix(mol)


@pytest.mark.parametrize("smiles", [*DRUGS, "[NH3][Pt]([NH3])(Cl)Cl"])
def test_values_of_small_molecules_are_those_of_rdkit(smiles):
    mol = Chem.MolFromSmiles(smiles)
    expected = {"Ipc": GraphDescriptors.Ipc(mol), "AvgIpc": GraphDescriptors.AvgIpc(mol)}
    assert information_content(mol) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_the_polynomial_of_benzene_is_that_of_the_textbook():
    assert characteristic_polynomial(Chem.MolFromSmiles("c1ccccc1")) == [1, 0, -6, 0, 9, 0, -4]


def test_coefficients_of_a_long_chain_are_binomials():
    """The matchings of a path of 200 atoms: C(200 - k, k) ways to choose k bonds."""
    coefficients = characteristic_polynomial(Chem.MolFromSmiles("C" * 200))
    product = 1
    for k in range(1, 101):
        product = product * (202 - 2 * k) * (201 - 2 * k) // ((201 - k) * k)
        assert coefficients[2 * k] == (-1) ** k * product
    assert not any(coefficients[1::2])


def test_large_molecules_do_not_depend_on_the_numbering():
    mol = Chem.MolFromSmiles(PEPTIDE[:400])
    order = np.random.default_rng(0).permutation(mol.GetNumAtoms()).tolist()
    assert information_content(Chem.RenumberAtoms(mol, order)) == information_content(mol)
