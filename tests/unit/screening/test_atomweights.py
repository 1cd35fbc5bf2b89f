"""Weights of atoms, on supports where it is plain which atom matters."""

from __future__ import annotations

import numpy as np
import pytest

from molmeta.models.named import baseline
from molmeta.molecules.compounds import parse
from molmeta.screening.atomweights import atom_weights

PHENOLS = ["Oc1ccccc1C", "Oc1ccccc1CC", "Oc1ccccc1", "Oc1ccccc1Cl"]
OTHERS = ["c1ccccc1C", "c1ccccc1CC", "c1ccccc1", "c1ccccc1Cl"]


@pytest.fixture(scope="module")
def predictor():
    return baseline("tanimoto_gp").adapt([*PHENOLS, *OTHERS], [1] * 4 + [0] * 4)


def test_every_atom_has_a_weight(predictor):
    assert atom_weights(predictor, ["CCCOc1ccccc1"])["CCCOc1ccccc1"].shape == (10,)


def test_atom_that_sets_actives_apart_weighs_most(predictor):
    weights = atom_weights(predictor, ["Oc1ccccc1Br"])["Oc1ccccc1Br"]
    assert parse("Oc1ccccc1Br").GetAtomWithIdx(int(weights.argmax())).GetSymbol() == "O"


def test_turned_labels_turn_the_weights():
    one, other = (
        baseline("logistic_regression").adapt([*PHENOLS, *OTHERS], labels)
        for labels in ([1] * 4 + [0] * 4, [0] * 4 + [1] * 4)
    )
    first, second = (atom_weights(p, ["Oc1ccccc1Br"])["Oc1ccccc1Br"] for p in (one, other))
    assert np.corrcoef(first, second)[0, 1] < -0.99


def test_compound_that_does_not_parse_is_left_out(predictor):
    assert list(atom_weights(predictor, ["nonsense", "Oc1ccccc1Br"])) == ["Oc1ccccc1Br"]


def test_compounds_together_have_the_weights_of_each(predictor):
    texts = ["CCCOc1ccccc1", "Oc1ccccc1Br", "CCN"]
    together = atom_weights(predictor, texts)
    assert list(together) == texts
    for text in texts:
        np.testing.assert_allclose(together[text], atom_weights(predictor, [text])[text], atol=1e-6)


def test_without_compounds_there_are_no_weights(predictor):
    assert atom_weights(predictor, []) == {}


def test_weights_of_a_salt_are_those_of_its_parent(predictor):
    assert atom_weights(predictor, ["CC(=O)[O-].[Na+]"])["CC(=O)[O-].[Na+]"].shape == (4,)
