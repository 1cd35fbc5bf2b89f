"""The choice among candidates, on toy assays and with selectors made by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_assays import episode

from molmeta.automl.advice import advised
from molmeta.automl.candidates import MEMBERS, CandidateModel, member_models, model_of
from molmeta.automl.choose import Effort, choose
from molmeta.automl.describe import FEATURES, described
from molmeta.automl.selector import (
    ExpectedScore,
    LinearModel,
    Selector,
    Spread,
    held_out_inputs,
    inputs,
    load_selector,
)
from molmeta.errors import EpisodeError, ModelError
from molmeta.models.files import load, save
from molmeta.models.named import baseline

N_INPUTS = len(inputs(dict.fromkeys(FEATURES, 0.0)))
SIZES = np.array([16.0, 256.0])
FLAT = Spread(SIZES, np.array([0.1, 0.05]), 0.0, np.array([-1.0, -1.0]), np.array([1.0, 1.0]))


def line(constant=0.0, of_held=0.0):
    weights = np.zeros(N_INPUTS)
    weights[0] = constant
    return LinearModel(weights, np.append(weights, [of_held, 0.0]))


def made(advantages, *, level=0.2, trust=0.1, margin=0.0):
    """A selector of single members, the first of them the reference."""
    names = ("tanimoto_gp", *advantages)
    return Selector(
        tuple(CandidateModel(name, {name: 1.0}) for name in names),
        {name: advantages.get(name, line()) for name in names},
        {name: {"delta_auprc": line(level)} for name in names},
        {name: {"delta_auprc": FLAT} for name in names},
        margin, trust, 0.25, 1,
    )  # fmt: skip


def members(*names):
    return {name: baseline(name) for name in ("tanimoto_gp", *names)}


QUICK = Effort(repeats=1)


def test_the_reference_is_chosen_unless_another_is_expected_to_be_better():
    support, _ = episode()
    worse, better = made({"similarity": line(-0.01)}), made({"similarity": line(0.01)})
    assert choose(support, members("similarity"), worse, QUICK).name == "tanimoto_gp"
    assert choose(support, members("similarity"), better, QUICK).name == "similarity"


def test_a_small_advantage_does_not_replace_the_reference():
    support, _ = episode()
    selector = made({"similarity": line(0.01)}, margin=0.02)
    assert choose(support, members("similarity"), selector, QUICK).name == "tanimoto_gp"


def test_held_out_scores_decide_where_earlier_assays_say_they_do():
    support, _ = episode(n_support=32)
    forwards = made({"similarity": line(0.0, of_held=1.0)})
    backwards = made({"similarity": line(0.0, of_held=-1.0)})
    names = {choose(support, members("similarity"), s, QUICK).name for s in (forwards, backwards)}
    assert names == {"tanimoto_gp", "similarity"}


def test_without_time_the_choice_rests_on_earlier_assays():
    support, _ = episode()
    selector = made({"similarity": line(0.01, of_held=-9.0)})
    choice = choose(support, members("similarity"), selector, Effort(seconds=-1.0))
    assert choice.name == "similarity"
    assert choice.candidates["held_out"].isna().all()


def test_a_candidate_that_fails_is_left_out_with_its_reason():
    support, _ = episode()

    def fails(_):
        raise EpisodeError("support: too strange")

    models = members("similarity")
    models["similarity"].learner.adapt = fails
    choice = choose(support, models, made({"similarity": line(0.5)}), QUICK)
    assert choice.name == "tanimoto_gp"
    notes = choice.candidates.set_index("candidate")["note"]
    assert notes["similarity"] == "similarity: support: too strange"


def test_no_usable_candidate_is_an_error():
    support, _ = episode()
    with pytest.raises(EpisodeError, match="no candidate can be used"):
        choose(support, {}, made({}), QUICK)


def test_later_repeats_are_for_the_better_half():
    support, _ = episode(n_support=32)
    others = ("similarity", "logistic_regression", "random_forest")
    selector = made(dict(zip(others, map(line, (0.03, -0.2, -0.3)), strict=True)))
    choice = choose(support, members(*others), selector, Effort(repeats=2))
    repeats = choice.candidates.set_index("candidate")["repeats"].to_dict()
    assert repeats == {
        "similarity": 2, "tanimoto_gp": 2, "logistic_regression": 1, "random_forest": 1,
    }  # fmt: skip


def test_a_low_score_is_not_trusted_and_more_compounds_are_counted():
    features = {**dict.fromkeys(FEATURES, 0.0), "size": -2.0}
    growing = replace(made({}, trust=0.2), levels={"tanimoto_gp": {"delta_auprc": line()}})
    growing.levels["tanimoto_gp"]["delta_auprc"].weights[:2] = (0.15, 0.05)
    expected = {"tanimoto_gp": {"delta_auprc": ExpectedScore(0.05, 0.0, 0.1)}}
    advice = advised(growing, "tanimoto_gp", features, expected, 16)
    assert not advice.trusted
    assert advice.further == 128 - 16
    assert "About 112 more" in advice.text


def test_a_score_that_never_suffices_says_so():
    features = {**dict.fromkeys(FEATURES, 0.0), "size": -2.0}
    expected = {"tanimoto_gp": {"delta_auprc": ExpectedScore(0.05, 0.0, 0.1)}}
    advice = advised(made({}, level=0.05), "tanimoto_gp", features, expected, 16)
    assert advice.further is None
    assert "Even 256" in advice.text


def test_actives_alone_have_no_expected_score():
    support, _ = episode()
    actives = replace(support, labels=torch.ones_like(support.labels))
    choice = choose(actives, members(), made({}), QUICK)
    assert choice.expected == {}
    assert not choice.advice.trusted


def test_intervals_are_wider_for_fewer_compounds_and_smaller_supports():
    spread = replace(FLAT, sampling=1.0)

    def width(size, n):
        low, high = spread.interval(0.2, size, n)
        return high - low

    assert width(16, 20) > width(16, 100) > width(256, 100)


def test_features_describe_the_support():
    support, _ = episode()
    found = described(support, np.array([0, 3] * 8))
    assert tuple(found) == FEATURES
    assert found["size"] == -2
    assert found["known"] == 0.5
    assert found["values"] == 0


def test_held_out_inputs_are_the_score_and_its_product_with_the_size():
    assert held_out_inputs({"size": -1.0}, 0.3).tolist() == [0.3, -0.3]


@pytest.mark.parametrize("target", ["activity", "value"])
def test_the_selector_of_the_package_knows_the_members(target):
    selector = load_selector(target)
    names = {name for one in selector.candidates for name in one.weights}
    assert names <= set(MEMBERS[target])
    assert selector.n_assays > 50


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"format": 9})])
def test_a_damaged_selector_is_refused(tmp_path, content):
    path = tmp_path / "selector.json"
    path.write_text(content)
    with pytest.raises(ModelError, match="selector cannot be read"):
        load_selector("activity", path)


@pytest.mark.parametrize("target", ["activity", "value"])
def test_an_ensemble_is_saved_and_loaded_as_one_model(tmp_path, target):
    models = member_models(target)
    names = [name for name in models if name.startswith(("pretrained", "tanimoto"))][-2:]
    model = model_of(CandidateModel("both", dict.fromkeys(names, 1.0)), models)
    save(model, tmp_path / "model.safetensors", half=True)
    smiles, values = ["CCO", "c1ccccc1", "CCN", "c1ccccc1O"], [7.0, 5.0, 6.0, 4.0]
    found = [
        one.adapt(smiles, [1, 0, 1, 0], values=values).predict(
            ["CCCO", "CCc1ccccc1"], among="assay"
        )
        for one in (model, load(tmp_path / "model.safetensors"))
    ]
    np.testing.assert_allclose(*found, rtol=1e-5)
