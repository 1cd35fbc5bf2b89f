"""Training curves and runs of every meta-learner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from molmeta.report import charts
from molmeta.report.palette import seed_colors
from molmeta.report.sections.base import Inputs, Section
from molmeta.report.wording import model_label

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup


_POINTS = 120
"""Points of a line; each is a mean over consecutive steps."""


@dataclass(frozen=True)
class TrainingRun:
    """One training run, of a model and a seed.

    Attributes:
        seed: training seed.
        color: color of its line.
        steps: number of steps.
        loss: mean loss of the last steps.
        best: best validation score; NaN if it was never validated.
        best_step: step of the best validation.
        seconds: duration.
    """

    seed: str
    color: str
    steps: int
    loss: float
    best: float
    best_step: int
    seconds: float


@dataclass(frozen=True)
class ModelTraining:
    """The training of one model over all its seeds, with its charts."""

    model: str
    runs: tuple[TrainingRun, ...]
    loss: Markup
    valid: Markup | None


def build(inputs: Inputs) -> dict[str, Any] | None:
    """Return the training of every model that has a log, by name; None without logs."""
    logs = inputs.evidence.logs
    if logs.empty:
        return None
    groups = enumerate(logs.groupby("model", sort=True))
    return {"trainings": [_training(number, str(model), rows) for number, (model, rows) in groups]}


def _training(number: int, model: str, rows: pd.DataFrame) -> ModelTraining:
    colors = seed_colors(sorted({str(seed) for seed in rows["seed"]}))
    label = model_label(model)
    losses, validations = _points(rows, "loss"), _points(rows, "valid")
    loss = charts.training(
        losses, colors, axis="loss", title=f"Loss of {label}", key=f"loss{number}"
    )
    title = f"Validation score of {label}"
    valid = charts.training(
        validations, colors, axis="validation ΔAUPRC", title=title, key=f"valid{number}"
    )
    runs = tuple(_run(str(seed), group, colors) for seed, group in rows.groupby("seed"))
    return ModelTraining(model, runs, loss, valid if validations else None)


def _run(seed: str, rows: pd.DataFrame, colors: dict[str, str]) -> TrainingRun:
    rows = rows.sort_values("step")
    validated = rows.dropna(subset=["valid"]).sort_values("valid", ascending=False)
    return TrainingRun(
        seed=seed,
        color=colors[seed],
        steps=int(rows["step"].max()),
        loss=float(rows["loss"].tail(_POINTS).mean()),
        best=float(validated["valid"].max()),
        best_step=int(validated["step"].iloc[0]) if len(validated) else 0,
        seconds=float(rows["seconds"].max()),
    )


def _points(rows: pd.DataFrame, column: str) -> list[dict[str, Any]]:
    measured = rows.dropna(subset=[column]).sort_values("step")
    return [
        {"step": float(part["step"].mean()), "seed": str(seed), "value": float(part[column].mean())}
        for seed, group in measured.groupby("seed")
        for part in _parts(group)
    ]


def _parts(rows: pd.DataFrame) -> list[pd.DataFrame]:
    size = -(-len(rows) // _POINTS)
    return [rows.iloc[start : start + size] for start in range(0, len(rows), size)]


SECTION = Section("Training", 50, build)
