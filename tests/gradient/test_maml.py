"""The meta-gradient of MAML against central differences, and by hand on a linear model."""

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

from molmeta.learners.maml import MAML


@pytest.mark.parametrize("name", list(SMALL))
def test_the_meta_gradient_is_that_of_central_differences(name):
    """With the LayerNorm of the graph encoders, whose second derivative torch can get wrong."""
    learner = built(MAML, name)
    gradient = meta_gradient(learner)
    for direction in directions(learner, 3):
        expected = difference(learner, direction)
        assert along(gradient, direction) == pytest.approx(expected, rel=1e-4)


def test_single_weights_of_norms_have_the_gradient_of_central_differences():
    learner = built(MAML)
    gradient = dict(zip(dict(learner.named_parameters()), meta_gradient(learner), strict=True))
    for name, parameter in learner.named_parameters():
        if "norms" not in name:
            continue
        direction = [torch.zeros_like(p) for p in learner.parameters()]
        place = next(i for i, p in enumerate(learner.parameters()) if p is parameter)
        direction[place][0] = 1.0
        assert gradient[name][0].item() == pytest.approx(difference(learner, direction), rel=1e-4)


def test_the_meta_gradient_is_not_that_of_first_order():
    learner = built(MAML)
    support, query = episode()
    fast = {n: w.detach().requires_grad_() for n, w in learner.fast_weights(support).items()}
    logits = torch.func.functional_call(learner, fast, (query.molecules,))
    first = torch.autograd.grad(learner.loss(logits, query.labels), list(fast.values()))
    pairs = zip(meta_gradient(learner), first, strict=True)
    assert max((full - part).abs().max() for full, part in pairs) > 1e-3


def test_on_a_linear_model_the_meta_gradient_is_the_one_worked_out_by_hand():
    """g = (I - a H_S(w)) grad L_Q(w'), w' = w - a grad L_S(w), H = X' diag(p (1 - p)) X / n."""
    rate = 0.7
    learner = MAML(Identity(), inner_steps=1, inner_rate=rate).double().train()
    x, y, support = linear(8, seed=0)
    xq, yq, query = linear(9, seed=1)
    head = learner.head
    w = flat(head)
    p = 1 / (1 + np.exp(-x @ w))
    outer = slope(w - rate * slope(w, x, y), xq, yq)
    hessian = x.T @ np.diag(p * (1 - p)) @ x / len(y)
    expected = (np.eye(4) - rate * hessian) @ outer
    loss = learner.loss(learner.adapt(support)(query.molecules), query.labels)
    weight, bias = torch.autograd.grad(loss, [head.weight, head.bias])
    np.testing.assert_allclose(np.concatenate([weight[0], bias]), expected, rtol=1e-10)


def test_an_inner_step_is_plain_gradient_descent_on_the_support():
    learner = MAML(Identity(), inner_steps=2, inner_rate=0.5).double().train()
    x, y, support = linear(8, seed=0)
    head = learner.head
    w = flat(head)
    for _ in range(2):
        w = w - 0.5 * slope(w, x, y)
    fast = learner.fast_weights(support)
    found = torch.cat([fast["head.weight"][0], fast["head.bias"]]).detach()
    np.testing.assert_allclose(found, w, rtol=1e-10)


def test_more_steps_are_taken_when_nothing_is_trained():
    learner = MAML(Identity(), inner_steps=0, evaluation_steps=3, inner_rate=0.5).double()
    _, _, support = linear(8, seed=0)
    start = dict(learner.named_parameters())
    learner.train()
    assert torch.equal(learner.fast_weights(support)["head.weight"], start["head.weight"])
    learner.eval()
    assert not torch.equal(learner.fast_weights(support)["head.weight"], start["head.weight"])


@pytest.mark.parametrize("name", list(SMALL))
def test_evaluation_keeps_no_graph_and_changes_no_weight(name):
    learner = built(MAML, name).eval()
    before = {key: tensor.clone() for key, tensor in learner.state_dict().items()}
    support, query = episode()
    with torch.no_grad():
        fast = learner.fast_weights(support)
        logits = learner.adapt(support)(query.molecules)
    assert all(weight.grad_fn is None for weight in fast.values())
    assert not logits.requires_grad
    assert all(parameter.grad is None for parameter in learner.parameters())
    assert all(torch.equal(tensor, before[key]) for key, tensor in learner.state_dict().items())


def test_the_inner_steps_lower_the_loss_of_the_support():
    learner = built(MAML, evaluation_steps=20, inner_rate=0.1).eval()
    support, _ = episode()
    losses = []
    for steps in (0, 20):
        learner.evaluation_steps = steps
        with torch.no_grad():
            logits = learner.adapt(support)(support.molecules)
        losses.append(learner.loss(logits, support.labels).item())
    assert losses[1] < 0.9 * losses[0]
