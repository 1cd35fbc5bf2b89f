"""The meta-gradient of ANIL against central differences and by hand; what its steps change."""

import numpy as np
import pytest
import torch
from meta_gradients import (
    SMALL,
    Identity,
    along,
    built,
    difference,
    directions,
    episode,
    flat,
    linear,
    meta_gradient,
    slope,
)  # fmt: skip

from molmeta.learners.anil import ANIL


@pytest.mark.parametrize("name", list(SMALL))
def test_the_meta_gradient_is_that_of_central_differences(name):
    learner = built(ANIL, name)
    gradient = meta_gradient(learner)
    for direction in directions(learner, 3):
        assert along(gradient, direction) == pytest.approx(difference(learner, direction), rel=1e-4)


def test_the_steps_are_logistic_regression_on_the_vectors_of_the_encoder():
    learner, (support, _) = built(ANIL, inner_steps=3, inner_rate=0.5), episode()
    vectors = learner.encoder(support.molecules).detach().numpy()
    x = np.hstack([vectors, np.ones((len(vectors), 1))])
    w = flat(learner.head)
    for _ in range(3):
        w = w - 0.5 * slope(w, x, support.labels.numpy())
    fast = learner.fast_weights(support)
    found = torch.cat([fast["head.weight"][0], fast["head.bias"]]).detach()
    np.testing.assert_allclose(found, w, rtol=1e-8)


def test_the_steps_change_the_head_alone():
    learner, (support, _) = built(ANIL), episode()
    assert set(learner.fast_weights(support)) == {"head.weight", "head.bias"}


def test_the_support_is_encoded_once():
    learner, (support, _) = built(ANIL, inner_steps=4), episode()
    calls = []
    learner.encoder.register_forward_hook(lambda *_: calls.append(1))
    learner.adapt(support)
    assert len(calls) == 1


def test_the_encoder_learns_through_the_steps():
    """Its gradient has a part by way of the support, which it has not where that is constant."""
    learner, (support, query) = built(ANIL), episode()
    encoder = list(learner.encoder.parameters())
    full = torch.autograd.grad(
        learner.loss(learner.adapt(support)(query.molecules), query.labels), encoder
    )
    fast = {name: weight.detach() for name, weight in learner.fast_weights(support).items()}
    logits = torch.func.functional_call(learner, fast, (query.molecules,))
    direct = torch.autograd.grad(learner.loss(logits, query.labels), encoder)
    pairs = zip(full, direct, strict=True)
    assert max((one - other).abs().max() for one, other in pairs) > 1e-3


def test_on_a_linear_model_the_meta_gradient_is_the_one_worked_out_by_hand():
    """g = (I - a H_S(w)) grad L_Q(w'), with H = X' diag(p (1 - p)) X / n."""
    learner = ANIL(Identity(), inner_steps=1, inner_rate=0.7).double().train()
    x, y, support = linear(8, seed=0)
    xq, yq, query = linear(9, seed=1)
    head = learner.head
    w = flat(head)
    p = 1 / (1 + np.exp(-x @ w))
    hessian = x.T @ np.diag(p * (1 - p)) @ x / len(y)
    expected = (np.eye(4) - 0.7 * hessian) @ slope(w - 0.7 * slope(w, x, y), xq, yq)
    loss = learner.loss(learner.adapt(support)(query.molecules), query.labels)
    weight, bias = torch.autograd.grad(loss, [head.weight, head.bias])
    np.testing.assert_allclose(np.concatenate([weight[0], bias]), expected, rtol=1e-10)
