"""Sinusoid regression, the first experiment of the papers of MAML and of Reptile.

The learners `maml` and `reptile` are trained on sines of any amplitude and phase, as if these were
assays. Each is then adapted to a few points of a new sine. Writes sinusoid.csv, the error after
each gradient step, and sinusoid.png next to this file:

    OMP_NUM_THREADS=1 python studies/first_experiments/sinusoid.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.assays.episodes import Episode
from molmeta.encoders.base import Encoder
from molmeta.learners._parents.gradient import GradientLearner, Update, descend, descent
from molmeta.learners.maml import MAML
from molmeta.learners.reptile import Reptile
from molmeta.molecules.blocks import Molecules, Vectors, tensor_of
from molmeta.runtime.outputs import written
from molmeta.runtime.seeds import generator, torch_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from molmeta.learners.base import Predictor
    from molmeta.molecules.labelled import Labelled

HERE = Path(__file__).parent
SEED, SHOTS, STEPS, JUDGED, POINTS = 0, (5, 10), 32, 100, 100
"""Sines to judge on, and points of each to be judged on."""


class Network(Encoder):
    """Two layers of ReLU, as in the paper of MAML; the learner's head is the third."""

    reads = ("x",)

    def __init__(self, width: int = 40) -> None:
        super().__init__()
        self.width = width
        self.body = nn.Sequential(
            nn.Linear(1, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )

    def forward(self, molecules: Molecules) -> Tensor:
        return self.body(molecules.block("x", Vectors).values)


class Regression(GradientLearner):
    """Lets a learner of classes learn numbers: its labels are heights of a sine."""

    def adapt(self, support: Labelled) -> Predictor:
        return self.predictor(support)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.mse_loss(logits, labels)


class SineMAML(Regression, MAML):
    """MAML on the squared error."""


class SineReptile(Regression, Reptile):
    """Reptile on the squared error, with plain gradient descent as in its paper's sines."""

    def update(self) -> Update:
        return descent(dict.fromkeys(self.initial(), self.inner_rate))


@dataclass(frozen=True)
class Plan:
    """How to meta-train.

    Attributes:
        steps: meta-steps.
        tasks: sines a meta-step.
        points: points of a sine, half of them support.
        rate: at the start.
        linear: whether the rate falls to 0, under plain gradient descent; else Adam keeps it.
    """

    steps: int
    tasks: int
    points: int
    rate: float
    linear: bool = False


PLANS = {
    "maml": Plan(steps=2500, tasks=10, points=20, rate=3e-3),
    "reptile": Plan(steps=10000, tasks=1, points=50, rate=0.1, linear=True),
    "pretrained": Plan(steps=1000, tasks=10, points=20, rate=3e-3),
}


def built(name: str) -> GradientLearner:
    """Return a new learner: `maml`, `reptile`, or `pretrained`, which is MAML without steps."""
    with torch_seed(SEED, "sinusoid"):
        if name == "reptile":
            return SineReptile(Network(), inner_steps=5, inner_rate=0.02, inner_batch=10)
        return SineMAML(Network(), inner_steps=int(name == "maml"), inner_rate=0.01)


def sines(rng: np.random.Generator, tasks: int, points: int) -> tuple[list[Episode], Molecules]:
    """Draw y = A sin(x - p), A in [0.1, 5], p in [0, pi], at points of x in [-5, 5].

    Returns:
        Episodes with one half of the points in the support, and where they point into.
    """
    amplitude, phase = rng.uniform(0.1, 5, (tasks, 1)), rng.uniform(0, math.pi, (tasks, 1))
    x = rng.uniform(-5, 5, (tasks, points)).astype(np.float32)
    y = (amplitude * np.sin(x - phase)).astype(np.float32)
    rows, half = np.arange(tasks * points).reshape(tasks, points), points // 2
    episodes = [
        Episode(str(task), indices[:half], heights[:half], indices[half:], heights[half:])
        for task, (indices, heights) in enumerate(zip(rows, y, strict=True))
    ]
    return episodes, Molecules({"x": Vectors(tensor_of(x.reshape(-1, 1)))})


def train(name: str, plan: Plan) -> GradientLearner:
    """Return a learner after its meta-steps."""
    learner, kind = built(name).train(), torch.optim.SGD if plan.linear else torch.optim.Adam
    optimizer: Any = kind(learner.parameters(), lr=plan.rate)
    for step in range(plan.steps):
        rate = 1 - step / plan.steps if plan.linear else 1.0
        optimizer.param_groups[0]["lr"] = plan.rate * rate
        optimizer.zero_grad()
        learner.backward(*sines(generator(SEED, "train", step), plan.tasks, plan.points))
        optimizer.step()
    return learner.eval()


def errors(learner: GradientLearner, support: Labelled, query: Labelled) -> list[float]:
    """Return the error on the query after 0, 1, ... gradient steps on the support."""
    weights, update, by_step = learner.initial(), learner.update(), list[float]()
    with torch.no_grad():
        goal, error = learner.objective(support), learner.objective(query)
        for _ in range(STEPS + 1):
            by_step.append(float(error(weights)))
            weights = descend(weights, [goal], update, order=0)
    return by_step


def judge(learner: GradientLearner, shots: int, judged: int = JUDGED) -> NDArray[np.float64]:
    """Return the errors on new sines with a support of `shots` points, shape (judged, steps)."""
    episodes, points = sines(generator(SEED, "judged"), judged, 2 * POINTS)
    few = [
        replace(e, support=e.support[:shots], support_labels=e.support_labels[:shots])
        for e in episodes
    ]
    return np.array([errors(learner, *episode.labelled(points)) for episode in few])


def curve(errors: NDArray[np.float64]) -> pd.DataFrame:
    """Return the mean error at each step, with 1.96 standard errors below and above."""
    mean, half = errors.mean(axis=0), 1.96 * errors.std(axis=0, ddof=1) / math.sqrt(len(errors))
    steps = range(len(mean))
    return pd.DataFrame({"step": steps, "error": mean, "low": mean - half, "high": mean + half})


def drawing(table: pd.DataFrame) -> alt.Chart:
    """Draw the curves: a colour a learner, a dash a support size."""
    base = alt.Chart(table.assign(points=table["shots"].astype(str) + " points"))
    return (
        base.mark_line()
        .encode(
            alt.X("step").title("gradient steps"),
            alt.Y("error").title("mean squared error"),
            alt.Color("learner").sort(list(PLANS)),
            alt.StrokeDash("points").sort(["10 points", "5 points"]).title("support"),
        )
        .properties(width=420, height=260)
    )


def main() -> None:
    """Train and judge all, and write the table and the picture."""
    torch.set_num_threads(1)
    parts: list[pd.DataFrame] = []
    for name, plan in PLANS.items():
        learner = train(name, plan)
        parts.extend(
            curve(judge(learner, shots)).assign(learner=name, shots=shots) for shots in SHOTS
        )
    columns = ["learner", "shots", "step", "error", "low", "high"]
    table = pd.concat(parts)[columns].round(3)
    with written(HERE / "sinusoid.csv") as path:
        table.to_csv(path, index=False)
    with written(HERE / "sinusoid.png") as path:
        drawing(table).save(path, format="png", scale_factor=2)


if __name__ == "__main__":
    main()
