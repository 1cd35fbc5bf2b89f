"""Collects how the results were made: training curves, times, versions."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from molmeta.report import charts
from molmeta.report.evidence import records
from molmeta.report.palette import seed_colors
from molmeta.report.wording import model_label

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from molmeta.report.evidence import Evidence

_POINTS = 120
_PACKAGES = (
    *("molmeta", "torch", "torch-geometric", "rdkit", "deepchem", "snakemake", "scikit-learn"),
    *("numpy", "scipy", "pandas", "pyarrow", "altair", "vl-convert-python"),
)


@dataclass(frozen=True)
class Run:
    """One training run: a model and a seed."""

    seed: str
    color: str
    steps: int
    loss: float
    best: float
    best_step: int
    seconds: float


@dataclass(frozen=True)
class Training:
    """The training of one model over all its seeds."""

    model: str
    runs: tuple[Run, ...]
    loss: Markup
    valid: Markup | None


def trainings(logs: pd.DataFrame) -> list[Training]:
    """Return the training of every model that has a log, by name."""
    found = logs.groupby("model", sort=True)
    return [_training(place, str(model), rows) for place, (model, rows) in enumerate(found)]


def versions() -> list[tuple[str, str]]:
    """Return the versions that matter for the numbers."""
    return [("python", platform.python_version()), *((name, _version(name)) for name in _PACKAGES)]


def speeds(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the median seconds of adapting to a support and of predicting a query, by model."""
    drawn = evidence.metrics[evidence.metrics["reason"].eq("")]
    columns = ["adapt_seconds", "predict_seconds"]
    table = drawn.groupby("model")[columns].median().reset_index()
    return records(table)


def steps(benchmarks: pd.DataFrame) -> list[dict[str, Any]]:
    """Return seconds, processor seconds and peak memory of every step, longest first."""
    table = benchmarks.sort_values("s", ascending=False) if len(benchmarks) else benchmarks
    return records(table)


def _training(place: int, model: str, rows: pd.DataFrame) -> Training:
    colors = seed_colors(sorted({str(seed) for seed in rows["seed"]}))
    label = model_label(model)
    loss = charts.training(
        _points(rows, "loss"), colors, axis="loss", title=f"loss of {label}", key=f"loss{place}"
    )
    points = _points(rows, "valid")
    valid = charts.training(
        points,
        colors,
        axis="validation ΔAUPRC",
        title=f"validation of {label}",
        key=f"valid{place}",
    )
    runs = tuple(_run(str(seed), group, colors) for seed, group in rows.groupby("seed"))
    return Training(model, runs, loss, valid if points else None)


def _run(seed: str, rows: pd.DataFrame, colors: dict[str, str]) -> Run:
    rows = rows.sort_values("step")
    judged = rows.dropna(subset=["valid"]).sort_values("valid", ascending=False)
    return Run(
        seed=seed,
        color=colors[seed],
        steps=int(rows["step"].max()),
        loss=float(rows["loss"].tail(_POINTS).mean()),
        best=float(judged["valid"].max()),
        best_step=int(judged["step"].iloc[0]) if len(judged) else 0,
        seconds=float(rows["seconds"].max()),
    )


def _points(rows: pd.DataFrame, column: str) -> list[dict[str, Any]]:
    known = rows.dropna(subset=[column]).sort_values("step")
    return [
        {"step": float(part["step"].mean()), "seed": str(seed), "value": float(part[column].mean())}
        for seed, group in known.groupby("seed")
        for part in _parts(group)
    ]


def _parts(rows: pd.DataFrame) -> list[pd.DataFrame]:
    size = -(-len(rows) // _POINTS)
    return [rows.iloc[start : start + size] for start in range(0, len(rows), size)]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
