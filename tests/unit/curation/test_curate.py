"""Rows become labelled compounds by stated rules, and every row left out says why."""

import numpy as np
import pandas as pd
import pytest

from molmeta.curation.curate import ASSAYS, DROPPED, KEPT, Rules, curate
from molmeta.curation.measurements import REASONS
from molmeta.errors import ConfigError
from molmeta.molecules.compounds import compound

CHAINS = ["C" * length + "O" for length in range(1, 11)]
FEW = Rules(min_compounds=2, min_class=1)


def table(cells, *, assay="a"):
    """Rows from (smiles, value, unit, relation); value as text, as a CSV gives it."""
    columns = ["smiles", "value", "unit", "relation"]
    frame = pd.DataFrame(cells, columns=columns, dtype="str").assign(assay=assay)
    return frame.assign(row=range(2, len(cells) + 2), target="", cluster="")


def labels(cells, *, assay="a"):
    frame = pd.DataFrame(cells, columns=["smiles", "active"], dtype="str").assign(assay=assay)
    blank = dict.fromkeys(("unit", "relation", "target", "cluster"), "")
    return frame.assign(row=range(2, len(cells) + 2), **blank)


def spread(unit="nM"):
    """Ten alcohols from pX 4 to 8.5, so that the threshold is their median, pX 6.25."""
    return [(s, f"{10 ** (5 - i / 2):.6g}", unit, "") for i, s in enumerate(CHAINS)]


def reason(cell, *, rules=FEW):
    """Why one more row is dropped from ten good ones, "" where it is kept."""
    dropped = curate(table([*spread(), cell]), rules=rules).dropped
    return next(iter(dropped["reason"]), "")


def of(curated, smiles):
    found = curated.kept[curated.kept["inchikey"] == compound(smiles).inchikey]
    return found.iloc[0] if len(found) else None


def test_a_kept_table_has_the_stated_columns_and_types():
    kept = curate(table(spread())).kept
    assert tuple(kept) == KEPT
    assert [str(kept[name].dtype) for name in ("active", "value")] == ["int8", "float32"]


def test_side_tables_have_the_stated_columns():
    curated = curate(table(spread()))
    assert (tuple(curated.dropped), tuple(curated.assays)) == (DROPPED, ASSAYS)


def test_kept_rows_are_in_the_order_of_assay_and_inchikey():
    both = pd.concat([table(spread(), assay="b"), table(spread(), assay="a")])
    kept = curate(both.reset_index(drop=True)).kept
    assert kept[["assay", "inchikey"]].equals(
        kept[["assay", "inchikey"]].sort_values(["assay", "inchikey"]).reset_index(drop=True)
    )


def test_the_order_of_the_rows_does_not_matter():
    rows = table([*spread(), ("CCCCN", "5", "uM", ""), ("NCCCC", "8", "uM", "")])
    backwards = rows.iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(curate(rows).kept, curate(backwards).kept)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (("Q", "1", "nM", ""), "invalid_smiles"),
        (("C" * 10**6, "1", "nM", ""), "invalid_smiles"),
        (("", "1", "nM", ""), "missing_smiles"),
        (("NaN", "1", "nM", ""), "missing_smiles"),
        (("CN", "", "nM", ""), "missing_value"),
        (("CN", "nan", "nM", ""), "missing_value"),
        (("CN", "ten", "nM", ""), "bad_value"),
        (("CN", "1,5", "nM", ""), "bad_value"),
        (("CN", "inf", "nM", ""), "not_finite"),
        (("CN", "-inf", "nM", ""), "not_finite"),
        (("CN", "0", "nM", ""), "not_positive"),
        (("CN", "-3", "uM", ""), "not_positive"),
        (("CN", "3", "", ""), "missing_unit"),
        (("CN", "3", "ug/ml", ""), "unknown_unit"),
        (("CN", "3", "nM", "?"), "unknown_relation"),
        (("CN", "1e30", "nM", ""), "implausible_value"),
        (("CN", "-6.5", "pIC50", ""), "implausible_value"),
        (("CN", "60", "%", ""), "minority_unit"),
        (("CN", "800", "%", ""), "implausible_value"),
        (("CN", "1000", "nM", ">"), ""),
        (("CN", "100", "nM", ">"), "undecidable"),
        (("CN", "10", "nM", "<"), ""),
        (("CN", "1000", "nM", "<"), "undecidable"),
        (("CN", ">10000", "nM", ""), ""),
        (("CN", "6.2", "pKi", "<"), ""),
        (("CN", "6.4", "pKi", "<"), "undecidable"),
        (("N[C@@H](CCCCN)C(=O)" * 33 + "O", "1", "nM", ""), ""),
        (("N[Pt](N)(Cl)Cl", "1", "nM", ""), ""),
        (("[Na+].[Cl-]", "1", "nM", ""), "invalid_smiles"),
    ],
)
def test_a_row_is_kept_or_says_why_not(cell, expected):
    rules = Rules(min_compounds=2, min_class=1, thresholds={"a": 6.25})
    assert reason(cell, rules=rules) == expected


def test_every_reason_is_explained():
    cells = [("Q", "1", "nM", ""), ("CN", "0", "nM", "")]
    assert set(curate(table(cells)).dropped["reason"]) <= set(REASONS)


def test_a_dropped_row_shows_what_stood_there():
    row = curate(table([*spread(), ("CN", "0", "uM", "<")])).dropped.iloc[0]
    assert list(row) == ["a", 12, "CN", "not_positive", "< 0 uM"]


def test_far_above_a_concentration_is_inactive():
    rules = Rules(thresholds={"a": 6.0})
    row = of(curate(table([*spread(), ("CN", ">10000", "nM", "")]), rules=rules), "CN")
    assert (row["active"], row["value"], row["relation"]) == (0, 5.0, "<")


def test_far_below_a_concentration_is_active():
    rules = Rules(thresholds={"a": 6.0})
    row = of(curate(table([*spread(), ("CN", "10", "nM", "<")]), rules=rules), "CN")
    assert (row["active"], row["value"], row["relation"]) == (1, 8.0, ">")


def test_a_bound_at_the_threshold_decides():
    rules = Rules(thresholds={"a": 6.0})
    cells = [*spread(), ("CN", "1000", "nM", ">"), ("CCN", "1000", "nM", "<")]
    curated = curate(table(cells), rules=rules)
    assert [of(curated, "CN")["active"], of(curated, "CCN")["active"]] == [0, 1]


def test_the_median_is_the_threshold_inside_the_window():
    assert curate(table(spread())).assays["threshold"][0] == pytest.approx(6.25)


def test_a_value_at_the_threshold_is_inactive():
    curated = curate(table(spread()), rules=Rules(thresholds={"a": 7.0}))
    assert of(curated, CHAINS[6])["active"] == 0


@pytest.mark.parametrize(
    ("shift", "target_class", "expected"),
    [
        (1.5, "enzyme", 5.0), (0.5, "enzyme", 6.75), (-1.5, "enzyme", 5.0),
        (0.5, "other", 5.0), (-0.5, "other", 5.75), (-2.0, "other", 4.25), (-2.5, "other", 5.0),
    ],
)  # fmt: skip
def test_outside_the_window_of_its_class_the_threshold_is_5(shift, target_class, expected):
    cells = [(s, f"{4 + i / 2 + shift}", "pIC50", "") for i, s in enumerate(CHAINS)]
    rules = Rules(target_class=target_class, min_compounds=2, min_class=1)
    assert curate(table(cells), rules=rules).assays["threshold"][0] == pytest.approx(expected)


@pytest.mark.parametrize(("base", "expected"), [(0, 50.0), (60, 64.5)])
def test_percent_inhibition_is_split_at_its_median_but_at_least_50(base, expected):
    cells = [(s, f"{base + i}", "%", "") for i, s in enumerate(CHAINS)]
    assert curate(table(cells), rules=FEW).assays["threshold"][0] == expected


def test_mixed_concentrations_are_one_scale():
    cells = spread()[:5] + [(s, f"{4 + i / 2}", "pKi", "") for i, s in enumerate(CHAINS)][5:]
    expected = curate(table(spread())).kept
    pd.testing.assert_frame_equal(curate(table(cells)).kept, expected, rtol=1e-5)


def test_percent_wins_where_it_is_the_majority():
    cells = [(s, f"{30 + 5 * i}", "%", "") for i, s in enumerate(CHAINS)]
    curated = curate(table([*cells, ("CN", "5", "nM", "")]))
    assert (curated.assays["unit"][0], list(curated.dropped["smiles"])) == ("%", ["CN"])


def test_repeats_give_their_median():
    cells = [
        *spread(),
        ("CCN", "6.0", "pKi", ""),
        ("NCC", "6.2", "pKi", ""),
        ("C(C)N", "6.9", "pKi", ""),
    ]
    assert of(curate(table(cells)), "CCN")["value"] == pytest.approx(6.2)


def test_repeats_more_than_one_log_apart_are_all_dropped():
    cells = [*spread(), ("CCN", "6.0", "pKi", ""), ("NCC", "7.1", "pKi", "")]
    dropped = curate(table(cells)).dropped
    assert list(dropped["reason"]) == ["repeats_disagree"] * 2
    assert list(dropped["detail"]) == ["6 to 7.1"] * 2


def test_repeats_one_log_apart_are_merged():
    cells = [*spread(), ("CCN", "6.0", "pKi", ""), ("NCC", "7.0", "pKi", "")]
    assert of(curate(table(cells)), "CCN")["value"] == 6.5


def test_a_bound_that_agrees_leaves_the_exact_value():
    cells = [*spread(), ("CCN", "4.2", "pKi", ""), ("NCC", "5.0", "pKi", "<")]
    row = of(curate(table(cells)), "CCN")
    assert (row["value"], row["relation"]) == (pytest.approx(4.2), "=")


@pytest.mark.parametrize(("bound", "relation"), [("4.9", "<"), ("7.1", ">")])
def test_a_bound_that_contradicts_the_exact_value_drops_both(bound, relation):
    cells = [*spread(), ("CCN", "6.0", "pKi", ""), ("NCC", bound, "pKi", relation)]
    assert set(curate(table(cells)).dropped["reason"]) == {"repeats_disagree"}


def test_of_two_bounds_the_tighter_holds():
    cells = [*spread(), ("CCN", "5.0", "pKi", "<"), ("NCC", "4.0", "pKi", "<")]
    assert of(curate(table(cells)), "CCN")["value"] == 4.0


def test_bounds_both_ways_are_dropped():
    cells = [*spread(), ("CCN", "5.0", "pKi", "<"), ("NCC", "4.0", "pKi", ">")]
    assert set(curate(table(cells)).dropped["reason"]) == {"mixed_qualifiers"}


def test_a_salt_and_its_base_are_repeats():
    cells = [*spread(), ("CCN", "6.0", "pKi", ""), ("CC[NH3+].[Cl-]", "6.4", "pKi", "")]
    assert curate(table(cells)).assays["n_merged"][0] == 1


def test_labels_are_used_as_they_are():
    curated = curate(labels([(s, str(i % 2)) for i, s in enumerate(CHAINS)]))
    assert [of(curated, s)["active"] for s in CHAINS] == [0, 1] * 5


def test_labels_that_contradict_drop_the_compound():
    cells = [(s, str(i % 2)) for i, s in enumerate(CHAINS)] + [("OC", "1")]
    assert list(curate(labels(cells)).dropped["reason"]) == ["contradictory_labels"] * 2


@pytest.mark.parametrize(
    ("label", "expected"), [("", "missing_label"), ("2", "bad_label"), ("yes", "bad_label")]
)
def test_what_is_no_label_is_dropped(label, expected):
    cells = [(s, str(i % 2)) for i, s in enumerate(CHAINS)] + [("CN", label)]
    assert list(curate(labels(cells)).dropped["reason"]) == [expected]


def test_a_value_beside_a_label_is_kept():
    rows = table(spread()).assign(active=["0"] * 5 + ["1"] * 5)
    assert of(curate(rows), CHAINS[0])["value"] == 4.0


def test_a_useless_value_does_not_cost_a_labelled_row():
    rows = table([*spread()[:9], (CHAINS[9], "-1", "nM", "")]).assign(active=["0"] * 5 + ["1"] * 5)
    row = of(curate(rows), CHAINS[9])
    assert (row["active"], pd.isna(row["value"]), row["unit"]) == (1, True, "")


def test_percentages_that_are_given_as_nanomolar_are_percentages_again():
    given = [(smiles, str(10 * place + 1), "nM", "<") for place, smiles in enumerate(CHAINS)]
    kept = curate(table(given).assign(active=["0"] * 5 + ["1"] * 5)).kept.sort_values("value")
    np.testing.assert_allclose(kept["value"], [10 * place + 1 for place in range(10)], rtol=1e-6)
    assert set(kept["unit"]) == {"%"}
    assert set(kept["relation"]) == {"<"}


def test_values_that_run_against_the_labels_and_are_no_percentages_are_left_out():
    rows = table(spread()).assign(active=["1"] * 5 + ["0"] * 5)
    kept = curate(rows).kept
    assert kept.loc[kept["unit"].eq(""), "value"].isna().all()
    assert kept.loc[kept["unit"].eq("%"), "value"].le(500).all()
    assert kept["unit"].eq("").any()
    assert len(kept) == 10


def test_five_compounds_are_reported_and_left_out():
    curated = curate(table(spread()[:5]))
    assert curated.assays["status"][0] == "too small: 5 compounds, expected at least 8"
    assert set(curated.dropped["reason"]) == {"assay_left_out"}
    assert len(curated.kept) == 0


def test_one_class_is_reported_and_left_out():
    curated = curate(labels([(s, "1") for s in CHAINS]))
    status = "one-sided: 10 active of 10, expected at least 2 of each class"
    assert curated.assays["status"][0] == status


def test_a_table_without_one_good_row_is_reported():
    curated = curate(table([("Q", "1", "nM", ""), ("CN", "0", "nM", "")]))
    assert list(curated.assays["n_dropped"]) == [2]
    assert tuple(curated.kept) == KEPT


def test_a_small_assay_does_not_cost_its_neighbour():
    rows = pd.concat([table(spread(), assay="a"), table(spread()[:3], assay="b")])
    assert set(curate(rows.reset_index(drop=True)).kept["assay"]) == {"a"}


def test_the_cluster_is_the_assay_unless_it_is_given():
    rows = pd.concat([table(spread(), assay="a"), table(spread(), assay="b").assign(cluster="c")])
    assays = curate(rows.reset_index(drop=True)).assays
    assert list(assays["cluster"]) == ["a", "c"]


def test_impossible_rules_are_refused():
    with pytest.raises(ConfigError, match="min_compounds"):
        Rules(min_compounds=1)


def test_an_unknown_target_class_is_refused():
    with pytest.raises(ConfigError, match=r"'target_class'.*'gpcr'"):
        Rules(target_class="gpcr")


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_class": "two"}, {"spread": float("nan")}, {"spread": -1.0}, {"tautomer": 1},
        {"thresholds": {"a": float("inf")}}, {"min_compound": 8},
    ],
    ids=str,
)  # fmt: skip
def test_a_rule_of_the_wrong_type_or_range_is_refused_by_name(wrong):
    with pytest.raises(ConfigError, match=f"curation: .*{next(iter(wrong))}"):
        Rules(**wrong)
