"""The reduced workflow and a scattered screen through Slurm, while jobs and Snakemake are killed.

Run it as `pytest -s tests/cluster`. It needs Debian's slurm-wlm and munge, and
`pip install -e '.[cluster]'`; otherwise it is skipped.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from small_line import ROOT, make

from tests.cluster.slurm import missing, queue, slurm
from tests.faults.workflow import results_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from small_line import Line

PROFILE = ROOT / "workflow" / "profiles" / "slurm"
LOOPBACK = (
    "--slurm-no-account", "--slurm-status-command", "squeue", "--max-threads", "2",
    "--slurm-init-seconds-before-status-checks", "2", "--seconds-between-status-checks", "2",
    "--latency-wait", "5",
)  # fmt: skip
"""A Slurm without accounts or accounting, on a machine of two cores and with a local disk."""
PATIENCE = float(os.environ.get("MOLMETA_CLUSTER_SECONDS", "900"))

WHY_NOT = missing() or (
    "" if importlib.util.find_spec("snakemake_executor_plugin_slurm")
    else "snakemake-executor-plugin-slurm is not installed"
)  # fmt: skip
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]


SCREENS = ("results/screens/whole.csv", "results/screens/scattered.csv")


def screens(folder: Path) -> Line:
    """A working folder whose config has one screen as one job and as three parts."""
    return replace(make(folder), config=ROOT / "tests" / "e2e" / "config_screens.yaml")


def submitted(line: Line, *targets: str) -> subprocess.Popen[bytes]:
    """Start Snakemake on the cluster."""
    command = line.command("--workflow-profile", str(PROFILE), *LOOPBACK, *targets)
    cores = command.index("--cores")
    del command[cores : cores + 2]
    with (line.folder / "snakemake.log").open("ab") as log:
        return subprocess.Popen(command, env=line.environment, stdout=log, stderr=log)


def until(what: str, happened: Callable[[], object]) -> None:
    began = time.monotonic()
    while not happened():
        assert time.monotonic() - began < PATIENCE, f"{what} did not happen"
        time.sleep(1)


def running() -> list[str]:
    return [job for job, state in queue() if state == "RUNNING"]


def exists(folder: Path, pattern: str) -> Callable[[], bool]:
    return lambda: any(folder.glob(pattern))


def finished(line: Line, *targets: str) -> dict[str, object]:
    """Run on the cluster to the end, and return the results."""
    assert submitted(line, *targets).wait(PATIENCE) == 0, log_of(line)
    assert "SLURM" in log_of(line)
    return results_of(line.folder)


def locally(line: Line, *targets: str) -> dict[str, object]:
    done = replace(line, patience=PATIENCE).run(*targets)
    assert done.returncode == 0, done.stderr[-4000:]
    return results_of(line.folder)


def log_of(line: Line) -> str:
    return (line.folder / "snakemake.log").read_text()[-6000:]


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory):
    with slurm(tmp_path_factory.mktemp("state")):
        yield


def test_screens_are_the_same_whatever_is_killed(tmp_path):
    line = screens(tmp_path / "cluster")
    first = submitted(line, *SCREENS)
    until("a job", running)
    subprocess.run(["scancel", "--signal=KILL", "--full", running()[0]], check=True)
    until("the curated table", exists(line.folder, "results/curated/test/*.parquet"))
    until("a later job", running)
    # A step is a process of a job; the script of the job sees it fail.
    subprocess.run(["scancel", "--signal=KILL", f"{running()[0]}.0"], check=False)
    until("the first part", exists(line.folder, "results/screens/*.parts/*.arrow"))
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    # Jobs outlive a Snakemake that was killed; those of the next one must not meet them.
    subprocess.run(["scancel", "--user=root"], check=True)
    until("an empty queue", lambda: not queue())
    made = finished(line, *SCREENS)
    assert made == locally(screens(tmp_path / "local"), *SCREENS)


def test_the_reduced_workflow_gives_what_one_machine_gives(tmp_path):
    made = finished(make(tmp_path / "cluster"))
    assert made == locally(make(tmp_path / "local"))
