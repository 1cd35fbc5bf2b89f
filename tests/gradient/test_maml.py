"""The meta-gradient of MAML against central differences, and by hand on a linear model."""

import numpy as np
import pytest
import torch
from zoo import drugs

from molmeta import encoders
from molmeta.blocks import Molecules, Vectors
from molmeta.encoders.base import Encoder
from molmeta.learners.base import Labelled
from molmeta.learners.maml import MAML
from molmeta.seeds import torch_seed
from molmeta.store import featurize

STEP = torch.finfo(torch.float64).eps ** (1 / 3)
"""Where truncation and rounding of a central difference are about equal: 6e-6."""
SMALL = {
    "gine": {"width": 6, "layers": 2},
    "pna": {"width": 4, "layers": 1, "towers": 2},
    "gps": {"width": 4, "layers": 1, "heads": 2},
    "fingerprint": {"width": 4, "hidden": 6},
    "descriptors": {"width": 4},
    "gine+fingerprint": {
        "gine": {"width": 4, "layers": 1},
        "fingerprint": {"width": 4, "hidden": 4},
    },
}
LABELS = torch.tensor([1.0, 0, 1, 0, 0, 1], dtype=torch.float64)


class Identity(Encoder):
    """Vectors as they are, so that the learner is a logistic regression."""

    reads = ("descriptors",)
    width = 3

    def forward(self, molecules):
        return molecules.block("descriptors", Vectors).values


def molecules():
    described = featurize(TEXTS, ("descriptors",)).blocks["descriptors"]
    return drugs().with_block("descriptors", described)


TEXTS = ["CCO", "CCN", "CCC", "c1ccccc1", "CC(=O)O", "CCCl", "CCBr", "CCF", "CO", "CN", "C", "CCS"]


def episode():
    support = Labelled(molecules().select(torch.arange(6)), LABELS)
    return support, Labelled(molecules().select(torch.arange(6, 12)), LABELS.flip(0))


def built(name="gine", **options):
    with torch_seed(0, "maml"):
        encoder = encoders.build(name, SMALL[name])
    encoder.fit(molecules())
    options = {"inner_steps": 2, "inner_rate": 0.3, **options}
    with torch_seed(1, "maml"):
        learner = MAML(encoder, **options).double().train()
    for module in learner.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    if "fingerprint" in name:
        for part in learner.modules():
            part.bit_dropout = 0.0
    return learner


def query_loss(learner):
    support, query = episode()
    return learner.loss(learner.adapt(support)(query.molecules), query.labels)


def meta_gradient(learner):
    return torch.autograd.grad(query_loss(learner), list(learner.parameters()))


def difference(learner, direction):
    """The derivative of the query loss along a direction, by a central difference."""
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            for parameter, part in zip(learner.parameters(), direction, strict=True):
                parameter += sign * STEP * part
        values.append(query_loss(learner).item())
        with torch.no_grad():
            for parameter, part in zip(learner.parameters(), direction, strict=True):
                parameter -= sign * STEP * part
    return (values[0] - values[1]) / (2 * STEP)


def directions(learner, n):
    generator = torch.Generator().manual_seed(0)
    for _ in range(n):
        drawn = [torch.randn(p.shape, generator=generator).double() for p in learner.parameters()]
        norm = torch.cat([part.flatten() for part in drawn]).norm()
        yield [part / norm for part in drawn]


@pytest.mark.parametrize("name", list(SMALL))
def test_the_meta_gradient_is_that_of_central_differences(name):
    """With the LayerNorm of the graph encoders, whose second derivative torch can get wrong."""
    learner = built(name)
    gradient = meta_gradient(learner)
    for direction in directions(learner, 3):
        expected = difference(learner, direction)
        found = sum((g * d).sum() for g, d in zip(gradient, direction, strict=True)).item()
        assert found == pytest.approx(expected, rel=1e-4)


def test_single_weights_of_norms_have_the_gradient_of_central_differences():
    learner = built("gine")
    gradient = dict(zip(dict(learner.named_parameters()), meta_gradient(learner), strict=True))
    for name, parameter in learner.named_parameters():
        if "norms" not in name:
            continue
        direction = [torch.zeros_like(p) for p in learner.parameters()]
        place = next(i for i, p in enumerate(learner.parameters()) if p is parameter)
        direction[place][0] = 1.0
        assert gradient[name][0].item() == pytest.approx(difference(learner, direction), rel=1e-4)


def test_the_meta_gradient_is_not_that_of_first_order():
    learner = built("gine")
    support, query = episode()
    fast = {n: w.detach().requires_grad_() for n, w in learner.fast_weights(support).items()}
    logits = torch.func.functional_call(learner.scorer, fast, (query.molecules,))
    first = torch.autograd.grad(learner.loss(logits, query.labels), list(fast.values()))
    pairs = zip(meta_gradient(learner), first, strict=True)
    assert max((full - part).abs().max() for full, part in pairs) > 1e-3


def linear(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    labels = (x[:, 0] + 0.3 * rng.normal(size=n) > 0).astype(float)
    labels[:2] = [0, 1]
    molecules = Molecules({"descriptors": Vectors(torch.from_numpy(x))})
    return np.hstack([x, np.ones((n, 1))]), labels, Labelled(molecules, torch.from_numpy(labels))


def test_on_a_linear_model_the_meta_gradient_is_the_one_worked_out_by_hand():
    """g = (I - a H_S(w)) grad L_Q(w'), w' = w - a grad L_S(w), H = X' diag(p (1 - p)) X / n."""
    rate = 0.7
    learner = MAML(Identity(), inner_steps=1, inner_rate=rate).double().train()
    x, y, support = linear(8, seed=0)
    xq, yq, query = linear(9, seed=1)
    head = learner.scorer.head
    w = np.concatenate([head.weight.detach().numpy()[0], head.bias.detach().numpy()])
    p = 1 / (1 + np.exp(-x @ w))
    fast = w - rate * x.T @ (p - y) / len(y)
    outer = xq.T @ (1 / (1 + np.exp(-xq @ fast)) - yq) / len(yq)
    hessian = x.T @ np.diag(p * (1 - p)) @ x / len(y)
    expected = (np.eye(4) - rate * hessian) @ outer
    loss = learner.loss(learner.adapt(support)(query.molecules), query.labels)
    weight, bias = torch.autograd.grad(loss, [head.weight, head.bias])
    np.testing.assert_allclose(np.concatenate([weight[0], bias]), expected, rtol=1e-10)


def test_an_inner_step_is_plain_gradient_descent_on_the_support():
    learner = MAML(Identity(), inner_steps=2, inner_rate=0.5).double().train()
    x, y, support = linear(8, seed=0)
    head = learner.scorer.head
    w = np.concatenate([head.weight.detach().numpy()[0], head.bias.detach().numpy()])
    for _ in range(2):
        w = w - 0.5 * x.T @ (1 / (1 + np.exp(-x @ w)) - y) / len(y)
    fast = learner.fast_weights(support)
    found = torch.cat([fast["head.weight"][0], fast["head.bias"]]).detach()
    np.testing.assert_allclose(found, w, rtol=1e-10)


def test_more_steps_are_taken_when_nothing_is_trained():
    learner = MAML(Identity(), inner_steps=0, evaluation_steps=3, inner_rate=0.5).double()
    _, _, support = linear(8, seed=0)
    start = dict(learner.scorer.named_parameters())
    learner.train()
    assert torch.equal(learner.fast_weights(support)["head.weight"], start["head.weight"])
    learner.eval()
    assert not torch.equal(learner.fast_weights(support)["head.weight"], start["head.weight"])


@pytest.mark.parametrize("name", list(SMALL))
def test_evaluation_keeps_no_graph_and_changes_no_weight(name):
    learner = built(name).eval()
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
    learner = built("gine", evaluation_steps=20, inner_rate=0.1).eval()
    support, _ = episode()
    losses = []
    for steps in (0, 20):
        learner.evaluation_steps = steps
        with torch.no_grad():
            logits = learner.adapt(support)(support.molecules)
        losses.append(learner.loss(logits, support.labels).item())
    assert losses[1] < 0.9 * losses[0]
