"""Leave-pair-out on supports whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from molmeta.models.named import baseline
from molmeta.models.pretrained import load_pretrained
from molmeta.models.recipes import Recipe
from molmeta.screening.outlook import WORTH, Outlook, outlook, pairs_for, unsuited_for_libraries

ALCOHOLS = ["C" * n + "O" for n in range(2, 10)]
PHENYLS = ["C" * n + "c1ccccc1" for n in range(2, 10)]
BOTH = ALCOHOLS + PHENYLS


def test_a_support_of_two_families_is_put_in_order():
    found = outlook(baseline("tanimoto_gp"), BOTH, [1] * 8 + [0] * 8)
    assert found.auroc == 1.0
    assert found.similarity == 1.0
    assert found.warning == ""


def test_labels_that_mean_nothing_are_warned_of():
    found = outlook(baseline("tanimoto_gp"), BOTH, [0, 1] * 8)
    assert found.auroc < WORTH
    assert f"only {100 * found.auroc:.0f} % of these pairs" in found.warning
    assert "This does not test the search for relatives of the actives" in found.warning


@pytest.mark.parametrize("active", [[1] + [0] * 15, [1] * 15 + [0], [1] * 16])
def test_fewer_than_two_of_a_class_cannot_be_judged(active):
    found = outlook(baseline("similarity"), BOTH, active)
    assert np.isnan(found.auroc)
    assert found.warning


def test_it_is_the_mean_over_all_pairs():
    active = [1, 0, 1, 0, 1, 0, 0, 1]
    model = baseline("tanimoto_gp")
    found = []
    for i in np.flatnonzero(active):
        for j in np.flatnonzero(np.array(active) == 0):
            rest = [place for place in range(8) if place not in (i, j)]
            predictor = model.adapt([ALCOHOLS[p] for p in rest], [active[p] for p in rest])
            up, down = predictor.predict([ALCOHOLS[i], ALCOHOLS[j]])
            found.append(float(up > down) + 0.5 * float(up == down))
    assert outlook(model, ALCOHOLS, active).auroc == pytest.approx(np.mean(found))


def test_the_error_is_that_of_the_smaller_class():
    found = outlook(baseline("tanimoto_gp"), BOTH, [0, 1, 1, 1] * 4)
    assert found.error == pytest.approx((found.auroc * (1 - found.auroc) / 4) ** 0.5)


def test_the_same_seed_gives_the_same_pairs():
    judged = [outlook(baseline("similarity"), BOTH, [0, 1] * 8, pairs=9, seed=3) for _ in range(2)]
    assert judged[0] == judged[1]


@pytest.mark.parametrize(("n", "pairs"), [(2, 200), (100, 200), (500, 40), (100_000, 20)])
def test_the_number_of_pairs_depends_on_the_size_of_the_support(n, pairs):
    assert pairs_for(baseline("tanimoto_gp"), n) == pairs


def test_a_slow_learner_is_judged_on_few_pairs():
    assert pairs_for(baseline("random_forest"), 24) == 20


def test_without_a_number_of_pairs_the_support_decides():
    model, active = baseline("similarity"), [0, 1] * 8
    assert outlook(model, BOTH, active) == outlook(model, BOTH, active, pairs=200)


def test_a_good_outlook_says_nothing():
    assert Outlook(0.9, 0.95, 0.1).warning == ""


@pytest.mark.parametrize("name", ["similarity", "tanimoto_gp"])
def test_baselines_for_libraries_are_not_warned_of(name):
    assert unsuited_for_libraries(baseline(name)) == ""


def test_the_pretrained_model_is_made_for_libraries():
    assert unsuited_for_libraries(load_pretrained()) == ""


def test_a_learner_without_a_predictor_for_libraries_is_warned_of():
    found = unsuited_for_libraries(baseline("random_forest"))
    assert "'random_forest' orders analogues" in found
    assert "Use the model 'pretrained'" in found


def test_a_model_that_was_trained_with_decoys_is_made_for_libraries():
    trained = replace(baseline("random_forest"), history={"training": {"prevalence": [0.01, 0.1]}})
    assert unsuited_for_libraries(trained) == ""


@pytest.mark.parametrize(("of", "suited"), [("similarity", True), ("random_forest", False)])
def test_an_ensemble_is_made_for_libraries_if_one_of_its_members_is(of, suited):
    members = [{"learner": name} for name in (of, "logistic_regression")]
    learner = Recipe("ensemble", "", {"members": members}).build(0)
    assert learner.for_libraries is suited
