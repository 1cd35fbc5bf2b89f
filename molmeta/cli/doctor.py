"""Check this installation: versions, machine, optional packages, and a ten-second self-test.

Add its output to a report of a problem. The exit status is 1 if the self-test fails.

Example: molmeta doctor
"""

from __future__ import annotations

import typer


def run() -> None:
    from molmeta.api.doctor import doctor

    facts = doctor()
    for subject, text in facts.items():
        typer.echo(f"{subject:<11} {text}")
    if not facts["self-test"].startswith("passed"):
        raise typer.Exit(1)
