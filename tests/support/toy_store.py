"""Two assays of real scaffolds over a store that knows where each molecule stands in it."""

from functools import cache

import numpy as np
import torch

from molmeta.assays.assay import Assay
from molmeta.evaluation.evaluate import EvaluationPlan
from molmeta.molecules.blocks import Bits, Molecules, Vectors

PLAN = EvaluationPlan(supports=(8, 16), repeats=2, seed=3)
STORED = 200
RINGS = ("c1ccccc1", "c1ccncc1", "C1CCCCC1", "c1ccsc1", "C1CCNCC1", "c1ccoc1", "c1ccc2ccccc2c1")


def smiles(row):
    return "C" * (1 + row % 13) + RINGS[row % len(RINGS)]


def assay(name, rows, n_active):
    rows = np.asarray(rows, dtype=np.int64)
    labels = np.zeros(len(rows), dtype=np.float32)
    labels[:: len(rows) // n_active][:n_active] = 1
    texts = tuple(smiles(row) for row in rows)
    return Assay(name, "target", "panel", texts, rows, labels, np.full(len(rows), np.nan))


@cache
def store():
    rng = np.random.default_rng(0)
    on = [np.sort(rng.choice(64, size=12, replace=False)) for _ in range(STORED)]
    offsets = torch.arange(STORED + 1) * 12
    rows = torch.arange(STORED, dtype=torch.float32).unsqueeze(1)
    bits = Bits(torch.tensor(np.concatenate(on), dtype=torch.int32), offsets, 64)
    return Molecules({"morgan": bits, "place": Vectors(rows)})


@cache
def assays():
    return [assay("a", range(10, 70), 24), assay("b", range(150, 90, -1), 30)]
