"""What the learners on gradients have in common beside their gradients."""

import pytest
import torch
import toy_training
from torch import nn
from torch.nn import functional as F
from toy_assays import CLOSE, Layer, built, drawn, episode, logits, world

from molmeta import encoders, learners, registry
from molmeta.errors import ConfigError, ModelError
from molmeta.learners._parents.gradient import GradientLearner, descend, descent
from molmeta.models.model import Model
from molmeta.models.recipes import Recipe
from molmeta.molecules.labelled import Labelled
from molmeta.runtime.seeds import torch_seed
from molmeta.training.loop import train
from molmeta.training.start import start_from

NAMES = [name for name in learners.names() if issubclass(learners.get(name), GradientLearner)]
DIVERGES = 1e38
"""A step size with which any step overflows float32."""


def test_the_family_is_complete():
    assert {"maml", "fomaml", "anil", "metasgd", "reptile"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_steps_is_the_same_by_default(name):
    defaults = registry.option_defaults(learners.get(name))
    assert (defaults["inner_steps"], defaults["evaluation_steps"]) == (3, 5)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "reptile"])
def test_the_step_size_of_gradient_descent_is_the_same_by_default(name):
    assert registry.option_defaults(learners.get(name))["inner_rate"] == 0.05


@pytest.mark.parametrize("name", NAMES)
def test_no_encoder_is_refused(name):
    with pytest.raises(ConfigError, match="has no encoder"):
        learners.get(name)(None)


@pytest.mark.parametrize("name", NAMES)
def test_steps_that_diverge_are_taken_back(name):
    (support, query), learner = episode(), built(name, inner_rate=DIVERGES)
    still = built(name, evaluation_steps=0)
    found = logits(learner, support, query.molecules)
    assert torch.equal(found, logits(still, support, query.molecules))


def test_the_steps_before_the_one_that_diverges_are_kept():
    """On x^2 from 1, a step of 1/4 leads to 1/2."""
    updates = iter([descent({"x": 0.25}), descent({"x": DIVERGES})])
    found = descend(
        {"x": torch.tensor(1.0)},
        [lambda weights: weights["x"] ** 2] * 2,
        lambda weights, gradients: next(updates)(weights, gradients),
        order=0,
    )
    assert found["x"].item() == 0.5


@pytest.mark.parametrize("name", [n for n in NAMES if learners.get(n).order > 0])
def test_steps_that_diverge_in_training_stop_it_with_a_named_error(name, monkeypatch):
    monkeypatch.setattr("molmeta.models.recipes.LARGEST_OPTION", DIVERGES)
    recipe = Recipe(name, "fingerprint", {"inner_rate": DIVERGES}, toy_training.FINGERPRINTS)
    with pytest.raises(ModelError, match="the loss is not finite at step 1"):
        train(toy_training.task(recipe))


@pytest.mark.parametrize("name", NAMES)
def test_repeated_molecules_with_contradictory_labels_give_finite_logits(name):
    support, query = episode()
    rows = torch.arange(8).repeat(2)
    twice = Labelled(support.molecules.select(rows), torch.arange(2.0).repeat_interleave(8))
    assert torch.isfinite(logits(built(name), twice, query.molecules)).all()


@pytest.mark.parametrize("name", NAMES)
def test_episodes_of_unequal_size_have_the_mean_of_their_gradients(name):
    episodes = [drawn(0, n_support=2, n_query=5), drawn(1, n_support=40, n_query=9)]
    learner, alone = built(name).train(), []
    for one in episodes:
        learner.zero_grad()
        learner.backward([one], world())
        alone.append([p.grad.clone() for p in learner.parameters()])
    learner.zero_grad()
    learner.backward(episodes, world())
    mean = [(first + second) / 2 for first, second in zip(*alone, strict=True)]
    torch.testing.assert_close([p.grad for p in learner.parameters()], mean, **CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_more_steps_go_further_down_the_loss_of_the_support(name):
    support, _ = episode()
    losses = []
    for steps in (0, 1, 20):
        learner = built(name, evaluation_steps=steps, inner_rate=0.02)
        found = logits(learner, support, support.molecules)
        losses.append(learner.loss(found, support.labels).item())
    assert losses[0] > losses[1] > losses[2]


@pytest.mark.parametrize("name", NAMES)
def test_it_starts_from_the_encoder_of_any_trained_model(name):
    with torch_seed(0, "init"):
        encoder = encoders.build("fingerprint", toy_training.FINGERPRINTS)
    recipe = Recipe("multitask", "fingerprint", {"assays": 3}, toy_training.FINGERPRINTS)
    other = recipe.build(seed=1)
    learner = learners.get(name)(encoder)
    head = learner.head.weight.clone()
    start_from(learner, [Model(other, recipe, {})])
    expected = other.encoder.state_dict()
    torch.testing.assert_close(learner.encoder.state_dict(), expected, rtol=0, atol=0)
    assert torch.equal(learner.head.weight, head)


def test_step_sizes_are_learnt_one_for_every_weight():
    learner = learners.get("metasgd")(Layer(), inner_rate=0.05)
    shapes = [weight.shape for weight in learner.initial().values()]
    assert [rate.shape for rate in learner.rates] == shapes
    assert all((rate == 0.05).all() for rate in learner.rates)
    assert all(isinstance(rate, nn.Parameter) for rate in learner.rates)


@pytest.mark.parametrize("name", ["maml", "anil", "fomaml"])
def test_without_steps_prototypes_are_a_prototypical_network(name):
    (support, query), learner = episode(), built(name, prototypes=True, evaluation_steps=0).eval()
    vectors, queries = learner.encoder(support.molecules), learner.encoder(query.molecules)
    centre, active = vectors.mean(0), support.labels > 0.5
    points, asked = (F.normalize(v - centre, dim=1).detach().double() for v in (vectors, queries))
    covariance = torch.cov(points.T, correction=0)
    precision = 0.05 * torch.linalg.inv(covariance + 0.05 * torch.eye(len(covariance)).double())
    inactive, near = (
        torch.einsum("qi,ij,qj->q", asked - mean, precision, asked - mean)
        for mean in (points[~active].mean(0), points[active].mean(0))
    )
    found = logits(learner, support, query.molecules)
    torch.testing.assert_close(found, (10 * (inactive - near)).float(), **CLOSE)


@pytest.mark.parametrize("name", ["maml", "anil", "fomaml"])
def test_steps_from_prototypes_leave_the_centre_and_lower_the_loss_of_the_support(name):
    (support, _), losses = episode(), []
    for steps in (0, 3):
        learner = built(name, prototypes=True, evaluation_steps=steps, inner_rate=0.02).eval()
        found = logits(learner, support, support.molecules)
        losses.append(learner.loss(found, support.labels).item())
    assert losses[1] < losses[0]
