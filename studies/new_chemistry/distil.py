"""Trains a graph encoder to give vectors as far apart as those of a larger network.

python studies/new_chemistry/distil.py OUTPUT.safetensors VECTORS.npz ...

A file of vectors is written by `minimol.py` and has the arrays `smiles` and `x`. The first
thousand compounds of each file judge the encoder; the others train it. It is saved as the encoder
of a model that `init` can name, and after every pass over the compounds, so that a killed run
resumes with the same command.

Source:
    Hinton et al., Distilling the knowledge in a neural network, arXiv:1503.02531, 2015.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from molmeta.encoders.gine import GINE
from molmeta.learners._parents.embedding import in_chunks
from molmeta.models.files import save
from molmeta.models.model import Model
from molmeta.models.recipes import Recipe
from molmeta.molecules.featurizers import revision
from molmeta.molecules.store import featurize
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.molecules.blocks import Molecules

OPTIONS = {"width": 256, "layers": 5, "dropout": 0.0}
PASSES, BATCH, RATE, WARMUP, WEIGHT_DECAY = 10, 384, 1e-3, 300, 0.01
JUDGES = 1000


class Student(nn.Module):
    """A graph encoder, and a linear map from its vectors of shape (G, W) to those of shape (G, V).

    Args:
        size: V.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.encoder = GINE(**OPTIONS)
        self.head = nn.Linear(self.encoder.width, size)

    def forward(self, molecules: Molecules) -> Tensor:
        """Return the vectors, shape (G, V), less their mean."""
        return self.head(self.encoder(molecules))


class Teacher(NamedTuple):
    """Compounds and the vectors that the encoder is to give."""

    molecules: Molecules
    vectors: Tensor


def main(output: Path, files: Sequence[Path]) -> None:
    """Train, save, and write the share of the variance that is explained."""
    train, judges = read(files)
    torch.manual_seed(0)
    student = Student(train.vectors.shape[1])
    optimizer = torch.optim.AdamW(
        student.parameters(), RATE, (0.9, 0.98), weight_decay=WEIGHT_DECAY
    )
    checkpoint = output.with_suffix(".checkpoint")
    start = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        student.load_state_dict(state["student"])
        optimizer.load_state_dict(state["optimizer"])
        start = state["passes"]
    for number in range(start, PASSES):
        one_pass(student, optimizer, train, number)
        state = {"student": student.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save({**state, "passes": number + 1}, checkpoint)
        sys.stdout.write(f"pass {number + 1}: {explained(student, judges):.4f}\n")
    save(model_of(student), output)


def read(files: Sequence[Path]) -> tuple[Teacher, Teacher]:
    """Return the compounds to train on, and those that judge."""
    smiles: list[str] = []
    parts: list[Tensor] = []
    judging: list[bool] = []
    for file in files:
        with np.load(file) as table:
            smiles += table["smiles"].tolist()
            parts.append(torch.from_numpy(table["x"].astype(np.float32)))
        judging += [row < JUDGES for row in range(len(parts[-1]))]
    molecules, vectors, mask = (
        featurize(smiles, ("graph",)),
        torch.cat(parts),
        torch.tensor(judging),
    )
    train, judges = (torch.nonzero(chosen)[:, 0] for chosen in (~mask, mask))
    vectors = vectors - vectors[train].mean(0)
    return (
        Teacher(molecules.select(train), vectors[train]),
        Teacher(molecules.select(judges), vectors[judges]),
    )


def one_pass(
    student: Student, optimizer: torch.optim.Optimizer, teacher: Teacher, number: int
) -> None:
    """Train on every compound once."""
    student.train()
    spread = teacher.vectors.square().sum(1).mean()
    order = torch.randperm(len(teacher.vectors), generator=torch.Generator().manual_seed(number))
    batches = torch.split(order, BATCH)
    for k, rows in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = RATE * schedule(number * len(batches) + k, PASSES * len(batches))
        error = student(teacher.molecules.select(rows)) - teacher.vectors[rows]
        loss = error.square().sum(1).mean() / spread
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()


def schedule(step: int, steps: int) -> float:
    """Return the share of the learning rate: a linear rise, then a cosine to 0."""
    return min(1, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * step / steps))


def explained(student: Student, teacher: Teacher) -> float:
    """Return the share of the variance of the vectors that the student explains."""
    predicted = in_chunks(student.eval(), teacher.molecules)
    centred = teacher.vectors - teacher.vectors.mean(0)
    return 1 - float((predicted - teacher.vectors).square().sum() / centred.square().sum())


def model_of(student: Student) -> Model:
    """Return the encoder as a model, its vectors turned so that their distances are the head's.

    With the head H = U S V', distances of H h are those of S V' h, which has the encoder's width.
    """
    encoder = student.encoder.eval()
    turn = torch.linalg.svd(student.head.weight.detach(), full_matrices=False)
    turned = turn.S[:, None] * turn.Vh
    with torch.no_grad():
        encoder.final.weight.copy_(turned @ encoder.final.weight)
        encoder.final.bias.copy_(turned @ encoder.final.bias)
    recipe = Recipe("protonet", "gine", encoder_options=OPTIONS)
    learner = recipe.build(0).eval()
    learner.get_submodule("encoder").load_state_dict(encoder.state_dict())
    history = {"version": __version__, "featurizers": {"graph": revision("graph")}}
    return Model(learner, recipe, history)


if __name__ == "__main__":
    output, *files = map(Path, sys.argv[1:])
    main(output, files)
