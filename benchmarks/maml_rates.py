"""Measures a step of second-order MAML, next to plain PyTorch Geometric.

Run it as `OMP_NUM_THREADS=1 python benchmarks/maml_rates.py`: 8 tasks of 16 support and 32 query
compounds, 5 inner steps. Plain means one task at a time, `torch.autograd.grad` with
`create_graph=True`, and a `Batch` for each support and query, made before the clock starts. Times
are seconds of this thread, medians of rounds in which both take turns.
"""

from __future__ import annotations

import statistics
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from bundled import bundled_smiles, seconds
from plain_pyg import PlainGINE, data_of
from torch.func import functional_call
from torch.nn import functional as F
from torch_geometric.data import Batch, Data

from molmeta.assays.episodes import Episode
from molmeta.models.recipes import Recipe
from molmeta.molecules.compounds import parse
from molmeta.molecules.store import featurize

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS, SUPPORT, QUERY, STEPS, RATE, LAYERS, ROUNDS = 8, 16, 32, 5, 0.01, 4, 5


def main() -> None:
    """Print times and ratios at each width."""
    torch.set_num_threads(1)
    smiles = bundled_smiles(TASKS * (SUPPORT + QUERY))
    for width in (64, 128, 192):
        ours, theirs = molmeta(smiles, width), plain(smiles, width)
        for step in (ours, theirs):
            step()
        pairs = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
        mine, other = (statistics.median(times) for times in zip(*pairs, strict=True))
        ratio = statistics.median(theirs / ours for ours, theirs in pairs)
        sys.stdout.write(
            f"width {width}: molmeta {mine:.2f} s, plain PyG {other:.2f} s a step: {ratio:.2f} x\n"
        )


def molmeta(smiles: list[str], width: int) -> Callable[[], None]:
    """Return a step of molmeta's MAML."""
    molecules = featurize(smiles, ["graph"])
    options = {"inner_steps": STEPS, "inner_rate": RATE}
    learner = Recipe("maml", "gine", options, {"width": width, "layers": LAYERS}).build(0).train()
    labels = np.resize([0.0, 1.0], SUPPORT + QUERY).astype(np.float32)
    rows = np.arange(len(smiles)).reshape(TASKS, -1)
    episodes = [
        Episode("", row[:SUPPORT], labels[:SUPPORT], row[SUPPORT:], labels[SUPPORT:])
        for row in rows
    ]

    def step() -> None:
        learner.zero_grad()
        learner.backward(episodes, molecules)

    return step


def plain(smiles: list[str], width: int) -> Callable[[], None]:
    """Return a step of MAML written by hand."""
    data = [data_of(parse(text)) for text in smiles]
    size = SUPPORT + QUERY
    tasks = [data[start : start + size] for start in range(0, len(data), size)]
    batches = [(_batch(task[:SUPPORT]), _batch(task[SUPPORT:])) for task in tasks]
    network = PlainGINE(width, LAYERS).train()
    labels = torch.tensor([0.0, 1.0]).repeat(size // 2)

    def loss(weights: dict[str, torch.Tensor], batch: Batch, y: torch.Tensor) -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(functional_call(network, weights, (batch,)), y)

    def step() -> None:
        network.zero_grad()
        for support, query in batches:
            weights: dict[str, torch.Tensor] = dict(network.named_parameters())
            for _ in range(STEPS):
                down = loss(weights, support, labels[:SUPPORT])
                gradients = torch.autograd.grad(down, list(weights.values()), create_graph=True)
                pairs = zip(weights.items(), gradients, strict=True)
                weights = {name: w - RATE * g for (name, w), g in pairs}
            torch.autograd.backward(loss(weights, query, labels[SUPPORT:]) / TASKS)

    return step


def _batch(data: list[Data]) -> Batch:
    items: list[Any] = [*data]
    return Batch.from_data_list(items)


if __name__ == "__main__":
    main()
