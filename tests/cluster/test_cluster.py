"""The reduced workflow and a scattered screen through Slurm, while jobs and Snakemake are killed.

Run it as `pytest -s tests/cluster`. It needs Debian's slurm-wlm and munge, and
`pip install snakemake-executor-plugin-slurm`; otherwise it is skipped.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import time
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


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Line:
    """The workflow with a screen in three parts, run without a cluster."""
    line = scattered(make(tmp_path_factory.mktemp("local")))
    done = line.run()
    assert done.returncode == 0, done.stderr[-4000:]
    return line


def scattered(line: Line) -> Line:
    return line.with_config("config.yaml", {"top: 100\n": "top: 100\n    parts: 3\n"})


def submitted(line: Line) -> subprocess.Popen[bytes]:
    """Start Snakemake on the cluster."""
    command = line.command("--workflow-profile", str(PROFILE), *LOOPBACK)
    cores = command.index("--cores")
    del command[cores : cores + 2]
    log = (line.folder / "snakemake.log").open("ab")
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


def test_a_cluster_gives_what_one_machine_gives_whatever_is_killed(undisturbed, tmp_path):
    line = scattered(make(tmp_path / "line"))
    (tmp_path / "state").mkdir()
    with slurm(tmp_path / "state"):
        first = submitted(line)
        until("a job", running)
        subprocess.run(["scancel", "--signal=KILL", "--full", running()[0]], check=True)
        until("the store of molecules", exists(line.folder, "results/molecules.safetensors"))
        until("a later job", running)
        # A step is a process of a job: the job's own script then sees it fail.
        subprocess.run(["scancel", "--signal=KILL", f"{running()[0]}.0"], check=False)
        until("a model", exists(line.folder, "results/models/*/0.safetensors"))
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        # Jobs of a Snakemake that was killed go on; those of the next one must not meet them.
        subprocess.run(["scancel", "--user=root"], check=True)
        until("an empty queue", lambda: not queue())
        second = submitted(line)
        second.wait(PATIENCE)
    log = (line.folder / "snakemake.log").read_text()
    assert second.returncode == 0, log[-6000:]
    assert "sbatch" in log or "array" in log
    assert results_of(line.folder) == results_of(undisturbed.folder)
