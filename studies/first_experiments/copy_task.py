"""The copy task of Graves et al. (2014), on the very cell that the learner `ntm` runs.

The machine reads a sequence of random bits and then, with no more input, has to say it again. It
is trained on lengths from 1 to 10 and tested on lengths up to 30. Writes copy_task.csv and
copy_task.png next to this file:

    OMP_NUM_THREADS=1 python studies/first_experiments/copy_task.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import altair as alt
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.learners.ntm import NTMCell
from molmeta.runtime.outputs import written
from molmeta.runtime.seeds import generator, torch_seed

HERE = Path(__file__).parent
SEEDS = (0, 1, 2)
LENGTHS = (1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 25, 30)
EVERY = 50


@dataclass(frozen=True)
class Plan:
    """What is trained, and for how long.

    Attributes:
        bits: of one element of a sequence.
        longest: length trained on, from 1.
        slots: rows of the memory.
        slot_width: length of one row.
        controller: width of the LSTM.
        steps: of the optimiser.
        batch: sequences a step, all of one length.
        rate: peak learning rate of Adam; falls to zero along half a cosine.
    """

    bits: int = 4
    longest: int = 10
    slots: int = 40
    slot_width: int = 16
    controller: int = 64
    steps: int = 1200
    batch: int = 16
    rate: float = 1e-2


class Copier(nn.Module):
    """An NTM cell and a linear layer on what it gives."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.cell = NTMCell(
            plan.bits + 1,
            controller=plan.controller,
            slots=plan.slots,
            slot_width=plan.slot_width,
            heads=1,
        )
        self.out = nn.Linear(self.cell.width, plan.bits)

    def forward(self, sequences: Tensor) -> Tensor:
        """Return logits of every bit, said again: (N, T, bits) from (N, T, bits)."""
        n, length, _ = sequences.shape
        shown = F.pad(sequences, (0, 1))
        end = F.one_hot(torch.tensor([sequences.shape[2]])).expand(n, -1).to(sequences)
        state = self.cell.blank(n)
        for x in (*shown.unbind(1), end):
            state = self.cell.write(state, x)
        said: list[Tensor] = []
        for _ in range(length):
            state = self.cell.write(state, torch.zeros_like(end))
            said.append(self.out(self.cell.output(state)))
        return torch.stack(said, dim=1)


def sequences(n: int, length: int, bits: int, *names: str | int) -> Tensor:
    """Draw random bits, shape (n, length, bits), from the stream of that name."""
    drawn = generator(0, "copy", *names).integers(0, 2, size=(n, length, bits))
    return torch.from_numpy(drawn).float()


def bit_errors(logits: Tensor, wanted: Tensor) -> float:
    """Return how many bits of a sequence are wrong, on average."""
    return float(((logits > 0) != (wanted > 0.5)).sum((1, 2)).float().mean())


def train(plan: Plan, seed: int) -> tuple[Copier, pd.DataFrame]:
    """Train one machine; the table has the mean bit errors over every 50 steps."""
    with torch_seed(seed, "copier"):
        model = Copier(plan)
    optimizer = torch.optim.Adam(model.parameters(), lr=plan.rate)
    lengths = generator(seed, "lengths").integers(1, plan.longest + 1, size=plan.steps)
    errors: list[float] = []
    for step, length in enumerate(lengths.tolist()):
        wanted = sequences(plan.batch, length, plan.bits, seed, step)
        logits = model(wanted)
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(logits, wanted).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.param_groups[0]["lr"] = plan.rate * cosine(step, plan.steps)
        optimizer.step()
        errors.append(bit_errors(logits.detach(), wanted))
    means = pd.Series(errors).groupby([number // EVERY for number in range(plan.steps)]).mean()
    seen = [(number + 1) * EVERY * plan.batch for number in range(len(means))]
    return model, pd.DataFrame({"sequences": seen, "bit_errors": means})


def cosine(step: int, steps: int) -> float:
    """Return the share of the peak learning rate: a rise over 50 steps, then half a cosine."""
    return min(1.0, (step + 1) / 50) * (1 + math.cos(math.pi * step / steps)) / 2


def judge(model: Copier, plan: Plan, lengths: tuple[int, ...] = LENGTHS) -> pd.DataFrame:
    """Return the bit errors a sequence on 100 sequences of each length."""
    rows: list[dict[str, float]] = []
    with torch.no_grad():
        for length in lengths:
            wanted = sequences(100, length, plan.bits, "judged", length)
            rows.append({"length": length, "bit_errors": bit_errors(model(wanted), wanted)})
    return pd.DataFrame(rows)


def drawing(table: pd.DataFrame, longest: int) -> alt.HConcatChart:
    """Draw the errors while training, and those by length at the end."""
    base = alt.Chart(table).mark_line(point=True).encode(color=alt.Color("seed:N").title("seed"))
    errors = alt.Y("bit_errors").title("wrong bits a sequence")
    learning = base.transform_filter("datum.part == 'training'").encode(
        alt.X("sequences").title(f"sequences seen, of length 1 to {longest}"), errors
    )
    judged = base.transform_filter("datum.part == 'judged'").encode(
        alt.X("length").title("length asked for, after training"), errors
    )
    mark = alt.Chart(pd.DataFrame({"length": [longest]})).mark_rule(strokeDash=[4, 4])
    return learning.properties(width=330, height=240) | (
        judged + mark.encode(x="length")
    ).properties(width=330, height=240)


def main() -> None:
    """Train all seeds, and write the table and the picture."""
    torch.set_num_threads(1)
    plan, parts = Plan(), list[pd.DataFrame]()
    for seed in SEEDS:
        model, learning = train(plan, seed)
        parts.append(learning.assign(part="training", seed=seed))
        parts.append(judge(model, plan).assign(part="judged", seed=seed))
    table = pd.concat(parts)[["part", "seed", "sequences", "length", "bit_errors"]]
    table = table.astype({"sequences": "Int64", "length": "Int64"}).round(3)
    with written(HERE / "copy_task.csv") as path:
        table.to_csv(path, index=False)
    with written(HERE / "copy_task.png") as path:
        drawing(table, plan.longest).save(path, format="png", scale_factor=2)


if __name__ == "__main__":
    main()
