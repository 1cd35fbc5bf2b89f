"""List every learner with its idea, one on each line."""

from __future__ import annotations

import importlib

import typer


def run() -> None:
    from molmeta import learners

    for name in learners.names():
        module = importlib.import_module(f"molmeta.learners.{name}")
        summary = (module.__doc__ or "").strip().splitlines()[0]
        typer.echo(f"{name:<22}{summary}")
