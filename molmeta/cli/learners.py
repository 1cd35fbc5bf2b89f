"""List every learner with its idea, one on each line.

Example: molmeta learners
"""

from __future__ import annotations

import typer


def run() -> None:
    from molmeta import learners

    for name in learners.names():
        typer.echo(f"{name:<22}{learners.get(name).idea()}")
