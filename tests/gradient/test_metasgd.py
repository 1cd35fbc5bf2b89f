"""The meta-gradient of Meta-SGD, step sizes included, against central differences and by hand."""

import numpy as np
import pytest
import torch
from meta_gradients import (
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

from molmeta.learners.maml import MAML
from molmeta.learners.metasgd import MetaSGD


@pytest.mark.parametrize("name", ["gine", "fingerprint", "gine+fingerprint"])
def test_the_meta_gradient_is_that_of_central_differences(name):
    learner = built(MetaSGD, name)
    gradient = meta_gradient(learner)
    for direction in directions(learner, 3):
        assert along(gradient, direction) == pytest.approx(difference(learner, direction), rel=1e-4)


def test_step_sizes_have_the_gradient_of_central_differences():
    learner = built(MetaSGD)
    gradient = meta_gradient(learner)
    names = [name for name, _ in learner.named_parameters()]
    for direction in directions(learner, 3):
        pairs = zip(names, direction, strict=True)
        alone = [d if name.startswith("rates.") else torch.zeros_like(d) for name, d in pairs]
        assert along(gradient, alone) == pytest.approx(difference(learner, alone), rel=1e-4)


def test_on_a_linear_model_both_gradients_are_those_worked_out_by_hand():
    """dL/da = - grad L_S(w) * q and dL/dw = (I - H_S(w) diag(a)) q, with q = grad L_Q(w')."""
    learner = MetaSGD(Identity(), inner_steps=1).double().train()
    x, y, support = linear(8, seed=0)
    xq, yq, query = linear(9, seed=1)
    a = np.array([0.7, -0.2, 0.1, 0.4])
    weights, biases = learner.rates
    with torch.no_grad():
        weights.copy_(torch.from_numpy(a[:3]))
        biases.copy_(torch.from_numpy(a[3:]))
    head = learner.head
    w = flat(head)
    p = 1 / (1 + np.exp(-x @ w))
    outer = slope(w - a * slope(w, x, y), xq, yq)
    hessian = x.T @ np.diag(p * (1 - p)) @ x / len(y)
    loss = learner.loss(learner.adapt(support)(query.molecules), query.labels)
    wanted = [head.weight, head.bias, weights, biases]
    found = torch.cat([part.flatten() for part in torch.autograd.grad(loss, wanted)])
    expected = np.concatenate([outer - hessian @ (a * outer), -slope(w, x, y) * outer])
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_with_equal_step_sizes_it_adapts_as_maml():
    support, query = episode()
    options = {"evaluation_steps": 2, "inner_rate": 0.25}
    found, expected = (built(cls, **options).eval() for cls in (MetaSGD, MAML))
    with torch.no_grad():
        logits = [learner.adapt(support)(query.molecules) for learner in (found, expected)]
    torch.testing.assert_close(*logits, rtol=1e-10, atol=1e-12)
