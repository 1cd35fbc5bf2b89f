"""Compares training and predictions on a GPU with those on a CPU, and reports rates.

Run it as `python benchmarks/gpu.py`. Without a GPU it says so and exits 0.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import torch
from bundled import bundled_smiles

from molmeta.assays.episodes import Episode
from molmeta.models.pretrained import pretrained_encoder
from molmeta.models.recipes import Recipe
from molmeta.molecules.blocks import EMBEDDING, Vectors
from molmeta.molecules.store import featurize
from molmeta.training.start import start_from

EPISODES, SUPPORT, QUERY, STEPS = 16, 32, 64, 20


def main() -> None:
    """Print differences of vectors, episodes per second, utilisation and memory."""
    if not torch.cuda.is_available():
        sys.stdout.write("no GPU: nothing to compare\n")
        return
    torch.set_num_threads(1)
    smiles = bundled_smiles(EPISODES * (SUPPORT + QUERY))
    molecules, cuda = featurize(smiles, ["graph"]), torch.device("cuda")
    encoder = pretrained_encoder("gine")
    learner = Recipe("protonet", "gine", {"length": 3.0}, encoder.recipe.encoder_options).build(0)
    start_from(learner, [encoder])
    labels = np.resize([0.0, 1.0], SUPPORT + QUERY).astype(np.float32)
    rows = np.arange(len(smiles)).reshape(EPISODES, -1)
    episodes = [
        Episode("", row[:SUPPORT], labels[:SUPPORT], row[SUPPORT:], labels[SUPPORT:])
        for row in rows
    ]
    vectors: dict[str, torch.Tensor] = {}
    for device in (torch.device("cpu"), cuda):
        placed, here = learner.to(device), molecules.to(device)
        with torch.no_grad():
            prepared = placed.eval().prepare(here)
            vectors[device.type] = prepared.block(EMBEDDING, Vectors).values.cpu()
        placed.train().backward(episodes, here)
        began = time.perf_counter()
        for _ in range(STEPS):
            placed.backward(episodes, here)
        seconds = time.perf_counter() - began
        sys.stdout.write(f"{device.type}: {STEPS * EPISODES / seconds:,.1f} episodes/s\n")
    cosine = torch.cosine_similarity(vectors["cpu"], vectors["cuda"]).min()
    sys.stdout.write(
        f"smallest cosine of CPU and GPU vectors {float(cosine):.6f}; "
        f"utilisation {torch.cuda.utilization()} %; "
        f"memory {torch.cuda.max_memory_allocated() / 2**20:,.0f} MiB\n"
    )


if __name__ == "__main__":
    main()
