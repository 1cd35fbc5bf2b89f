"""Tell what a model is: learner, encoder, options, what it learnt from and how well.

Example: molmeta info results/models/protonet/0.safetensors
"""

from __future__ import annotations

from pathlib import Path

import typer
import yaml


def run(model: Path = typer.Argument(..., help="Model file.")) -> None:
    from molmeta.models import load

    loaded = load(model)
    history = dict(loaded.history)
    assays = history.pop("assays", [])
    weights = sum(parameter.numel() for parameter in loaded.learner.parameters())
    told = {**loaded.recipe.to_dict(), "weights": weights, **history, "n_assays": len(assays)}
    typer.echo(yaml.safe_dump(told, sort_keys=False, allow_unicode=True).rstrip())
