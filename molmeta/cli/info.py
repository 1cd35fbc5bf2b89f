"""Show what a model is: learner, encoder, options, training data and validation score.

Example: molmeta info pretrained
"""

from __future__ import annotations

import typer
import yaml


def run(model: str = typer.Argument(..., help="Model file, 'pretrained', or a baseline.")) -> None:
    from molmeta.models.named import named

    loaded = named(model)
    history = dict(loaded.history)
    assays = history.pop("assays", [])
    weights = sum(parameter.numel() for parameter in loaded.learner.parameters())
    facts = {**loaded.recipe.to_dict(), "weights": weights, **history, "n_assays": len(assays)}
    typer.echo(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True).rstrip())
