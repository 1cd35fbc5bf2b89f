"""How the results were produced: commands, versions, times, configuration and input files."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any

from molmeta.report.evidence import records
from molmeta.report.sections.base import Inputs, Section
from molmeta.version import __version__

if TYPE_CHECKING:
    import pandas as pd


_PACKAGES = (
    *("torch", "torch-geometric", "rdkit", "deepchem", "snakemake", "scikit-learn"),
    *("numpy", "scipy", "pandas", "pyarrow", "altair", "vl-convert-python"),
)


def build(inputs: Inputs) -> dict[str, Any]:
    """Return versions, speed of the models, and time of the workflow's steps, longest first."""
    benchmarks = inputs.evidence.benchmarks
    steps = benchmarks.sort_values("s", ascending=False) if len(benchmarks) else benchmarks
    return {
        "versions": {"molmeta": __version__, "python": platform.python_version()}
        | {package: _version(package) for package in _PACKAGES},
        "speeds": _speeds(inputs.evidence.metrics),
        "steps": records(steps),
    }


def _speeds(metrics: pd.DataFrame) -> list[dict[str, Any]]:
    """Median seconds to adapt to a support and to predict a query, by model."""
    evaluated = metrics[metrics["reason"].eq("")]
    columns = ["adapt_seconds", "predict_seconds"]
    return records(evaluated.groupby("model")[columns].median().reset_index())


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


SECTION = Section("How it was made", 60, build)
