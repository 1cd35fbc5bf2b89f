"""The associative task of Santoro et al. (2016), on the very cell that the learner `mann` runs.

An episode shows vectors of a few classes that were never seen before, in any order, and after each
vector its label. The network has to name the class of a vector before it sees the label. At the
first sight it can only guess; at later ones it can remember. Writes associative.csv and
associative.png next to this file:

    OMP_NUM_THREADS=1 python studies/first_experiments/associative.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.learners.mann import LRUACell
from molmeta.runtime.outputs import written
from molmeta.runtime.seeds import generator, torch_seed

HERE = Path(__file__).parent
SEEDS = (0, 1)
JUDGED = 500
NOISE = 0.1


@dataclass(frozen=True)
class Plan:
    """What is trained, and for how long.

    Attributes:
        classes: of an episode.
        labels: from which those of the classes are drawn; with many, little can be inferred from
            those that remain.
        sights: of each class.
        width: length of a vector.
        controller: width of the LSTM.
        slots: rows of the memory.
        slot_width: length of one row.
        reads: read heads.
        steps: of the optimiser.
        batch: episodes a step.
        rate: peak learning rate of Adam; falls to zero along half a cosine.
    """

    classes: int = 3
    labels: int = 6
    sights: int = 5
    width: int = 8
    controller: int = 64
    slots: int = 32
    slot_width: int = 16
    reads: int = 2
    steps: int = 2000
    batch: int = 32
    rate: float = 1e-2


class Associator(nn.Module):
    """An LRUA cell and a linear layer on what it gives."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.cell = LRUACell(
            plan.width + plan.labels,
            controller=plan.controller,
            slots=plan.slots,
            slot_width=plan.slot_width,
            reads=plan.reads,
        )
        self.out = nn.Linear(self.cell.width, plan.labels)

    def forward(self, vectors: Tensor, labels: Tensor, *, forgetful: bool = False) -> Tensor:
        """Return logits of the class of each vector, before its label is shown.

        Args:
            vectors: shape (N, T, W).
            labels: shape (N, T); the label of a step comes with the vector of the next.
            forgetful: whether the memory is wiped before every step.
        """
        one_hot = F.one_hot(labels, self.out.out_features).to(vectors)
        inputs = torch.cat([vectors, F.pad(one_hot[:, :-1], (0, 0, 1, 0))], dim=2)
        state = blank = self.cell.blank(len(vectors))
        named: list[Tensor] = []
        for x in inputs.unbind(1):
            if forgetful:
                state = replace(state, memory=blank.memory, read=blank.read)
            state = self.cell.write(state, x)
            named.append(self.out(self.cell.output(state)))
        return torch.stack(named, dim=1)


def episodes(n: int, plan: Plan, *names: str | int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw n episodes from the stream of that name.

    Returns:
        Vectors (n, T, W), labels (n, T), and the how manieth sight of its class each is, from 1.
    """
    rng = generator(0, "associative", *names)
    centres = rng.normal(size=(n, plan.classes, plan.width))
    names_of = rng.permuted(np.tile(np.arange(plan.labels), (n, 1)), axis=1)[:, : plan.classes]
    classes = rng.permuted(np.tile(np.arange(plan.classes), (n, plan.sights)), axis=1)
    noise = NOISE * rng.normal(size=(*classes.shape, plan.width))
    vectors = np.take_along_axis(centres, classes[..., None], axis=1) + noise
    labels = np.take_along_axis(names_of, classes, axis=1)
    onehot = classes[..., None] == np.arange(plan.classes)
    sights = np.take_along_axis(onehot.cumsum(1), classes[..., None], axis=2)[..., 0]
    return torch.from_numpy(vectors).float(), torch.from_numpy(labels), torch.from_numpy(sights)


def train(plan: Plan, seed: int) -> Associator:
    """Train one network on episodes that are drawn anew for every step."""
    with torch_seed(seed, "associator"):
        model = Associator(plan)
    optimizer = torch.optim.Adam(model.parameters(), lr=plan.rate)
    for step in range(plan.steps):
        vectors, labels, _ = episodes(plan.batch, plan, seed, step)
        loss = F.cross_entropy(model(vectors, labels).flatten(0, 1), labels.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.param_groups[0]["lr"] = plan.rate * cosine(step, plan.steps)
        optimizer.step()
    return model


def cosine(step: int, steps: int) -> float:
    """Return the share of the peak learning rate: a rise over 50 steps, then half a cosine."""
    return min(1.0, (step + 1) / 50) * (1 + math.cos(math.pi * step / steps)) / 2


def judge(model: Associator, plan: Plan, *, forgetful: bool = False) -> pd.DataFrame:
    """Return the accuracy at each sight of a class, on 500 episodes of new classes."""
    vectors, labels, sights = episodes(JUDGED, plan, "judged")
    with torch.no_grad():
        right = model(vectors, labels, forgetful=forgetful).argmax(2) == labels
    places = range(1, plan.sights + 1)
    return pd.DataFrame(
        {"sight": places, "accuracy": [float(right[sights == n].float().mean()) for n in places]}
    )


def drawing(table: pd.DataFrame, labels: int) -> alt.LayerChart:
    """Draw the accuracy at each sight, of every seed, with the memory and without."""
    lines = (
        alt.Chart(table)
        .mark_line(point=True)
        .encode(
            alt.X("sight:O").title("how manieth sight of a class").axis(labelAngle=0),
            alt.Y("accuracy").title("share named rightly").scale(domain=[0, 1]),
            alt.Color("memory").title("memory"),
            alt.Detail("seed"),
        )
    )
    chance = alt.Chart(pd.DataFrame({"accuracy": [1 / labels]})).mark_rule(strokeDash=[4, 4])
    return (lines + chance.encode(y="accuracy")).properties(width=420, height=260)


def main() -> None:
    """Train all seeds, and write the table and the picture."""
    torch.set_num_threads(1)
    plan, parts = Plan(), list[pd.DataFrame]()
    for seed in SEEDS:
        model = train(plan, seed)
        for name, forgetful in (("kept", False), ("wiped at every step", True)):
            judged = judge(model, plan, forgetful=forgetful)
            parts.append(judged.assign(memory=name, seed=seed))
    table = pd.concat(parts)[["memory", "seed", "sight", "accuracy"]].round(3)
    with written(HERE / "associative.csv") as path:
        table.to_csv(path, index=False)
    with written(HERE / "associative.png") as path:
        drawing(table, plan.labels).save(path, format="png", scale_factor=2)


if __name__ == "__main__":
    main()
