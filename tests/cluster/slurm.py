"""A Slurm of one node on this machine: Debian's packages, started on the loopback interface.

The configuration must be /etc/slurm/slurm.conf, because the executor submits jobs with a clean
environment, in which a variable that names another file is lost.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CONF = Path("/etc/slurm/slurm.conf")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
CPUS = max(2, os.cpu_count() or 1)


def missing() -> str:
    """Return why Slurm cannot be started here, or ""."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    absent = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if absent:
        return f"{', '.join(absent)} not installed (Debian: slurm-wlm and munge)"
    if os.geteuid() != 0:
        return "the daemons are started as root"
    if CONF.exists() and "molmeta-test" not in CONF.read_text():
        return f"{CONF} is that of a real cluster"
    return ""


@contextmanager
def slurm(state: Path) -> Iterator[None]:
    """Start munged, slurmctld and slurmd; end these three processes at the end of the block.

    Args:
        state: empty folder for their files.
    """
    node = socket.gethostname().split(".")[0]
    CONF.parent.mkdir(parents=True, exist_ok=True)
    CONF.write_text(_conf(node, state))
    started: list[subprocess.Popen[bytes]] = []
    try:
        started.append(_munged(state))
        _until("munge", ["munge", "--no-input"], state)
        started.append(_started(["slurmctld", "-D"], state))
        started.append(_started(["slurmd", "-D", "-N", node], state))
        _until("slurmd", ["sh", "-c", "sinfo -h -o %T | grep -q idle"], state)
        yield
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(30)
        CONF.unlink()


def queue() -> list[tuple[str, str]]:
    """Return id and state of each job, those of an array one by one."""
    found = subprocess.run(
        ["squeue", "-h", "-r", "-o", "%A %T"], capture_output=True, text=True, check=True
    )
    return [(line.split()[0], line.split()[1]) for line in found.stdout.splitlines()]


def _munged(state: Path) -> subprocess.Popen[bytes]:
    key = Path("/etc/munge/munge.key")
    if not key.exists():
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        shutil.chown(key, "munge", "munge")
    for folder in ("/run/munge", "/var/log/munge", "/var/lib/munge"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        shutil.chown(folder, "munge", "munge")
    Path("/run/munge").chmod(0o755)
    return _started(
        ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "-F", "--force"],
        state,
    )


def _started(command: list[str], state: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    name = "munged" if "munged" in command else command[0]
    with (state / f"{name}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)


def _until(what: str, command: list[str], state: Path) -> None:
    for _ in range(60):
        done = subprocess.run(command, check=False, capture_output=True)
        if done.returncode == 0:
            return
        time.sleep(1)
    logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in state.glob("*.log"))
    raise RuntimeError(f"{what} does not answer: {done.stderr.decode()} {logs}")


def _conf(node: str, state: Path) -> str:
    return f"""# molmeta-test
ClusterName=molmeta
SlurmctldHost={node}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation={state}
SlurmdSpoolDir={state}/spool
SlurmctldPidFile={state}/slurmctld.pid
SlurmdPidFile={state}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ReturnToService=2
MinJobAge=300
KillWait=2
NodeName={node} NodeAddr=127.0.0.1 CPUs={CPUS} RealMemory=64000
PartitionName=main Nodes={node} Default=YES MaxTime=INFINITE State=UP
"""
