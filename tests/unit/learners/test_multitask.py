"""The multi-task network's loss by hand, and its probe against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional as F
from toy_training import FINGERPRINTS, assays, store

from molmeta.assays.episodes import Draw, draw_episode
from molmeta.assays.training_data import TrainingData
from molmeta.errors import ConfigError
from molmeta.learners.multitask import least_squares, logistic
from molmeta.models.recipes import Recipe
from molmeta.molecules.labelled import Labelled
from molmeta.runtime.seeds import generator, torch_seed


def learner(**options):
    dropouts = {"dropout": 0.0, "bit_dropout": 0.0}
    chosen = Recipe("multitask", "fingerprint", {"assays": 3, **options}, FINGERPRINTS | dropouts)
    with torch_seed(0, "multitask"):
        found = chosen.build(0)
    found.fit(TrainingData(store().molecules, assays()[:3]))
    return found.eval()


def problem(n, width, n_active, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    labels = np.zeros(n)
    labels[:n_active] = 1
    x[:n_active, 0] += 0.5
    return x, labels


@pytest.mark.parametrize("ridge", [0.05, 1.0])
@pytest.mark.parametrize(
    ("n", "width", "n_active"), [(16, 8, 8), (16, 64, 1), (128, 32, 40), (256, 64, 250), (2, 4, 1)]
)
def test_the_probe_is_ridge_logistic_regression(n, width, n_active, ridge):
    x, labels = problem(n, width, n_active)
    reference = LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=10_000).fit(x, labels)
    design = torch.from_numpy(np.hstack([x, np.ones((n, 1))]))
    found = logistic(design, torch.from_numpy(labels), ridge).numpy()
    np.testing.assert_allclose(found[:-1], reference.coef_[0], rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(found[-1], reference.intercept_[0], rtol=2e-3, atol=2e-3)


def test_the_loss_is_over_all_labelled_molecules_of_an_assay_and_its_own_weights():
    model, assay = learner(), assays()[1]
    episode = draw_episode(assay, Draw(8, n_query=8), generator(0, "multitask")).at(assay.rows)
    support, query = episode.labelled(store().molecules)
    vectors = torch.cat([model.encoder(support.molecules), model.encoder(query.molecules)])
    logits = F.gelu(model.norm(vectors)) @ model.weights[1] + model.biases[1]
    labels = torch.cat([support.labels, query.labels])
    p = torch.sigmoid(logits)
    expected = -(labels * p.log() + (1 - labels) * (1 - p).log()).mean().detach()
    assert model.backward([episode], store().molecules) == pytest.approx(expected.item(), rel=1e-5)


def test_an_assay_moves_no_weights_but_its_own():
    model, assay = learner(), assays()[1]
    episode = draw_episode(assay, Draw(8, n_query=8), generator(0, "multitask")).at(assay.rows)
    model.backward([episode], store().molecules)
    assert model.weights.grad.any(dim=1).tolist() == [False, True, False]


@pytest.mark.parametrize("ridge", [0.05, 1.0, 30.0])
@pytest.mark.parametrize(("n", "width"), [(1, 4), (2, 4), (16, 64), (128, 32), (40, 40)])
def test_the_probe_of_values_is_ridge_regression_by_its_normal_equations(n, width, ridge):
    x, _ = problem(n, width, 0)
    y = np.random.default_rng(1).normal(size=n) + 3
    design = np.hstack([x, np.ones((n, 1))])
    penalty = np.diag([ridge] * width + [0.0])
    expected = np.linalg.solve(design.T @ design + penalty, design.T @ y)
    found = least_squares(torch.from_numpy(design), torch.from_numpy(y), ridge).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def valued(place=1):
    """An assay with numbers of no particular scale."""
    values = generator(place, "values").gamma(3.0, 40.0, size=len(store()))
    return replace(assays()[place], values=values.astype(np.float32))


def value_episode():
    found = draw_episode(valued(), Draw(8, n_query=8), generator(0, "multitask"))
    return found.at(valued().rows)


def value_loss(model, scale):
    """The squared error by hand, of values on that scale."""
    episode = value_episode()
    support, query = episode.labelled(store().molecules)
    vectors = torch.cat([model.encoder(support.molecules), model.encoder(query.molecules)])
    said = F.gelu(model.norm(vectors)) @ model.weights[1] + model.biases[1]
    known = np.concatenate([episode.support_values, episode.query_values]).astype(float)
    mean, spread = scale
    return np.mean((said.detach().numpy() - (known - mean) / spread) ** 2)


def test_the_loss_of_values_is_on_the_scale_of_all_that_the_assay_measured():
    model, values = learner(target="value"), valued().values.astype(float)
    model.fit(TrainingData(store().molecules, [assays()[0], valued(), assays()[2]]))
    expected = value_loss(model, (values.mean(), values.std()))
    assert model.backward([value_episode()], store().molecules) == pytest.approx(expected, rel=1e-5)


def support():
    rows = torch.arange(0, 40, 2)
    values = torch.from_numpy(valued().values)[rows]
    return Labelled(store().molecules.select(rows), torch.ones(20), values)


QUERY = store().molecules.select(torch.arange(1, 48, 2))


def predicted(model, known):
    with torch.no_grad():
        return model.adapt(known)(QUERY)


def test_values_are_predicted_by_ridge_regression_on_vectors_of_length_one():
    model, known = learner(target="value", ridge=0.3), support()
    with torch.no_grad():
        both = (model.encoder(molecules).double() for molecules in (known.molecules, QUERY))
        vectors, query = (x.numpy() for x in both)
    middle, y = vectors.mean(0), known.values.double().numpy()
    z, asked = (
        (x - middle) / np.linalg.norm(x - middle, axis=1, keepdims=True) for x in (vectors, query)
    )
    scaled, apart = (y - y.mean()) / y.std(), z - z.mean(0)
    w = np.linalg.solve(apart.T @ apart + 0.3 * np.eye(8), apart.T @ scaled)
    expected = y.mean() + y.std() * (asked - z.mean(0)) @ w
    np.testing.assert_allclose(predicted(model, known), expected, rtol=1e-4)


@pytest.mark.parametrize(("a", "b"), [(1e-3, 0.0), (1.0, 1e3), (-2.5, 7.0), (1e4, -6.0)])
def test_predicted_values_follow_a_change_of_unit(a, b):
    model, known = learner(target="value"), support()
    moved = predicted(model, replace(known, values=a * known.values + b))
    torch.testing.assert_close(moved, a * predicted(model, known) + b, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("target", "ridge"), [("activity", 0.05), ("value", 1.0)])
def test_the_ridge_is_that_of_what_is_predicted(target, ridge):
    assert learner(target=target).ridge == ridge
    assert learner(target=target, ridge=0.2).ridge == 0.2


@pytest.mark.parametrize("ridge", [0.0, -1.0, float("inf"), float("nan")])
def test_a_ridge_out_of_its_range_is_refused(ridge):
    with pytest.raises(ConfigError, match="multitask"):
        learner(ridge=ridge)


def linear(**options):
    found = learner(linear=True, **options)
    torch.nn.init.normal_(found.weights, generator=torch.Generator().manual_seed(0))
    return found


def test_linear_outputs_start_at_even_odds_and_are_products_with_the_vectors():
    model, assay = learner(linear=True), assays()[1]
    episode = draw_episode(assay, Draw(8, n_query=8), generator(0, "multitask")).at(assay.rows)
    assert model.backward([episode], store().molecules) == pytest.approx(np.log(2), rel=1e-6)
    assert not any(name.startswith("norm.") for name in model.state_dict())


def test_after_training_the_assays_differ_alike_in_all_directions_and_predict_the_same():
    model = linear(assays=300)
    model.trained[:300] = True
    before = model.encoder(store().molecules) @ model.weights.T
    model.finish()
    after = model.encoder(store().molecules) @ model.weights.T
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-3)
    covariance = torch.cov(model.weights.double().T)
    torch.testing.assert_close(covariance, torch.eye(len(covariance)).double(), atol=1e-3, rtol=0)


def test_a_network_that_took_no_step_keeps_its_vectors():
    model = linear(assays=300)
    torch.nn.init.zeros_(model.weights)
    model.trained[:] = True
    before = model.encoder(store().molecules)
    model.finish()
    assert torch.equal(model.encoder(store().molecules), before)


def test_too_few_assays_for_a_covariance_leave_the_vectors_as_they_are():
    model = linear()
    before = model.encoder(store().molecules)
    model.finish()
    assert torch.equal(model.encoder(store().molecules), before)


def test_linear_outputs_need_an_encoder_that_ends_with_a_linear_map():
    with pytest.raises(ConfigError, match="'linear' needs an encoder"):
        Recipe("multitask", "gine+gine", {"linear": True}).build(0)


def test_measurements_are_graded_by_their_values():
    model, assay = learner(), assays()[0]
    values = np.linspace(4, 9, len(assay.labels), dtype=np.float32)
    graded = replace(assay, values=np.where(assay.labels > 0, values, np.nan))
    found = model.measurements(TrainingData(store().molecules, [graded]))
    aims = found.aims[np.argsort(found.rows[found.compounds])]
    active = assay.labels > 0
    assert (aims[~active] == 0).all()
    assert aims[active].min() >= 0
    assert aims[active].max() <= 1


def test_the_loss_of_measurements_is_that_of_their_own_assays():
    model = linear()
    found = model.measurements(TrainingData(store().molecules, assays()[:3]))
    drawn = found.select(found.drawn(1, 7, 0))
    vectors = model.encoder(store().molecules.select(torch.from_numpy(drawn.rows)))
    logits = [vectors[c] @ model.weights[a] + model.biases[a]
              for c, a in zip(drawn.compounds, drawn.assays, strict=True)]  # fmt: skip
    expected = F.binary_cross_entropy_with_logits(torch.stack(logits), torch.from_numpy(drawn.aims))
    assert model.backward_measurements(drawn, store().molecules) == pytest.approx(
        expected.item(), rel=1e-5
    )
