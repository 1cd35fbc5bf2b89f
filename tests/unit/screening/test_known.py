import numpy as np
import pytest

from molmeta.libraries.lines import Record
from molmeta.libraries.prepare import prepare
from molmeta.molecules.signatures import signatures
from molmeta.screening.known import KnownCompounds, key_of

SUPPORT = ["CC(=O)Oc1ccccc1C(=O)O", "CCCCCCCCCCO"]
LIBRARY = ["CCO", "O=C(O)c1ccccc1OC(C)=O", "CCCCCCCCCCCCCO", "[Na+].O=C([O-])c1ccccc1OC(C)=O"]


def prepared(smiles, names):
    return prepare([Record(place, "", text) for place, text in enumerate(smiles, 1)], names)


@pytest.mark.parametrize("names", [("morgan",), ("graph",), ("descriptors",), ("graph", "morgan")])
def test_a_compound_is_found_in_another_spelling_and_as_its_salt(names):
    chunk = prepared(LIBRARY, names)
    assert KnownCompounds(SUPPORT, names).rows(chunk.records, chunk.molecules()) == [1, 3]


@pytest.mark.parametrize("model", [("torsions", "morgan"), ("graph",), ("descriptors", "morgan")])
def test_a_library_may_hold_other_features_as_well_in_another_order(model):
    chunk = prepared(LIBRARY, ("atom_pairs", "morgan", "descriptors", "graph", "torsions"))
    assert KnownCompounds(SUPPORT, model).rows(chunk.records, chunk.molecules()) == [1, 3]


def test_equal_fingerprints_are_not_enough():
    chunk = prepared(LIBRARY, ("morgan",))
    numbers = signatures(prepared(["CCCCCCCCCCO"], ("morgan",)).molecules().blocks["morgan"])
    assert signatures(chunk.molecules().blocks["morgan"])[2] == numbers[0]
    assert 2 not in KnownCompounds(SUPPORT, ("morgan",)).rows(chunk.records, chunk.molecules())


def test_only_the_rows_asked_for_are_looked_at():
    chunk = prepared(LIBRARY, ("morgan",))
    known = KnownCompounds(SUPPORT, ("morgan",))
    among = np.array([True, False, True, True])
    assert known.rows(chunk.records, chunk.molecules(), among) == [3]


def test_the_key_of_a_smiles_that_does_not_parse_is_the_text():
    assert key_of("nonsense") == "nonsense"
