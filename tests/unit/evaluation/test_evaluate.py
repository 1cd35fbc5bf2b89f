"""The one loop that judges all learners: its rows, its draws, and what it must leave alone."""

import numpy as np
import pandas as pd
import pytest
import torch
from toy_store import PLAN, assays, smiles, store

from molmeta.assays.episodes import Draw, draw_episode
from molmeta.errors import ConfigError
from molmeta.evaluation import evaluate as evaluation
from molmeta.evaluation import metrics
from molmeta.evaluation.evaluate import EvaluationPlan, evaluate
from molmeta.learners.base import MetaLearner
from molmeta.learners.similarity import Similarity
from molmeta.learners.tanimoto_gp import TanimotoGP
from molmeta.molecules.blocks import Vectors
from molmeta.molecules.compounds import parse
from molmeta.molecules.scaffolds import scaffold_of
from molmeta.runtime.seeds import generator


class Recorder(MetaLearner):
    """Keeps the store rows it is shown, and says the same of every molecule."""

    needs = ("place",)

    def __init__(self):
        super().__init__()
        self.prepared, self.episodes, self.modes = [], [], []

    def prepare(self, molecules):
        self.prepared.append(places(molecules))
        return molecules

    def adapt(self, support):
        self.modes.append((self.training, torch.is_grad_enabled()))
        self.episodes.append([places(support.molecules)])
        return self.answer

    def answer(self, molecules):
        self.episodes[-1].append(places(molecules))
        return torch.zeros(len(molecules))


class Broken(Recorder):
    """Answers with NaN."""

    def answer(self, molecules):
        return torch.full((len(molecules),), torch.nan)


def places(molecules):
    return molecules.block("place", Vectors).values[:, 0].int().tolist()


def judged(learner=None, found=None, plan=PLAN, **named):
    named = {"model": "m", "seed": 7, **named}
    found = assays() if found is None else found
    return evaluate(
        Similarity() if learner is None else learner, found, store(), plan=plan, **named
    )


def test_rows_follow_assay_support_and_repeat():
    keys = judged()[["assay", "support", "repeat"]].to_numpy().tolist()
    assert keys == [[name, s, r] for name in "ab" for s in (8, 16) for r in (0, 1)]


def test_columns_are_those_of_the_format():
    assert tuple(judged().columns) == evaluation.columns()


def test_rows_hold_the_share_of_query_compounds_in_the_training_data(monkeypatch):
    monkeypatch.setattr(
        evaluation, "times_measured", lambda _, molecules: torch.tensor(places(molecules)) % 2
    )
    learner = Recorder()
    rows = judged(learner)
    shares = [np.mean([place % 2 for place in query]) for _, query in learner.episodes]
    np.testing.assert_allclose(rows["known"], shares)


def test_a_learner_without_a_record_has_met_nothing():
    assert judged()["known"].eq(0).all()


def test_counts_are_integers_and_metrics_are_floats():
    kinds = judged().dtypes
    assert (kinds["n_query"], kinds["auroc"]) == (np.int64, np.float64)


def test_rows_name_model_seed_target_and_cluster():
    row = judged().iloc[0]
    assert tuple(row[["model", "seed", "target", "cluster"]]) == ("m", 7, "target", "panel")


def test_sizes_are_those_of_the_draw():
    row = judged().query("assay == 'a' and support == 16").iloc[0]
    sizes = row[["n_support", "n_support_active", "n_query", "n_query_active"]]
    assert list(sizes) == [16, 6, 44, 18]


def test_numbers_equal_those_of_a_draw_done_by_hand():
    second = assays()[1]
    episode = draw_episode(second, Draw(16), generator(3, "evaluate", "b", 16, 1))
    support, query = episode.at(second.rows).labelled(store())
    logits = TanimotoGP().adapt(support)(query.molecules)
    expected = metrics.class_metrics(query.labels.numpy(), logits.numpy())
    row = judged(TanimotoGP()).query("assay == 'b' and support == 16 and repeat == 1").iloc[0]
    assert dict(row[list(metrics.names("ranking", "probability"))]) == pytest.approx(expected)


def test_models_are_judged_on_the_same_episodes():
    assert list(judged()["episode"]) == list(judged(TanimotoGP())["episode"])


def test_an_assay_keeps_its_episodes_when_others_are_added():
    both = judged().query("assay == 'b'")["episode"]
    assert list(judged(found=assays()[1:])["episode"]) == list(both)


def test_repeats_are_different_episodes():
    assert judged()["episode"].nunique() == 8


def test_another_plan_seed_draws_other_episodes():
    other = judged(plan=EvaluationPlan(supports=(8, 16), repeats=2, seed=4))
    assert not set(other["episode"]) & set(judged()["episode"])


def test_what_cannot_be_drawn_is_a_row_with_the_reason():
    rows = judged(plan=EvaluationPlan(supports=(8, 60), repeats=1, seed=0)).query(
        "support == 60 and assay == 'a'"
    )
    assert "too few active compounds for a support of 60" in rows["reason"].item()


def test_what_cannot_be_drawn_has_no_numbers():
    row = judged(plan=EvaluationPlan(supports=(60,), repeats=1, seed=0)).iloc[0]
    assert row[[*metrics.names(), "adapt_seconds", "predict_seconds"]].isna().all()


def test_what_cannot_be_drawn_counts_nothing():
    row = judged(plan=EvaluationPlan(supports=(60,), repeats=1, seed=0)).iloc[0]
    counts = row[["n_support", "n_support_active", "n_query", "n_query_active", "episode"]]
    assert list(counts) == [0, 0, 0, 0, ""]


def test_a_drawn_row_has_no_reason():
    assert list(judged()["reason"].unique()) == [""]


def test_a_learner_that_answers_nan_is_a_row_with_the_reason():
    row = judged(Broken()).iloc[0]
    assert "not finite" in row["reason"]


def test_a_learner_that_answers_nan_still_says_what_was_drawn():
    row = judged(Broken()).iloc[0]
    assert (row["n_support"], row["episode"] != "") == (8, True)


def test_support_and_query_together_are_the_assay():
    learner = Recorder()
    judged(learner, assays()[:1])
    assert all(sorted(s + q) == list(range(10, 70)) for s, q in learner.episodes)


def test_molecules_are_prepared_once_an_assay():
    learner = Recorder()
    judged(learner)
    assert learner.prepared == [list(range(10, 70)), list(range(150, 90, -1))]


def test_a_query_is_no_larger_than_asked_for():
    rows = judged(plan=EvaluationPlan(supports=(8,), repeats=1, seed=0, n_query=10))
    assert list(rows["n_query"]) == [10, 10]


def test_a_balanced_support_has_as_many_actives_as_inactives():
    rows = judged(plan=EvaluationPlan(supports=(8,), repeats=1, seed=0, share=0.5))
    assert list(rows["n_support_active"]) == [4, 4]


def test_a_scaffold_query_holds_no_scaffold_of_the_support():
    learner = Recorder()
    judged(learner, plan=EvaluationPlan(supports=(8,), repeats=3, seed=0, scaffold=True))
    seen = [
        [{scaffold_of(parse(smiles(row))) for row in part} for part in e] for e in learner.episodes
    ]
    assert len(seen) == 6
    assert not any(support & query for support, query in seen)


def test_learners_are_judged_without_gradients_in_evaluation_mode():
    learner = Recorder().train()
    judged(learner)
    assert set(learner.modes) == {(False, False)}


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_the_learner_comes_back(training):
    learner = Recorder().train(training)
    judged(learner)
    assert learner.training == training


def test_seconds_are_measured():
    seconds = judged()[["adapt_seconds", "predict_seconds"]]
    assert ((seconds > 0) & (seconds < 10)).all(axis=None)


def test_an_assay_that_was_judged_before_is_not_judged_again():
    parts = {}

    def keep(number, make):
        if number not in parts:
            parts[number] = make()
        return parts[number]

    first, again = (judged(learner, keep=keep) for learner in (Similarity(), TanimotoGP()))
    pd.testing.assert_frame_equal(again, first)


def test_no_assays_give_an_empty_table_of_the_same_types():
    pd.testing.assert_series_equal(judged(found=[]).dtypes, judged().dtypes)


def test_molecules_without_the_block_a_learner_reads_are_refused():
    bare = store().only(("place",))
    with pytest.raises(ConfigError, match="Bits block 'morgan'"):
        evaluate(Similarity(), assays(), bare, plan=PLAN, model="m", seed=0)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"supports": ()}, "supports"),
        ({"supports": (16, 1)}, "supports"),
        ({"repeats": 0}, "repeats"),
        ({"share": 0.0}, "share"),
        ({"share": 1.0}, "share"),
        ({"n_query": 1}, "n_query"),
    ],
)
def test_a_plan_that_draws_nothing_is_refused(options, name):
    with pytest.raises(ConfigError, match=rf"evaluation: '?{name}\b"):
        EvaluationPlan(**{"supports": (16,), "repeats": 1, "seed": 0, **options})
