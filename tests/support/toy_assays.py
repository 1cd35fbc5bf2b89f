"""A world of molecules in which a learner that has seen other assays can know what matters."""

from functools import cache

import numpy as np
import torch
from tabular_weights import weights_for
from torch import nn

from molmeta import learners
from molmeta.assays.assay import Assay
from molmeta.assays.episodes import Draw, draw_episode
from molmeta.assays.training_data import TrainingData
from molmeta.encoders.base import Encoder
from molmeta.molecules.blocks import Bits, Molecules, Vectors
from molmeta.molecules.featurizers import FEATURIZERS
from molmeta.runtime.seeds import generator, torch_seed

TRAINING_ASSAYS = 100
N, DIMENSIONS, SIGNAL, BITS = 300, 12, 2, 64
FINGERPRINTS = {
    featurizer.name: featurizer.size
    for featurizer in FEATURIZERS.values()
    if featurizer.kind == "bits"
}
CLOSE = {"rtol": 1e-3, "atol": 1e-4}
"""Logits in float32, summed in another order."""


class Layer(Encoder):
    """The smallest encoder: one linear layer on vectors."""

    reads = ("descriptors",)

    def __init__(self, width=8):
        super().__init__()
        self.width = width
        self.layer = nn.Linear(DIMENSIONS, width)

    def forward(self, molecules):
        return self.layer(molecules.block("descriptors", Vectors).values)


@cache
def world():
    """Molecules whose first two dimensions decide every assay; the others are louder noise."""
    values = generator(0, "world").normal(size=(N, DIMENSIONS)).astype(np.float32)
    values[:, SIGNAL:] *= 3
    on = np.sort(2 * np.arange(DIMENSIONS) + (values > 0), axis=1)
    extra = generator(0, "bits").integers(2 * DIMENSIONS, BITS, size=(N, 1))
    positions = torch.tensor(np.hstack([on, extra]), dtype=torch.int32)
    offsets = torch.arange(N + 1) * positions.shape[1]
    blocks = {name: Bits(positions.flatten(), offsets, size) for name, size in FINGERPRINTS.items()}
    return Molecules({**blocks, "descriptors": Vectors(torch.from_numpy(values))})


def assay(number):
    """The assay of one direction in the plane of the two dimensions."""
    angle = generator(number, "assay").uniform(0, 2 * np.pi)
    plane = world().block("descriptors", Vectors).values[:, :SIGNAL].numpy()
    labels = (plane @ [np.cos(angle), np.sin(angle)] > 0).astype(np.float32)
    rows = np.arange(N, dtype=np.int64)
    return Assay(str(number), "", "", ("C",) * N, rows, labels, np.full(N, np.nan))


def drawn(number, n_support=16, n_query=16, share=None, of=None):
    draw = Draw(n_support, share=share, n_query=n_query)
    return draw_episode(assay(number if of is None else of), draw, generator(number, "draw"))


def episode(number=0, **options):
    return drawn(number, **options).labelled(world())


def built(name, seed=0, *, fitted=True, **options):
    cls = learners.get(name)
    options = weights_for(name) | options
    with torch_seed(seed, "contract"):
        learner = cls(Layer(), **options) if cls.meta_trained else cls(**options)
    if fitted:
        learner.fit(training_data())
    return learner.eval()


@cache
def training_data():
    return TrainingData(world(), [assay(number) for number in range(TRAINING_ASSAYS)])


def logits(learner, support, molecules):
    with torch.no_grad():
        return learner.adapt(support)(molecules)
