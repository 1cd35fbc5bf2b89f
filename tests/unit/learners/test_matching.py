"""The matching network against its refinement, written out molecule by molecule."""

import numpy as np
import pytest
import torch

from molmeta.encoders.base import Encoder
from molmeta.errors import ConfigError
from molmeta.learners.matching import Matching
from molmeta.runtime.seeds import torch_seed

W = 5


class Nothing(Encoder):
    width = W

    def forward(self, molecules):
        raise NotImplementedError


def learner(depth=3):
    with torch_seed(0, "matching"):
        found = Matching(Nothing(), depth=depth)
    found.log_scale.data.fill_(0.7)
    return found.double().eval()


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(cell, x, hidden, memory):
    weights = {name: tensor.detach().numpy() for name, tensor in cell.named_parameters()}
    total = weights["weight_ih"] @ x + weights["bias_ih"]
    total = total + weights["weight_hh"] @ hidden + weights["bias_hh"]
    enter, forget, new, leave = np.split(total, 4)
    memory = sigmoid(forget) * memory + sigmoid(enter) * np.tanh(new)
    return sigmoid(leave) * np.tanh(memory), memory


def attention(x, rows):
    """The softmax of the cosine of x with each row."""
    cosines = [x @ row / np.linalg.norm(x) / np.linalg.norm(row) for row in rows]
    weights = [np.exp(value) for value in cosines]
    return [weight / sum(weights) for weight in weights]


def mixed(weights, rows):
    return sum(weight * row for weight, row in zip(weights, rows, strict=True))


def refined(model, queries, support):
    """Altae-Tran et al., the iterative refinement LSTM, one molecule at a time."""
    zero = np.zeros(W)
    q, p = ([(zero, zero) for _ in rows] for rows in (support, queries))
    z = list(support)
    for _ in range(model.depth):
        r = [mixed(attention(z[i] + q[i][0], support), support) for i in range(len(support))]
        s = [mixed(attention(x + p[i][0], z), z) for i, x in enumerate(queries)]
        for state, seen, cell in ((q, r, model.support_lstm), (p, s, model.query_lstm)):
            for i, value in enumerate(seen):
                state[i] = lstm(cell, np.concatenate([state[i][0], value]), *state[i])
        z = r
    pairs = ((queries, p), (support, q))
    return [[x + h for x, (h, _) in zip(*pair, strict=True)] for pair in pairs]


def normed(model, vectors):
    return list(model.norm(vectors).detach().numpy())


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_refinement_is_that_of_the_loop(depth):
    model, support, queries = learner(depth), drawn(6, W), drawn(3, W, seed=1)
    expected = refined(model, normed(model, queries), normed(model, support))
    found_support, views = model.refine_support(model.norm(support))
    found_queries = model.refine_query(model.norm(queries), views)
    np.testing.assert_allclose(found_queries.detach(), expected[0], rtol=1e-9)
    np.testing.assert_allclose(found_support.detach(), expected[1], rtol=1e-9)


def test_logit_is_that_of_the_label_weighted_mean():
    model, support, queries = learner(), drawn(6, W), drawn(3, W, seed=1)
    labels = torch.tensor([1.0, 0, 0, 1, 0, 1])
    found = model.head(support, labels)(queries)
    scale, expected = float(model.log_scale.detach().exp()), []
    refined_queries, rows = refined(model, normed(model, queries), normed(model, support))
    for query in refined_queries:
        cosines = [query @ row / np.linalg.norm(query) / np.linalg.norm(row) for row in rows]
        weights = [np.exp(scale * value) for value in cosines]
        p = mixed(weights, labels.numpy()) / sum(weights)
        expected.append(np.log(p / (1 - p)))
    np.testing.assert_allclose(found.detach(), expected, rtol=1e-9)


def test_without_refinement_vectors_are_compared_as_they_are():
    model, vectors = learner(0), drawn(4, W)
    refined_support, views = model.refine_support(vectors)
    assert torch.equal(refined_support, vectors)
    assert torch.equal(model.refine_query(vectors, views), vectors)


def test_queries_do_not_influence_each_other():
    model, queries = learner(), drawn(5, W, seed=1)
    logits = model.head(drawn(6, W), torch.tensor([1.0, 0, 0, 1, 0, 1]))
    alone = torch.cat([logits(query.unsqueeze(0)) for query in queries])
    torch.testing.assert_close(logits(queries), alone)


def test_the_order_of_the_support_does_not_matter():
    model, support, queries = learner(), drawn(6, W), drawn(5, W, seed=1)
    labels, order = torch.tensor([1.0, 0, 0, 1, 0, 1]), torch.tensor([3, 5, 0, 1, 4, 2])
    found = model.head(support[order], labels[order])(queries)
    torch.testing.assert_close(found, model.head(support, labels)(queries))


@pytest.mark.parametrize("n", [2, 3, 64, 257])
def test_any_size_of_support_is_answered_by_the_same_weights(n):
    labels = (torch.arange(n) % 2).double()
    found = learner().head(drawn(n, W), labels)(drawn(2, W, seed=1))
    assert torch.isfinite(found).all()


def test_molecules_that_repeat_with_other_labels_leave_even_odds():
    support = drawn(1, W).repeat(4, 1)
    found = learner().head(support, torch.tensor([1.0, 0, 1, 0]))(drawn(3, W, seed=1))
    torch.testing.assert_close(found, torch.zeros(3).double())


def test_a_negative_depth_is_refused():
    with pytest.raises(ConfigError, match="depth is out of range"):
        Matching(Nothing(), depth=-1)
