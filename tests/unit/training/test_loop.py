"""The training loop: what a step does, what is kept, and what is refused."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_training import OPTIONS, SMALL, assay, assays, recipe, store, task

from molmeta import learners
from molmeta.errors import ConfigError, EpisodeError, ModelError
from molmeta.evaluation.evaluate import EvaluationPlan, evaluate
from molmeta.models.model import Model
from molmeta.models.pretrained import pretrained_encoder
from molmeta.models.recipes import Recipe
from molmeta.training.loop import train
from molmeta.training.optimizer import schedule
from molmeta.training.start import start_from
from molmeta.training.task import TrainingOptions
from molmeta.training.validation import VALIDATION_QUERY

TWO_PARTS = Recipe(
    "protonet",
    "fingerprint+fingerprint",
    encoder_options={"fingerprint": recipe().encoder_options},
)
META_TRAINED = [name for name in learners.names() if learners.get(name).meta_trained]


def weights(model):
    return model.learner.state_dict()


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("name", META_TRAINED)
def test_training_moves_the_weights_of_every_learner(name):
    chosen = recipe(name)
    model, log = train(task(chosen, steps=2))
    assert not same(weights(model), chosen.build(0).state_dict())
    assert np.isfinite(log["loss"]).all()


def test_the_log_has_a_row_for_every_step():
    _, log = train(task())
    assert list(log) == ["step", "loss", "grad_norm", "learning_rate", "seconds", "valid"]
    assert log["step"].tolist() == [1, 2, 3, 4, 5, 6]


def test_seconds_only_grow():
    _, log = train(task())
    assert (log["seconds"].diff().dropna() >= 0).all()


def test_validation_stands_at_its_steps_and_at_the_last():
    _, log = train(task(steps=5, validate_every=2))
    assert log["valid"].notna().tolist() == [False, True, False, True, True]


def test_progress_is_told_of_every_step():
    told = []
    train(task(steps=4), report=told.append)
    assert sum(told) == 4


def test_the_same_task_ends_with_the_same_weights():
    assert same(weights(train(task())[0]), weights(train(task())[0]))


def test_another_seed_ends_with_other_weights():
    assert not same(weights(train(task())[0]), weights(train(task(seed=1))[0]))


def test_training_leaves_torch_as_it_was():
    before = torch.get_rng_state()
    train(task(steps=2))
    assert torch.equal(torch.get_rng_state(), before)


def test_longer_training_lowers_the_loss():
    _, log = train(task(recipe(dropout=0.0, bit_dropout=0.0), steps=60, validate_every=60))
    assert log["loss"][-10:].mean() < 0.8 * log["loss"][:10].mean()


def test_the_model_returned_is_that_of_the_best_validation():
    chosen = task(steps=12, validate_every=1, learning_rate=0.1, warmup=0.5)
    model, log = train(chosen)
    best = log["valid"].max()
    assert log["valid"].iloc[-1] < best
    assert model.history["validation_delta_auprc"] == best
    plan = EvaluationPlan(supports=(8,), repeats=1, seed=chosen.seed, n_query=VALIDATION_QUERY)
    rows = evaluate(model.learner, chosen.valid, chosen.molecules, plan=plan, model="", seed=0)
    assert rows["delta_auprc"].mean() == pytest.approx(best)


def test_without_a_valid_assay_the_last_weights_are_kept():
    small = [assay("one_active", "c1ccccc1")]
    options = {"validation_supports": (500,), "valid": small, "validate_every": 1}
    model, log = train(task(**options))
    assert log["valid"].isna().all()
    assert same(weights(model), weights(train(task(**{**options, "validate_every": 6}))[0]))


def test_training_stops_when_validation_gets_no_better():
    _, log = train(task(steps=50, validate_every=1, patience=3, learning_rate=0.0))
    assert len(log) == 4


def test_without_patience_training_goes_to_its_end():
    _, log = train(task(steps=5, validate_every=1, patience=0, learning_rate=0.0))
    assert len(log) == 5


def test_the_rate_rises_to_its_peak_and_falls_as_a_cosine():
    options = TrainingOptions(steps=100, warmup=0.1)
    assert [schedule(step, options) for step in (1, 5, 10)] == [0.1, 0.5, 1.0]
    assert schedule(55, options) == pytest.approx(0.5 * (1 + math.cos(math.pi * 45 / 91)))
    assert 0 < schedule(100, options) < 0.001


def test_the_log_holds_the_rate_of_the_schedule():
    chosen = task()
    _, log = train(chosen)
    expected = [0.01 * schedule(step, chosen.training) for step in range(1, 7)]
    assert log["learning_rate"].tolist() == pytest.approx(expected)


def test_a_training_that_would_change_no_weight_is_refused():
    with pytest.raises(ConfigError, match=r"nothing is trained.*'steps' to 0"):
        train(task(recipe("protonet"), steps=2, encoder_rate=0.0))
    train(task(recipe("protonet"), steps=0, encoder_rate=0.0))


def test_the_encoder_is_held_when_its_rate_is_zero():
    model, _ = train(task(recipe("mann"), steps=2, encoder_rate=0.0))
    start = recipe("mann").build(0).state_dict()
    moved = {
        name for name, tensor in weights(model).items() if not torch.equal(tensor, start[name])
    }
    assert moved
    assert not [name for name in moved if name.startswith("encoder.")]


def test_the_log_holds_the_norm_of_the_gradient_before_it_is_cut():
    free, cut = (train(task(steps=1, clip=clip))[1] for clip in (1e9, 1e-9))
    assert free["grad_norm"].tolist() == cut["grad_norm"].tolist()


@pytest.mark.parametrize(("clip", "moves"), [(1.0, True), (1e-11, False)])
def test_the_gradient_is_cut_at_the_norm_asked_for(clip, moves):
    """AdamW steps are of the rate's size, unless the gradient is lost beside its epsilon, 1e-8."""
    chosen = recipe(dropout=0.0)
    model, log = train(task(chosen, steps=1, clip=clip, weight_decay=0.0))
    start = chosen.build(0).state_dict()
    longest = max((tensor - start[name]).abs().max() for name, tensor in weights(model).items())
    assert (longest > 0.5 * log["learning_rate"][0]) == moves


@pytest.mark.parametrize("name", ["protonet", "maml", "kernel_ridge"])
def test_a_loss_that_is_not_finite_names_the_step(name):
    with pytest.raises(ModelError, match="the loss is not finite at step 2; got"):
        train(task(recipe(name), learning_rate=1e30, warmup=0.0, weight_decay=0.0))


def test_history_says_where_the_model_comes_from():
    model, _ = train(task())
    assert model.history["seed"] == 0
    assert model.history["steps"] == 6
    assert model.history["n_compounds"] == len(store())
    assert model.history["assays"] == ["aromatic", "nitrogen", "oxygen"]
    plain = json.loads(json.dumps({**vars(TrainingOptions()), **OPTIONS}))
    assert model.history["training"] == plain


def test_a_model_starts_from_the_encoder_of_another_alone():
    init = Model(recipe("mann").build(9), recipe("mann"), {})
    learner = recipe("mann").build(0)
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    start_from(learner, [init])
    for name, tensor in learner.state_dict().items():
        source = init.learner.state_dict() if name.startswith("encoder.") else before
        assert torch.equal(tensor, source[name]), name


def test_gradient_learners_start_from_the_encoder_of_any_learner():
    init = Model(recipe("protonet").build(9), recipe("protonet"), {})
    learner = recipe("maml").build(0)
    start_from(learner, [init])
    assert torch.equal(learner.encoder.embedding, init.learner.encoder.embedding)


def test_each_part_of_a_joined_encoder_starts_from_a_model_of_its_own():
    init = [Model(recipe("protonet").build(seed), recipe("protonet"), {}) for seed in (8, 9)]
    learner = TWO_PARTS.build(0)
    start_from(learner, init)
    for part, model in zip(learner.encoder.encoders, init, strict=True):
        assert torch.equal(part.embedding, model.learner.encoder.embedding)


@pytest.mark.parametrize("n", [1, 3])
def test_another_number_of_models_than_parts_is_refused(n):
    init = [Model(recipe("protonet").build(8), recipe("protonet"), {})] * n
    with pytest.raises(ConfigError, match="init: the encoders differ"):
        start_from(TWO_PARTS.build(0), init)


def test_training_goes_out_from_the_model_it_is_given():
    init = Model(recipe("protonet").build(9), recipe("protonet"), {})
    model, _ = train(task(init=[init], learning_rate=0.0))
    assert torch.equal(model.learner.encoder.embedding, init.learner.encoder.embedding)


@pytest.mark.parametrize(
    "other",
    [
        recipe("protonet", "gine"),
        recipe(width=16),
        Recipe("protonet", "fingerprint+gine", {}, {"fingerprint": {"width": 8, "hidden": 8}}),
    ],
)
def test_another_encoder_to_start_from_is_refused(other):
    with pytest.raises(ConfigError, match="init: the encoders differ"):
        start_from(recipe().build(0), [Model(other.build(0), other, {})])


def test_what_has_nothing_to_train_is_refused():
    with pytest.raises(ConfigError, match="learner 'similarity'"):
        train(task(Recipe("similarity")))


def test_supports_that_no_assay_holds_are_refused():
    with pytest.raises(EpisodeError, match="for a support of 400"):
        train(task(supports=(8, 400)))


def test_too_many_assays_for_a_multitask_network_are_refused():
    chosen = Recipe("multitask", "fingerprint", {"assays": 2}, {"width": 8, "hidden": 8})
    with pytest.raises(ConfigError, match="has room for 2 assays; got 3"):
        train(task(chosen))


def test_episodes_that_devices_cannot_share_are_refused():
    with pytest.raises(ConfigError, match="got 3 on 2"):
        train(task(episodes=3, devices=2))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", -1), ("steps", 2.5), ("steps", None), ("episodes", 0), ("supports", ()),
        ("supports", (1,)), ("supports", 16), ("supports", "16"), ("n_query", 1), ("share", 0.0),
        ("share", 1.0), ("learning_rate", -1), ("learning_rate", math.nan), ("learning_rate", "1"),
        ("warmup", 1.5), ("clip", 0), ("validate_every", 0), ("validation_supports", []),
        ("validation_repeats", 0), ("patience", -1), ("devices", 0), ("threads", 0),
        ("prevalence", 0.1), ("prevalence", (0.1,)), ("prevalence", (0.5, 0.1)),
        ("prevalence", (0, 0.1)), ("prevalence", (0.1, 1.0)),
        ("weight_decay", -0.1), ("encoder_rate", math.inf), ("checkpoint_seconds", -1),
    ],
)  # fmt: skip
def test_an_option_out_of_its_range_is_refused(name, value):
    with pytest.raises(ConfigError, match=rf"training: '?{name}\b"):
        TrainingOptions(**{name: value})


def test_tasks_that_differ_have_other_fingerprints():
    other = [
        task(), task(seed=1), task(steps=7), task(recipe("maml")), task(recipe(width=16)),
        task(valid=[assays()[0]]),
        task(init=[Model(recipe().build(9), recipe(), {"fingerprint": "a"})]),
        task(init=[Model(recipe().build(9), recipe(), {"fingerprint": "b"})]),
    ]  # fmt: skip
    assert len({one.fingerprint for one in other}) == len(other)


def test_when_to_write_checkpoints_changes_no_fingerprint():
    assert task(checkpoint_seconds=5.0).fingerprint == task().fingerprint


def test_small_options_are_those_of_learners_that_exist():
    assert set(SMALL) <= set(META_TRAINED)


def test_no_steps_keep_what_init_brings():
    first, _ = train(task(recipe("multitask"), steps=2))
    probe, log = train(task(recipe("quadratic_probe"), steps=0, init=[first]))
    assert len(log) == 0
    assert np.isfinite(probe.history["validation_delta_auprc"])
    for name, tensor in probe.learner.encoder.state_dict().items():
        torch.testing.assert_close(tensor, first.learner.encoder.state_dict()[name])


def test_init_of_other_features_is_refused():
    first, _ = train(task(recipe("multitask"), steps=1))
    aged = replace(first, history={**first.history, "featurizers": {"morgan": 0}})
    with pytest.raises(ConfigError, match="got revision 0 of 'morgan', expected 1"):
        train(task(recipe("quadratic_probe"), steps=0, init=[aged]))


def test_the_revisions_of_the_features_are_in_the_history():
    model, _ = train(task(steps=1))
    assert model.history["featurizers"] == {"morgan": 1}


def test_init_of_another_width_is_refused():
    narrow = task(
        Recipe("multitask", "gine", {"assays": 3}, {"width": 8}),
        steps=0,
        init=[pretrained_encoder("gine")],
    )
    with pytest.raises(ConfigError, match=r"got 'gine' .*'width': 256"):
        train(narrow)


def test_all_assays_are_learned_at_once():
    chosen = recipe("multitask", "gine")
    _, log = train(task(chosen, steps=60, compounds=16, learning_rate=0.03))
    assert log["loss"].tail(10).mean() < 0.8 * log["loss"].head(10).mean()


@pytest.mark.parametrize(
    "chosen", [recipe("protonet"), Recipe("multitask", "profile", {"assays": 3})]
)
def test_compounds_are_for_outputs_of_assays_without_records(chosen):
    with pytest.raises(ConfigError, match="training: 'compounds'"):
        train(task(chosen, compounds=4))
