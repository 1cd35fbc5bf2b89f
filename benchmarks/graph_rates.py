"""Measures how fast graph networks are trained, next to plain PyTorch Geometric.

Run it as `OMP_NUM_THREADS=1 python benchmarks/graph_rates.py`. Rates are molecules in a second of
this thread's own time, forward and backward, in batches of 512 bundled compounds with four layers.
All contestants take turns, and medians of the rounds are printed, so that other work on the machine
slows all of them equally.

* molmeta: `gine` in training, with its dropout, from packed compounds to the gradient.
* plain PyG: `GINEConv`, LayerNorm and mean pooling from `Batch.from_data_list`, without dropout.
* products: the matrix products of molmeta's network alone, forward and backward, in float32.
"""

from __future__ import annotations

import statistics
import sys
from typing import TYPE_CHECKING

import torch
from bundled import bundled_smiles, seconds
from plain_pyg import PlainGINE, data_of
from torch_geometric.data import Batch, Data

from molmeta import encoders
from molmeta.molecules.blocks import Graphs, Molecules
from molmeta.molecules.compounds import parse
from molmeta.molecules.graphs import ATOM_SIZES, BOND_SIZES
from molmeta.molecules.store import featurize

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH, LAYERS, ROUNDS = 512, 4, 7
WIDTHS = (64, 128, 256)


def main() -> None:
    """Print rates and ratios at each width."""
    torch.set_num_threads(1)
    smiles = bundled_smiles(BATCH)
    molecules, data = featurize(smiles, ["graph"]), [data_of(parse(text)) for text in smiles]
    for width in WIDTHS:
        steps = {
            "molmeta": trained(molecules, width),
            "plain PyG": plain(data, width),
            "products": products(molecules, width),
        }
        ours, theirs, bound = rates(steps).values()
        sys.stdout.write(
            f"width {width}: molmeta {ours:,.0f}, plain PyG {theirs:,.0f}, products {bound:,.0f} "
            f"molecules/s; molmeta is {ours / theirs:.2f} x plain PyG and {ours / bound:.2f} of "
            "the products\n"
        )


def rates(steps: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Return the median rate of each step over rounds in which they take turns."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()
    for _ in range(ROUNDS):
        for name, step in steps.items():
            times[name].append(seconds(step))
    return {name: BATCH / statistics.median(taken) for name, taken in times.items()}


def trained(molecules: Molecules, width: int) -> Callable[[], None]:
    """Return a step of molmeta's encoder."""
    encoder = encoders.build("gine", {"width": width, "layers": LAYERS}).train()
    rows = torch.randperm(len(molecules))

    def step() -> None:
        encoder.zero_grad()
        encoder(molecules.select(rows)).square().mean().backward()

    return step


def plain(data: list[Data], width: int) -> Callable[[], None]:
    """Return a step of plain PyTorch Geometric."""
    network = PlainGINE(width, LAYERS).train()

    def step() -> None:
        network.zero_grad()
        network(Batch.from_data_list(data)).square().mean().backward()

    return step


def products(molecules: Molecules, width: int) -> Callable[[], None]:
    """Return the products of a step: y = x W, dx = dy W', dW = x' dy."""
    graphs = molecules.block("graph", Graphs)
    atoms, sent, g = len(graphs.atoms), len(graphs.messages.bonds), len(molecules)
    layer = [(atoms, width, 2 * width), (atoms, 2 * width, width)]
    first = [(atoms, sum(ATOM_SIZES), width), (sent, sum(BOND_SIZES), width)]
    last = [(atoms, width, width), (g, 3 * width, width)]
    shapes = [*first, *LAYERS * layer, *last]
    matrices = [(torch.randn(n, k), torch.randn(k, m), torch.randn(n, m)) for n, k, m in shapes]

    def step() -> None:
        for number, (x, w, dy) in enumerate(matrices):
            x @ w
            x.t() @ dy
            # One-hot features need no gradient.
            if number >= len(first):
                dy @ w.t()

    return step


if __name__ == "__main__":
    main()
