import pandas as pd
import pytest

from molmeta.curation.tableoptions import TableOptions
from molmeta.errors import ConfigError, TableError
from molmeta.screening.supports import read_support

ACTIVE = ["c1ccccc1O", "c1ccccc1N", "Cc1ccccc1O"]
INACTIVE = ["CCO", "CCCO", "CCN"]
IC50 = [3, 20, 90, 100, 1000, 5000]


@pytest.fixture
def table(tmp_path):
    def write(smiles, active, **columns):
        path = tmp_path / "my_assay.csv"
        pd.DataFrame({"smiles": smiles, "active": active, **columns}).to_csv(path, index=False)
        return path

    return write


def values(numbers=IC50, **columns):
    return pd.DataFrame({"smiles": ACTIVE + INACTIVE, "value": numbers, **columns})


def labels(support):
    return dict(zip(*support, strict=True))


def read(frame, **options):
    return read_support(frame, options=TableOptions(**options))


def test_two_compounds_are_a_support(table):
    found = read_support(table(["Oc1ccccc1", "CCO"], [1, 0])).support
    assert labels(found) == {"Oc1ccccc1": 1, "CCO": 0}


@pytest.mark.parametrize("actives_only", [False, True])
def test_a_support_without_an_active_is_refused_by_every_learner(table, actives_only):
    with pytest.raises(TableError, match="0 active of 3"):
        read_support(table(ACTIVE, [0, 0, 0]), actives_only=actives_only)


def test_actives_alone_are_refused_where_a_learner_needs_both(table):
    with pytest.raises(TableError, match="got 3 actives"):
        read_support(table(ACTIVE, [1, 1, 1]))


def test_actives_alone_are_a_support_for_a_learner_that_asks_for_no_more(table):
    path = table([*ACTIVE, "Oc1ccccc1"], [1] * 4)
    found = read_support(path, actives_only=True).support
    assert (len(found.smiles), set(found.active)) == (3, {1})


def test_actives_of_several_assays_are_told_apart(table):
    path = table(ACTIVE, [1] * 3, assay=["a", "a", "b"])
    assert len(read_support(path, assay="a", actives_only=True).support.smiles) == 2


def test_a_compound_with_both_labels_is_left_out_with_its_reason(table):
    path = table([*ACTIVE, "Oc1ccccc1", "CCO", "CCN"], [1, 1, 1, 0, 0, 0])
    found = read_support(path)
    assert "Oc1ccccc1" not in found.support.smiles
    assert sum(found.left_out.values()) == 2
    assert found.n_rows == 6


def test_repeats_with_the_same_label_are_one_compound(table):
    found = read_support(table([*ACTIVE, "Oc1ccccc1", "CCO"], [1, 1, 1, 1, 0]))
    assert len(found.support.smiles) == 4


@pytest.mark.parametrize(
    ("active", "inactive"),
    [("1", "0"), ("1", "-1"), ("1", "no"), ("1", "False"), ("yes", "no"), ("Active", "Inactive"),
     ("1.0", "0.0"), ("TRUE", "FALSE")],
)  # fmt: skip
def test_label_words_are_read(table, active, inactive):
    found = read_support(table(ACTIVE + INACTIVE, [active] * 3 + [inactive] * 3))
    assert (found.n_active, len(found.support.smiles)) == (3, 6)


@pytest.mark.parametrize("label", ["2", "maybe", "0.5"])
def test_a_label_that_is_not_understood_is_quoted(table, label):
    with pytest.raises(TableError, match=f"'{label}' in 3 rows"):
        read_support(table(ACTIVE + INACTIVE, ["1"] * 3 + [label] * 3), actives_only=True)


def test_minus_one_beside_zero_is_refused(table):
    with pytest.raises(TableError, match="'-1'"):
        read_support(table(ACTIVE + INACTIVE, [1, 1, 0, 0, -1, -1]))


def test_blanks_beside_actives_alone_are_refused(table):
    with pytest.raises(TableError, match="blank"):
        read_support(table(ACTIVE + INACTIVE, ["1"] * 3 + [""] * 3), actives_only=True)


def test_blanks_beside_both_classes_are_left_out_with_their_number(table):
    found = read_support(table(ACTIVE + INACTIVE, ["1", "1", "", "0", "0", "0"]))
    assert (len(found.support.smiles), list(found.left_out.values())) == (5, [1])


def test_a_frame_and_a_pair_are_supports_like_a_file(table):
    active = [1, 1, 1, 0, 0, 0]
    path, pair = table(ACTIVE + INACTIVE, active), (ACTIVE + INACTIVE, active)
    found = [read_support(item).support for item in (path, pd.DataFrame(pd.read_csv(path)), pair)]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(("threshold", "n_active"), [(100, 3), ("100 nM", 3), ("1 uM", 4), (50, 2)])
def test_a_threshold_is_in_the_unit_of_the_values_or_its_own(threshold, n_active):
    found = read(values(unit="nM"), threshold=threshold)
    assert found.n_active == n_active
    assert "given" in found.threshold_rule


@pytest.mark.parametrize(
    ("pxs", "threshold", "rule"),
    [([8, 7, 6.5, 6, 5.5, 5], 6.25, "median"), ([9, 9, 9, 8, 4, 4], 5.0, "default")],
)
def test_without_a_threshold_the_rule_of_fsmol_is_named(pxs, threshold, rule):
    found = read(values(pxs, unit="pIC50"))
    assert (found.scale, found.threshold) == ("pX", threshold)
    assert rule in found.threshold_rule


def test_the_unit_may_stand_in_the_name_of_the_column():
    frame = values().rename(columns={"value": "IC50 (nM)"})
    found = read(frame, value_column="IC50 (nM)", threshold=100)
    assert (found.unit, found.threshold, found.n_active) == ("nM", 7.0, 3)


def test_a_unit_that_is_given_replaces_the_table_s():
    assert read(values(unit="?"), unit="nM", threshold=100).n_active == 3


@pytest.mark.parametrize(("higher", "n_active"), [(True, 2), (False, 3)])
def test_the_direction_turns_the_labels(higher, n_active):
    found = read(values(unit="nM"), threshold=100, higher_is_active=higher)
    assert found.n_active == n_active


def test_values_of_an_unknown_unit_need_a_direction():
    with pytest.raises(TableError, match="--higher-is-active"):
        read(values(unit="RFU"), threshold=100)
    counts = [read(values(unit="RFU"), threshold=100, higher_is_active=h).n_active for h in (1, 0)]
    assert counts == [2, 3]


def test_a_bound_on_the_near_side_of_the_threshold_labels_nothing():
    frame = values([">10", "20", "90", ">500", "1000", "5000"], unit="RFU")
    found = read(frame, threshold=100, higher_is_active=True)
    assert (found.n_active, len(found.support.smiles)) == (3, 5)
    assert sum(found.left_out.values()) == 1


def test_a_named_label_column_is_read_although_there_is_another(table):
    path = table(ACTIVE + INACTIVE, [1, 1, 1, 0, 0, 0], hit=["no"] * 3 + ["yes"] * 3)
    found = read(path, label_column="hit")
    assert labels(found.support)["CCO"] == 1
    assert found.columns["label"] == "hit"


@pytest.mark.parametrize("role", ["smiles_column", "label_column", "value_column"])
def test_a_misspelled_column_gets_the_closest_name(table, role):
    path = table(ACTIVE + INACTIVE, [1, 1, 1, 0, 0, 0], Structure=ACTIVE + INACTIVE)
    with pytest.raises(TableError, match="'Structure'"):
        read(path, **{role: "Structur"})


def test_a_threshold_on_labels_is_refused():
    with pytest.raises(ConfigError, match="--threshold"):
        TableOptions(label_column="active", threshold=5)


def test_a_threshold_of_another_kind_of_unit_is_refused():
    with pytest.raises(ConfigError, match="--threshold"):
        read(values(unit="nM"), threshold="50 %")


def test_measured_values_come_with_the_compounds():
    found = read(values(unit="nM"), threshold=100)
    assert dict(zip(found.support.smiles, found.values, strict=True))["CCO"] == pytest.approx(7.0)


def test_facts_name_the_file_the_compounds_and_the_threshold(table):
    facts = read_support(table(ACTIVE + INACTIVE, [1, 1, 1, 0, 0, 0])).facts()
    assert "my_assay.csv" in facts["support"]
    assert facts["compounds"].startswith("6, 3 ")
    assert {"support", "compounds", "activity threshold", "columns"} == set(facts)


@pytest.mark.parametrize(
    ("pxs", "threshold"),
    [
        ([9.1, 8.6, 8.0, 7.8, 7.4, 7.2], 7.9),
        ([3.9, 3.7, 3.5, 3.3, 3.1, 3.0], 3.4),
        ([9.0, 9.0, 9.0, 9.0, 8.0, 7.0], 8.5),
        ([8, 7, 6.5, 6, 5.5, 5], 6.25),
        ([9, 9, 9, 8, 4, 4], 5.0),
    ],
)
def test_the_default_threshold_leaves_both_classes_a_fifth(pxs, threshold):
    found = read(values(pxs, unit="pIC50"))
    assert found.threshold == pytest.approx(threshold)
    assert 2 <= found.n_active <= 4


def test_a_threshold_that_the_table_sets_itself_says_so():
    facts = read(values([9.1, 8.6, 8.0, 7.8, 7.4, 7.2], unit="pIC50")).facts()
    assert "median of this table" in facts["activity threshold"]
    assert "6 of 6" in facts["activity threshold"]


def test_a_threshold_that_is_given_is_kept_however_few_it_leaves():
    found = read(values([9.1, 8.6, 8.0, 7.8, 7.4, 7.2], unit="pIC50"), threshold=9)
    assert (found.threshold, found.n_active) == (9.0, 1)


def test_a_table_of_one_value_has_no_threshold():
    with pytest.raises(TableError, match="6 active of 6"):
        read(values([8.0] * 6, unit="pIC50"))


def test_percentages_are_split_at_their_own_median_if_50_leaves_too_few():
    found = read(values([45, 40, 30, 20, 10, 5], unit="%"))
    assert (found.threshold, found.n_active) == (25.0, 3)


def test_targets_of_one_assay_are_a_question():
    frame = values(unit="nM", target=["EGFR"] * 3 + ["HER2"] * 3)
    with pytest.raises(TableError, match="--assay"):
        read(frame)
    frame = pd.concat([frame, values(NM_BOTH, unit="nM", target=["HER2"] * 3 + ["EGFR"] * 3)])
    assert read_support(frame, assay="EGFR").assay == "EGFR"


NM_BOTH = [1, 2, 3, 4000, 5000, 6000]


def test_a_threshold_that_is_given_holds_for_a_target_too():
    frame = values(unit="nM", target=["EGFR", "HER2"] * 3)
    found = read_support(frame, options=TableOptions(threshold="50 nM"), assay="HER2")
    assert (found.threshold, found.n_active) == (pytest.approx(7.301, abs=1e-3), 1)


def test_compounds_keep_the_names_of_their_table(tmp_path):
    path = tmp_path / "named.csv"
    rows = [("CPD-1", "OCC", 9.0), ("CPD-2", "CCN", 8.0), ("CPD-3", "CCCl", 5.0), ("", "CCBr", 4.0)]
    table = pd.DataFrame(rows, columns=["Compound ID", "SMILES", "pIC50"])
    table.to_csv(path, index=False)
    found = read_support(path)
    assert found.names == {"CCO": "CPD-1", "CCN": "CPD-2", "CCCl": "CPD-3"}
    assert found.columns["name"] == "Compound ID"
