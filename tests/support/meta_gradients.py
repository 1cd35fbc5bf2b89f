"""What the tests of the learners on gradients share: small ones, and central differences."""

import numpy as np
import torch
from zoo import all_measured, drugs

from molmeta import encoders
from molmeta.encoders.base import Encoder
from molmeta.molecules.blocks import Molecules, Vectors
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.store import featurize
from molmeta.runtime.seeds import torch_seed

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


def built(cls, name="gine", **options):
    """A learner in float64 and in training, without anything drawn at random in it."""
    with torch_seed(0, "maml"):
        encoder = encoders.build(name, SMALL[name])
    encoder.fit(all_measured(molecules()))
    options = {"inner_steps": 2, "inner_rate": 0.3, **options}
    with torch_seed(1, "maml"):
        learner = cls(encoder, **options).double().train()
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


def along(gradient, direction):
    """The derivative along a direction, from the gradient."""
    return sum((g * d).sum() for g, d in zip(gradient, direction, strict=True)).item()


def linear(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    labels = (x[:, 0] + 0.3 * rng.normal(size=n) > 0).astype(float)
    labels[:2] = [0, 1]
    molecules = Molecules({"descriptors": Vectors(torch.from_numpy(x))})
    return np.hstack([x, np.ones((n, 1))]), labels, Labelled(molecules, torch.from_numpy(labels))


def flat(head):
    """Weights and bias of a linear head as one vector."""
    return np.concatenate([head.weight.detach().numpy()[0], head.bias.detach().numpy()])


def slope(w, x, y):
    """The gradient of the mean cross-entropy of a logistic regression, by hand."""
    return x.T @ (1 / (1 + np.exp(-x @ w)) - y) / len(y)
