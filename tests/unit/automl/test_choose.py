"""The choice among candidates, on toy assays and with selectors made by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_assays import episode

from molmeta.automl.advice import advised
from molmeta.automl.candidates import (
    BLENDS,
    MEMBERS,
    REFERENCE,
    CandidateModel,
    Member,
    member_models,
    members_for,
    members_with,
    model_of,
    titles_for,
)
from molmeta.automl.choose import Effort, choose
from molmeta.automl.describe import FEATURES, described
from molmeta.automl.selector import (
    ExpectedScore,
    LinearModel,
    Selector,
    held_out_inputs,
    inputs,
    load_selector,
)
from molmeta.automl.spread import SIZES, Spread
from molmeta.errors import ConfigError, EpisodeError, ModelError
from molmeta.models.files import load, save
from molmeta.models.named import baseline

N_INPUTS = len(inputs(dict.fromkeys(FEATURES, 0.0)))
FLAT = Spread(
    start=0.0, end=1.0, poor=0.0025, good=0.0025, small=0.0075, sampling=0.0, low=-1.0, high=1.0
)


def line(constant=0.0, of_held=0.0):
    weights = np.zeros(N_INPUTS)
    weights[0] = constant
    return LinearModel(weights, np.append(weights, [of_held, 0.0]))


def made(advantages, *, level=0.2, trust=0.1, margin=0.0, gap=1.0):
    """A selector of single members, the first of them the reference."""
    names = ("tanimoto_gp", *advantages)
    return Selector(
        tuple(CandidateModel(name, {name: 1.0}) for name in names),
        {name: advantages.get(name, line()) for name in names},
        {name: {"delta_auprc": line(level)} for name in names},
        {name: {"delta_auprc": FLAT} for name in names},
        margin, trust, 1, 0.9, {name: np.full(len(SIZES), gap) for name in names}, {},
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
    lines = (line(value, of_held=0.3) for value in (9.0, -0.2, -0.25))
    selector = made(dict(zip(others, lines, strict=True)))
    choice = choose(support, members(*others), selector, Effort(repeats=2))
    repeats = choice.candidates.set_index("candidate")["repeats"].to_dict()
    assert repeats == {
        "similarity": 2, "tanimoto_gp": 2, "logistic_regression": 1, "random_forest": 1,
    }  # fmt: skip


def test_what_cannot_win_is_not_cross_validated():
    support, _ = episode(n_support=32)
    lines = {"logistic_regression": line(-0.2, of_held=0.1), "similarity": line(-0.2)}
    tried = {
        gap: choose(support, members(*lines), made(lines, gap=gap), QUICK) for gap in (0.5, 3.0)
    }
    rows = {gap: choice.candidates.set_index("candidate") for gap, choice in tried.items()}
    assert not rows[0.5]["tried"]["logistic_regression"]
    assert np.isnan(rows[0.5]["held_out"]["logistic_regression"])
    assert rows[3.0]["tried"]["logistic_regression"]
    # Its expected score is stated, so it is judged in any case.
    assert rows[0.5]["tried"]["similarity"]
    assert tried[0.5].certain
    assert not tried[3.0].certain


def test_all_are_cross_validated_if_the_reference_fails():
    support, _ = episode(n_support=32)

    def fails(_):
        raise EpisodeError("support: too strange")

    models = members("logistic_regression", "similarity")
    models["tanimoto_gp"].learner.adapt = fails
    lines = {"logistic_regression": line(-0.2), "similarity": line(-0.3)}
    choice = choose(support, models, made(lines, gap=0.0), QUICK)
    assert choice.name == "logistic_regression"
    assert not choice.certain
    assert choice.candidates["held_out"].notna().sum() == 2


def test_what_the_user_named_is_always_cross_validated():
    support, _ = episode(n_support=32)
    selector = made({"logistic_regression": line(-0.2)}, gap=0.0)
    further = selector.borrowing({"mine": "logistic_regression"})
    models = {**members("logistic_regression"), "mine": baseline("logistic_regression")}
    rows = choose(support, models, further, QUICK).candidates.set_index("candidate")
    assert rows["tried"]["mine"]
    assert not rows["tried"]["logistic_regression"]
    assert rows["prior"]["mine"] == rows["prior"]["logistic_regression"]


def test_a_table_names_candidates_for_people():
    support, _ = episode()
    titles = {"tanimoto_gp": "Gaussian process on fingerprints"}
    choice = choose(support, members(), made({}), QUICK, titles)
    assert choice.title == "Gaussian process on fingerprints"
    assert choice.name == "tanimoto_gp"


def test_every_candidate_of_the_package_has_a_name_of_its_own_without_jargon():
    for target in ("activity", "value"):
        titles = titles_for(target)
        assert {one.name for one in load_selector(target).candidates} == set(titles)
        assert len(set(titles.values())) == len(titles)
        assert not [title for title in titles.values() if "_" in title or "tanimoto" in title]


def test_a_member_is_one_declaration(monkeypatch):
    monkeypatch.setitem(MEMBERS, "new", Member("nearest active", "similarity", {"mode": "mean"}))
    assert member_models()["new"].learner.mode == "mean"
    assert titles_for()["new"] == "nearest active"
    assert "new" not in member_models("value")


def test_named_features_make_members_that_borrow_from_measured_ones():
    found = members_with("descriptors")
    assert {name: like for name, (_, like) in found.items()} == {
        "pretrained_graded:descriptors": BLENDS["activity"][0].name,
        "logistic_regression:descriptors": "logistic_regression_descriptors",
        "random_forest:descriptors": "logistic_regression_descriptors",
    }
    models = member_models(members={name: member for name, (member, _) in found.items()})
    assert all("descriptors" in model.featurizers for model in models.values())
    assert list(members_with("descriptors", "value")) == [REFERENCE["value"] + ":descriptors"]
    assert list(members_with("morgan")) == ["logistic_regression:morgan", "random_forest:morgan"]


@pytest.mark.parametrize(
    ("featurizer", "target", "message"),
    [
        ("graph", "activity", "expected one of fingerprints or vectors"),
        ("mrogan", "activity", "did you mean 'morgan'"),
        ("morgan", "value", "values cannot be predicted from the fingerprint 'morgan'"),
    ],
)
def test_features_that_cannot_be_used_are_refused(featurizer, target, message):
    with pytest.raises(ConfigError, match=message):
        members_with(featurizer, target)


def test_without_values_the_labels_alone_say_what_to_expect():
    support, _ = episode(n_support=32)
    selector = made({"similarity": line(0.5)})
    selector.levels["similarity"]["delta_auprc"].weights[0] = 0.4
    twin = replace(selector, labels_only="similarity")
    choice = choose(support, members("similarity"), twin, Effort(seconds=-1.0))
    # The same as the reference now, so it is neither listed nor chosen for its advantage.
    assert list(choice.candidates["candidate"]) == ["tanimoto_gp"]
    assert choice.expected["tanimoto_gp"]["delta_auprc"].value == 0.4
    values = torch.arange(32).float()
    graded = choose(
        replace(support, values=values), members("similarity"), twin, Effort(seconds=-1.0)
    )
    assert graded.name == "similarity"


def test_features_beyond_earlier_assays_are_moved_to_the_nearest_of_them():
    selector = replace(made({}), ranges={"nearest": (0.2, 0.8)})
    features = dict.fromkeys(FEATURES, 0.0)
    assert selector.within({**features, "nearest": 1.0}) == {**features, "nearest": 0.8}
    assert selector.within({**features, "nearest": 0.5})["nearest"] == 0.5
    shipped = load_selector()
    far = shipped.within({**features, "nearest": 1.0, "imbalance": 0.5, "share": 0.97})
    assert far["imbalance"] < 0.4
    assert far["share"] == 0.97


def test_hits_are_added_to_those_of_a_random_order():
    one = Selector(
        (CandidateModel("a", {"a": 1.0}),), {}, {"a": {"hits": line(2.0)}}, {"a": {"hits": FLAT}},
        0.0, 0.0, 1, 1.0, {}, {},
    )  # fmt: skip
    found = [one.expected("a", "hits", {**dict.fromkeys(FEATURES, 0.0), "share": share}, None)
             for share in (0.2, 0.5)]  # fmt: skip
    assert [round(score.value, 6) for score in found] == [4.0, 7.0]


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


def test_advice_is_in_words_of_the_measure():
    features = {**dict.fromkeys(FEATURES, 0.0), "size": -2.0}
    low = ExpectedScore(0.05, -0.02, 0.1)
    found = [
        advised(
            made({}), "tanimoto_gp", features, {"tanimoto_gp": {"delta_auprc": low, **more}}, 16
        )
        for more in ({"auroc": ExpectedScore(0.6, 0.5, 0.7)}, {})
    ]
    pairs, variance = (one.text for one in found)
    assert "come first in 60 % of cases (80 % interval 50 to 70 %; by chance 50 %)" in pairs
    assert "explain 5 % of the variance of the values of analogues (80 % interval 0 to" in variance


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


def test_intervals_are_narrower_where_scores_are_near_their_best():
    spread = replace(FLAT, start=0.6, end=0.9, poor=0.01, good=0.0025, small=0.0)

    def half(value):
        low, high = spread.interval(value, 64, 100)
        return (high - low) / 2

    assert [round(half(value), 6) for value in (0.5, 0.6, 0.9, 1.0)] == [0.1, 0.1, 0.05, 0.05]
    assert 0.05 < half(0.75) < 0.1


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
    assert names == set(members_for(target))
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
