import pandas as pd
import pytest

from molmeta.errors import TableError
from molmeta.screening.supports import support_of

ACTIVE = ["c1ccccc1O", "c1ccccc1N", "Cc1ccccc1O"]


@pytest.fixture
def table(tmp_path):
    def write(smiles, active, **columns):
        path = tmp_path / "my_assay.csv"
        pd.DataFrame({"smiles": smiles, "active": active, **columns}).to_csv(path, index=False)
        return path

    return write


def test_two_compounds_are_a_support(table):
    found = support_of(table(["Oc1ccccc1", "CCO"], [1, 0]))
    assert dict(zip(*found, strict=True)) == {"Oc1ccccc1": 1, "CCO": 0}


def test_a_support_without_an_active_is_refused(table):
    with pytest.raises(TableError, match="one-sided: 0 active of 3"):
        support_of(table(ACTIVE, [0, 0, 0]))


@pytest.mark.parametrize("actives_only", [False, True])
def test_a_support_without_an_active_is_refused_by_every_learner(table, actives_only):
    with pytest.raises(TableError, match="0 active of 3"):
        support_of(table(ACTIVE, [0, 0, 0]), actives_only=actives_only)


def test_actives_alone_are_refused_where_a_learner_needs_both(table):
    with pytest.raises(
        TableError, match="actives alone, which this model cannot learn from; got 3"
    ):
        support_of(table(ACTIVE, [1, 1, 1]))


def test_actives_alone_are_a_support_for_a_learner_that_asks_for_no_more(table):
    found = support_of(table([*ACTIVE, "Oc1ccccc1"], [1] * 4), actives_only=True)
    assert (len(found.smiles), set(found.active)) == (3, {1})


def test_actives_of_several_assays_are_told_apart(table):
    path = table(ACTIVE, [1] * 3, assay=["a", "a", "b"])
    assert len(support_of(path, assay="a", actives_only=True).smiles) == 2


def test_a_compound_with_both_labels_is_left_out_and_said(table, caplog):
    path = table([*ACTIVE, "Oc1ccccc1", "CCO", "CCN"], [1, 1, 1, 0, 0, 0])
    found = support_of(path)
    assert "Oc1ccccc1" not in found.smiles
    assert len(found.smiles) == 4
    assert "repeats of the compound carry both labels" in caplog.text


def test_repeats_with_the_same_label_are_one_compound(table):
    found = support_of(table([*ACTIVE, "Oc1ccccc1", "CCO"], [1, 1, 1, 1, 0]))
    assert len(found.smiles) == 4
