"""The multi-task network's loss by hand, and its probe against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional as F
from toy_training import assays, recipe, store

from molmeta.episodes import Draw, draw_episode
from molmeta.learners.multitask import logistic
from molmeta.seeds import generator, torch_seed


def learner():
    with torch_seed(0, "multitask"):
        found = recipe("multitask", dropout=0.0, bit_dropout=0.0).build(0)
    found.fit(store().molecules, [assay.name for assay in assays()[:3]])
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
