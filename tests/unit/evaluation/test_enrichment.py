"""Screens with known answers, the same draws of them for every model, and their comparison."""

import numpy as np
import pandas as pd
import pytest
import torch
from toy_assays import assay, world

from molmeta.assays.assay import distinct_compounds
from molmeta.assays.records import times_measured
from molmeta.assays.screens import read_screens, screens_of
from molmeta.assays.training_data import TrainingData
from molmeta.errors import ConfigError, EpisodeError, TableError
from molmeta.evaluation.contestants import Contestant
from molmeta.evaluation.enrichment import EnrichmentPlan, enrich, without_records
from molmeta.evaluation.enrichment_tables import compared, overlap, summary
from molmeta.evaluation.hidden_actives import METRICS, hidden_metrics
from molmeta.learners.base import MetaLearner
from molmeta.learners.profile_gp import ProfileGP
from molmeta.models.named import baseline
from molmeta.molecules.compounds import compound
from molmeta.molecules.store import update

PLAN = EnrichmentPlan(("series:8", "actives:3", "unrelated:2+4", "hop:6"), draws=2)
ACTIVES = ["c1ccccc1S(=O)(=O)N" + "C" * n for n in range(12)]
INACTIVES = ["O" + "C" * n for n in range(1, 31)]
LIBRARY = ["F" + "C" * n + "Cl" for n in range(1, 306)]


def rows(target, smiles, active, source="S"):
    return pd.DataFrame({"source": source, "target": target, "active": active, "smiles": smiles})


def read(tmp_path, *parts, **options):
    path = tmp_path / "screens.csv"
    pd.concat(parts).to_csv(path, index=False)
    return read_screens([path], **options)


@pytest.fixture
def frame(tmp_path):
    return read(tmp_path, rows("A", ACTIVES, 1), rows("zinc", INACTIVES, 0))


@pytest.fixture
def store(frame):
    hiding = pd.DataFrame({"smiles": LIBRARY, "inchikey": [compound(t).inchikey for t in LIBRARY]})
    return update(None, distinct_compounds(pd.concat([frame, hiding])), ("morgan",))


@pytest.fixture
def library(store):
    return np.sort(store.rows([compound(text).inchikey for text in LIBRARY]))


def contestants(*names):
    pairs = (name.partition("@") for name in names)
    return {a + at + b: Contestant(baseline(a).learner, b) for a, at, b in pairs}


@pytest.fixture
def judged(frame, store, library):
    found = contestants("similarity", "tanimoto_gp", "logistic_regression@presumed")
    screens = list(screens_of(frame, store))
    return enrich(found, screens, store.molecules, plan=PLAN, library=library)


def test_a_target_without_actives_lends_its_compounds(frame):
    assert frame.groupby("target")["active"].value_counts().to_dict() == {
        ("A", 1): len(ACTIVES),
        ("A", 0): len(INACTIVES),
    }


def test_decoys_are_lent_within_their_source_only(tmp_path):
    other = rows("B", [*ACTIVES[:3], *INACTIVES[:3]], [1] * 3 + [0] * 3, source="T")
    found = read(tmp_path, rows("A", ACTIVES, 1), rows("zinc", INACTIVES, 0), other)
    assert (found["target"] == "B").sum() == 6


def test_a_compound_that_is_listed_as_both_counts_once_as_active(tmp_path):
    found = read(tmp_path, rows("A", ["OCC", "CCO", "CCN"], [0, 1, 0]))
    assert sorted(found[["smiles", "active"]].to_records(index=False).tolist()) == [
        ("CCN", 0),
        ("CCO", 1),
    ]


def test_thinned_decoys_are_the_same_wherever_they_stand(tmp_path):
    parts = [rows(t, [*ACTIVES, *INACTIVES], [1] * 12 + [0] * 30) for t in ("A", "B")]
    found = read(tmp_path, *parts, decoys=7)
    kept = found[found["active"] == 0].groupby("target")["smiles"].apply(set)
    assert kept["A"] == kept["B"]
    assert len(kept["A"]) == 7


def test_what_does_not_parse_is_left_out(tmp_path):
    found = read(tmp_path, rows("A", ["CCO", "no molecule", "CCN"], [1, 1, 0]))
    assert len(found) == 2


def test_a_table_without_the_columns_is_refused(tmp_path):
    with pytest.raises(TableError, match="source, target, active, smiles"):
        read(tmp_path, pd.DataFrame({"smiles": ["CCO"]}))


def test_a_table_without_source_and_target_is_one_target_named_by_its_file(tmp_path):
    found = read(tmp_path, pd.DataFrame({"smiles": ["CCO", "CCN"], "active": [1, 0]}))
    assert set(zip(found["source"], found["target"], strict=True)) == {("screens", "screens")}
    assert found["active"].tolist() == [1, 0]


def test_a_table_with_a_target_and_no_source_is_refused(tmp_path):
    table = rows("A", ["CCO", "CCN"], [1, 0]).drop(columns="source")
    with pytest.raises(TableError, match="source, target, active, smiles"):
        read(tmp_path, table)


def test_a_table_without_actives_is_refused(tmp_path):
    with pytest.raises(TableError, match="no target has actives"):
        read(tmp_path, rows("A", INACTIVES, 0))


def test_the_assays_of_a_curated_table_are_targets_with_their_clusters(tmp_path):
    path = tmp_path / "mine.parquet"
    named = {
        "assay": ["A", "A", "B", "B"],
        "target": ["t", "t", "", ""],
        "cluster": ["c", "c", "", ""],
    }
    blank = dict.fromkeys(("inchikey", "value", "unit", "relation"), "")
    table = pd.DataFrame({**named, **blank, "smiles": ACTIVES[:4], "active": [0, 1, 0, 1]})
    table.to_parquet(path)
    found = read_screens([path])
    assert set(found["source"]) == {"mine"}
    assert found.groupby("target")["cluster"].first().to_dict() == {"A": "c", "B": "B"}


def test_there_is_a_row_for_each_model_support_and_draw(judged):
    kinds = judged.groupby("model")[["support", "draw"]].apply(
        lambda group: set(map(tuple, group.to_numpy().tolist()))
    )
    asked = {(kind, draw) for kind in PLAN.supports if kind != "hop:6" for draw in range(2)}
    assert asked == kinds["similarity"] == kinds["tanimoto_gp"]


def test_a_kind_of_support_that_a_target_cannot_give_has_no_row(judged):
    assert "hop:6" not in set(judged["support"])


def test_one_active_is_hidden_in_a_hundred_compounds_of_a_library(judged):
    assert set(judged["n_hidden"]) == {3}


def test_presumed_inactives_are_not_scored(judged):
    n = judged.groupby("support")["n_library"].first()
    assert n["series:8"] == n["unrelated:2+4"] + 4


def test_actives_unlike_the_library_are_found_first(judged):
    assert judged["top1"].min() == 1
    assert judged["first_rank"].max() == 1


def test_without_a_library_actives_are_hidden_among_the_inactives_of_the_target(frame, store):
    screens, plan = list(screens_of(frame, store)), EnrichmentPlan(("series:8",), draws=1)
    (row,) = enrich(contestants("similarity"), screens, store.molecules, plan=plan).to_dict(
        "records"
    )
    assert row["n_library"] + row["n_hidden"] == len(ACTIVES) + len(INACTIVES) - 8
    assert np.isnan(row["auroc_measured"])
    assert row["top"] == ""


def test_the_best_library_compounds_are_rows_of_the_library(judged, library):
    assert {int(row) for text in judged["top"] for row in text.split()} <= set(library.tolist())


def test_the_same_seed_gives_the_same_rows(frame, store, library, judged):
    screens = list(screens_of(frame, store))
    again = enrich(contestants("similarity"), screens, store.molecules, plan=PLAN, library=library)
    first = judged[judged["model"] == "similarity"].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, first)


def test_a_target_that_was_judged_before_is_not_judged_again(frame, store, judged):
    screens = list(screens_of(frame, store))
    found = enrich({}, screens, store.molecules, plan=PLAN, keep=lambda *_: judged)
    pd.testing.assert_frame_equal(found, judged)


def test_supports_that_no_target_can_give_are_refused(frame, store):
    plan = EnrichmentPlan(("series:500",))
    with pytest.raises(EpisodeError, match="series:500"):
        enrich(
            contestants("similarity"), list(screens_of(frame, store)), store.molecules, plan=plan
        )


@pytest.mark.parametrize("text", ["serie:24", "series", "series:0", "series:8+8", "unrelated:5"])
def test_a_support_that_is_not_understood_is_refused(text):
    with pytest.raises(ConfigError, match="enrichment"):
        EnrichmentPlan((text,))


def test_a_plan_without_draws_is_refused():
    with pytest.raises(ConfigError, match="--draws"):
        EnrichmentPlan(draws=0)


def test_an_unknown_variant_is_refused():
    with pytest.raises(ConfigError, match="presumed"):
        contestants("similarity@presume")


class Told(MetaLearner):
    """Remembers the labels of the supports that it sees."""

    actives_only = True
    needs = ("morgan",)

    def __init__(self):
        super().__init__()
        self.labels = []

    def adapt(self, support):
        self.labels.append(support.labels.tolist())
        return lambda molecules: torch.zeros(len(molecules))


def told(variant, frame, store, library):
    learner, plan = Told(), EnrichmentPlan(("series:8",), draws=1)
    one = {"": Contestant(learner, variant)}
    enrich(one, list(screens_of(frame, store)), store.molecules, plan=plan, library=library)
    return learner.labels[0]


def test_a_variant_is_told_its_part_of_a_support(frame, store, library):
    whole = told("", frame, store, library)
    assert told("actives", frame, store, library) == [y for y in whole if y == 1]
    assert told("presumed", frame, store, library) == whole + [0.0] * 100


@torch.no_grad()
def test_without_records_copies_a_learner_and_clears_the_records_of_the_copy():
    learner = ProfileGP()
    learner.fit(TrainingData(world(), [assay(0)]))
    assert times_measured(without_records(learner), world()).sum() == 0
    assert times_measured(learner, world()).min() == 1


def scored(model, target, value, cluster="", top=""):
    place = {"source": "S", "target": target, "cluster": cluster or target, "draw": 0}
    found = {**dict.fromkeys(METRICS, value), "first_rank": -value}
    return {"model": model, **place, "support": "series:8", **found, "top": top}


LEVELS = pd.DataFrame(
    [
        scored(model, target, value + extra)
        for target, extra in (("A", 0.0), ("B", 1.0))
        for model, value in (("mine", 3.0), ("good", 2.0), ("bad", 1.0))
    ]
)


@pytest.mark.parametrize(("metric", "sign"), [("top1", 1), ("first_rank", -1)])
def test_a_model_is_compared_with_the_best_of_the_others(metric, sign):
    found = compared(LEVELS, "mine").set_index("metric").loc[metric]
    assert found["baseline"] == "good"
    assert (found["difference"], found["low"], found["high"]) == (sign, sign, sign)


def test_means_are_over_targets():
    found = summary(LEVELS).set_index("model")
    assert found["top1"].to_dict() == {"mine": 3.5, "good": 2.5, "bad": 1.5}
    assert set(found["n_targets"]) == {2}


def test_overlap_counts_one_target_of_a_cluster():
    tops = [("A", "a", "1 2"), ("B", "a", "1 2"), ("C", "b", "2 3"), ("D", "c", "4 5")]
    rows = pd.DataFrame([scored("mine", t, 1.0, cluster, top) for t, cluster, top in tops])
    (row,) = overlap(rows).to_dict("records")
    assert row["n_targets"] == 3
    assert row["overlap"] == pytest.approx(1 / 6)
    assert row["hub"] == pytest.approx(2 / 3)


def ranked(actives, library=range(100), inactives=(), new=None):
    flags = np.ones(len(actives), bool) if new is None else np.array(new)
    return hidden_metrics(*(np.array(some, float) for some in (actives, library, inactives)), flags)


def test_equal_scores_have_no_order():
    found = ranked([99.0, 99.0], library=[*range(99), 99.0, 99.0])
    assert found["first_rank"] == pytest.approx(1 + 2 / 3)
    assert found["top1"] == 0.5


def test_new_actives_and_measured_inactives_are_judged_apart():
    found = ranked([200.0, 1.0], inactives=[2.0, 300.0], new=[False, True])
    assert (found["top1"], found["top1_new"]) == (0.5, 0.0)
    assert found["auroc_measured"] == 0.25
    assert np.isnan(ranked([1.0])["auroc_measured"])


@pytest.mark.parametrize("label", [0.9, 7, -1, ""])
def test_a_label_other_than_0_and_1_is_refused_and_quoted(tmp_path, label):
    wrong = rows("A", ["CCCCO"], label)
    with pytest.raises(TableError, match=rf"got 'active '{label}'', .* active being 0 or 1"):
        read(tmp_path, rows("A", ["CCO"], 1), rows("A", ["CCN"], 0), wrong)
