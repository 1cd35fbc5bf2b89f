"""First-order MAML and Reptile against loops written out by hand for a linear model."""

import numpy as np
import pytest
import torch
from meta_gradients import Identity, built, episode, flat, linear, meta_gradient, slope

from molmeta.assays.episodes import Episode
from molmeta.learners.fomaml import FOMAML
from molmeta.learners.maml import MAML
from molmeta.learners.reptile import Reptile
from molmeta.molecules.blocks import Molecules, Vectors

DECAY, EPSILON = 0.999, 1e-8
"""Of Adam's second moments, and beside their root."""


def test_on_a_linear_model_the_first_order_gradient_is_the_one_worked_out_by_hand():
    """g = grad L_Q(w''), after w' = w - a grad L_S(w) and w'' = w' - a grad L_S(w')."""
    learner = FOMAML(Identity(), inner_steps=2, inner_rate=0.7).double().train()
    x, y, support = linear(8, seed=0)
    xq, yq, query = linear(9, seed=1)
    head = learner.head
    w = flat(head)
    for _ in range(2):
        w = w - 0.7 * slope(w, x, y)
    loss = learner.loss(learner.adapt(support)(query.molecules), query.labels)
    weight, bias = torch.autograd.grad(loss, [head.weight, head.bias])
    np.testing.assert_allclose(np.concatenate([weight[0], bias]), slope(w, xq, yq), rtol=1e-10)


@pytest.mark.parametrize("name", ["gine", "gine+fingerprint"])
def test_the_first_order_gradient_is_that_of_the_query_at_the_adapted_weights(name):
    learner, (support, query) = built(FOMAML, name), episode()
    fast = {n: w.detach().requires_grad_() for n, w in learner.fast_weights(support).items()}
    logits = torch.func.functional_call(learner, fast, (query.molecules,))
    expected = torch.autograd.grad(learner.loss(logits, query.labels), list(fast.values()))
    torch.testing.assert_close(meta_gradient(learner), expected, rtol=1e-10, atol=1e-14)


def test_first_order_adapts_as_second_order():
    support, _ = episode()
    found, expected = (built(cls).fast_weights(support) for cls in (FOMAML, MAML))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)


def two_episodes():
    """The numbers of two episodes, and the episodes."""
    parts = [linear(n, seed)[:2] for seed, n in enumerate((6, 9, 7, 8))]
    x, y = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    molecules = Molecules({"descriptors": Vectors(torch.from_numpy(x[:, :3]))})
    rows = np.split(np.arange(30), [6, 15, 22])
    pairs = ((rows[0], rows[1]), (rows[2], rows[3]))
    episodes = [Episode(str(i), s, y[s], q, y[q]) for i, (s, q) in enumerate(pairs)]
    return x, y, episodes, molecules


def by_hand(w, batches, rate):
    """Adam with beta1 = 0: v <- b v + (1 - b) g^2; w <- w - a g / (sqrt(v / (1 - b^t)) + e)."""
    v = np.zeros_like(w)
    for t, (x, y) in enumerate(batches, 1):
        g = slope(w, x, y)
        v = DECAY * v + (1 - DECAY) * g**2
        w = w - rate * g / (np.sqrt(v / (1 - DECAY**t)) + EPSILON)
    return w


def reptile(**options):
    learner = Reptile(Identity(), **{"inner_rate": 0.1, "inner_steps": 4, **options})
    return learner.double().train()


def gradient(learner):
    head = learner.head
    return np.concatenate([head.weight.grad[0], head.bias.grad])


def test_on_a_linear_model_the_gradient_of_reptile_is_the_one_worked_out_by_hand():
    """Each of four steps is on all molecules of the episode; g = w - mean of where they end."""
    learner, (x, y, episodes, molecules) = reptile(inner_batch=100), two_episodes()
    w = flat(learner.head)
    rows = [np.concatenate([e.support, e.query]) for e in episodes]
    ends = [by_hand(w, 4 * [(x[own], y[own])], rate=0.1) for own in rows]
    learner.backward(episodes, molecules)
    np.testing.assert_allclose(gradient(learner), w - np.mean(ends, axis=0), rtol=1e-9)


def test_each_step_of_reptile_is_on_another_mini_batch():
    learner, (x, y, episodes, molecules) = reptile(inner_batch=3), two_episodes()
    batches = list(learner.batches(episodes[0], molecules))
    values = [b.molecules.block("descriptors", Vectors).values.numpy() for b in batches]
    rows = [[int(np.flatnonzero((x[:, :3] == row).all(1))[0]) for row in v] for v in values]
    assert [len(own) for own in rows] == 5 * [3]
    assert sorted(np.concatenate(rows)) == list(range(15))
    assert all((y[own] == b.labels.numpy()).all() for own, b in zip(rows, batches, strict=True))
    w = flat(learner.head)
    end = by_hand(w, [(x[own], y[own]) for own in rows[:4]], rate=0.1)
    learner.backward(episodes[:1], molecules)
    np.testing.assert_allclose(gradient(learner), w - end, rtol=1e-9)


def test_reptile_returns_the_loss_of_a_mini_batch_that_took_no_step():
    learner, (_, _, episodes, molecules) = reptile(inner_batch=3), two_episodes()
    *_, last = learner.batches(episodes[0], molecules)
    loss = learner.backward(episodes[:1], molecules)
    end = flat(learner.head) - gradient(learner)
    z = last.molecules.block("descriptors", Vectors).values.numpy() @ end[:3] + end[3]
    expected = np.mean(np.logaddexp(0, z) - last.labels.numpy() * z)
    assert loss == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("rate", [1.0, 0.25])
def test_gradient_descent_on_the_gradient_of_reptile_is_its_meta_step(rate):
    """w <- w + e (mean of ends - w)."""
    learner, (x, y, episodes, molecules) = reptile(inner_batch=100), two_episodes()
    w = flat(learner.head)
    rows = [np.concatenate([e.support, e.query]) for e in episodes]
    ends = [by_hand(w, 4 * [(x[own], y[own])], rate=0.1) for own in rows]
    learner.backward(episodes, molecules)
    torch.optim.SGD(learner.parameters(), lr=rate).step()
    expected = (1 - rate) * w + rate * np.mean(ends, axis=0)
    np.testing.assert_allclose(flat(learner.head), expected, rtol=1e-9)


def test_the_steps_of_reptile_are_those_of_adam_in_torch():
    learner, (support, _) = built(Reptile, inner_steps=5, inner_rate=0.02), episode()
    found = learner.fast_weights(support)
    optimizer = torch.optim.Adam(learner.parameters(), lr=0.02, betas=(0.0, DECAY), eps=EPSILON)
    for _ in range(5):
        optimizer.zero_grad()
        learner.loss(learner(support.molecules), support.labels).backward()
        optimizer.step()
    expected = dict(learner.named_parameters())
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-12, check_stride=False)
