"""Kills Snakemake with all its jobs, runs it again, and compares the results."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from random import Random
from typing import TYPE_CHECKING

from small_line import ROOT, make

from tests.faults.commands import results

if TYPE_CHECKING:
    from pathlib import Path

    from small_line import Line

TIMED = ("benchmarks", "report.html")
"""Results that hold measured times, as storages of searches do."""


def kill_workflow(folder: Path, *, kills: int, seed: int) -> list[str]:
    """Return the names of results that differ after a number of kills."""
    lines = []
    for name in ("undisturbed", "killed"):
        (folder / name).mkdir()
        lines.append(make(folder / name))
    undisturbed, killed = lines
    began = time.monotonic()
    done = undisturbed.run()
    assert done.returncode == 0, done.stderr[-4000:]
    seconds, rng = time.monotonic() - began, Random(seed)
    for _ in range(kills):
        _kill_after(killed, rng.uniform(5, 0.5 * seconds))
    done = killed.run()
    assert done.returncode == 0, done.stderr[-4000:]
    expected, made = (results_of(line.folder) for line in lines)
    names = expected.keys() | made.keys()
    return sorted(name for name in names if expected.get(name) != made.get(name))


def _kill_after(line: Line, seconds: float) -> None:
    running = subprocess.Popen(
        line.command(), start_new_session=True, cwd=ROOT, env=line.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        running.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def results_of(folder: Path) -> dict[str, object]:
    """Return the results of a workflow by their names, without those that hold times."""
    made = results(folder / "results")
    return {name: content for name, content in made.items() if not _timed(name)}


def _timed(name: str) -> bool:
    return name.startswith(TIMED) or name.endswith(".db")
