"""Held-out predictions: folds, deadlines, failures, and the hits among the best."""

import time

import numpy as np
import pytest
import torch
from toy_assays import built, episode

from molmeta.automl.held_out import HeldOut, folds, hits_in_ten
from molmeta.errors import EpisodeError
from molmeta.runtime.seeds import generator


def labels(n_active, n):
    return np.arange(n) < n_active


@pytest.mark.parametrize(("n_active", "n", "expected"), [(8, 16, 5), (3, 16, 3), (2, 4, 2)])
def test_every_fold_leaves_both_classes_outside(n_active, n, expected):
    active = labels(n_active, n).astype(np.float32)
    fold_of = folds(active, generator(0, "test"))
    assert set(fold_of) == set(range(expected))
    for fold in range(expected):
        assert 0 < active[fold_of != fold].sum() < (fold_of != fold).sum()
        assert (fold_of == fold).sum() >= 1


def test_folds_differ_by_one_compound_at_most():
    sizes = np.bincount(folds(labels(7, 18).astype(np.float32), generator(0, "test")))
    assert sizes.max() - sizes.min() <= 1


def test_a_class_of_one_cannot_be_held_out():
    assert set(folds(labels(1, 16).astype(np.float32), generator(0, "test"))) == {0}


def test_a_support_too_small_to_validate_on_has_no_held_out_score():
    support, _ = episode(n_support=2)
    judged = HeldOut(support)
    judged.judge({"similarity": built("similarity")})
    assert judged.outputs == {}
    assert judged.failures == {}


def test_outputs_are_those_of_a_learner_that_has_not_seen_the_compound():
    support, _ = episode()
    judged, learner = HeldOut(support), built("tanimoto_gp")
    judged.judge({"one": learner})
    fold_of = folds(support.labels.numpy(), generator(0, "folds", 0))
    inside = torch.tensor(np.flatnonzero(fold_of != 0))
    others = type(support)(support.molecules.select(inside), support.labels[inside])
    outside = torch.tensor(np.flatnonzero(fold_of == 0))
    with torch.no_grad():
        expected = learner.adapt(others)(support.molecules.select(outside))
    np.testing.assert_allclose(judged.outputs["one"][0][outside], expected.numpy(), rtol=1e-4)


def test_repeats_are_rows_and_have_other_folds():
    support, _ = episode()
    judged = HeldOut(support)
    for repeat in range(2):
        judged.judge({"one": built("tanimoto_gp")}, repeat=repeat)
    assert judged.outputs["one"].shape == (2, 16)
    assert not np.allclose(*judged.outputs["one"])


def test_a_learner_that_fails_is_recorded_and_the_others_are_judged():
    support, _ = episode()

    def fails(_):
        raise EpisodeError("support: too strange")

    broken = built("similarity")
    broken.adapt = fails
    judged = HeldOut(support)
    judged.judge({"broken": broken, "one": built("tanimoto_gp")})
    assert judged.failures == {"broken": "support: too strange"}
    assert list(judged.outputs) == ["one"]


def test_nothing_is_judged_after_the_deadline():
    support, _ = episode()
    judged = HeldOut(support)
    judged.judge({"one": built("tanimoto_gp")}, deadline=time.monotonic() - 1)
    assert judged.outputs == {}


def test_hits_are_those_of_the_best_tenth():
    active = np.array([1, 0, 1] + [0] * 17, np.float32)
    assert hits_in_ten(active, -np.arange(20.0)) == 5.0


def test_tied_compounds_share_the_places():
    active = np.array([1.0] * 5 + [0.0] * 15)
    assert hits_in_ten(active, np.zeros(20)) == pytest.approx(2.5)
