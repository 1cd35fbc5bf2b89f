"""List every learner, one a line, with its idea."""

from __future__ import annotations

import sys

import typer


def run() -> None:
    from molmeta import learners

    for name in learners.names():
        module = sys.modules[learners.get(name).__module__]
        idea = (module.__doc__ or "").strip().splitlines()[0]
        typer.echo(f"{name:<22}{idea}")
