"""Runs cases in a supervised process, which may hang, run out of memory or crash, one by one."""

from __future__ import annotations

import os
import resource
import sys
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from random import Random
from typing import TYPE_CHECKING, Any

from tests.fuzz.cases import Case, shrunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

SECONDS = 10.0
BYTES = 2 * 1024**3
"""Processor time and memory of a case; memory is counted on top of that of imported packages."""
SLOW_TRIES = 20
"""Tries to shrink a case that costs a process each time."""
PASSED = ("done", "refused")


@dataclass
class Tally:
    """Result of a campaign: outcomes by kind, failures as small as possible, and peak memory."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: dict[str, Case] = field(default_factory=dict)
    megabytes: float = 0.0


class Supervised:
    """A process that runs one case after another, and is replaced when a case ends or hangs it."""

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._pipe: Any = None
        self.megabytes = 0.0

    def outcome(self, case: Case) -> str:
        """Return "done", "refused", or what went wrong and where."""
        if self._process is None:
            self._start()
        try:
            began = _seconds(self._process.pid)
            self._pipe.send(case)
            while not self._pipe.poll(1):
                if _seconds(self._process.pid) - began > SECONDS:
                    self.close()
                    return f"hang: over {SECONDS:.0f} s"
            outcome, self.megabytes = self._pipe.recv()
        except (EOFError, OSError):
            process, self._process = self._process, None
            process.join()
            return f"crash: exit status {process.exitcode}"
        return outcome

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()


def campaign(cases: Iterable[Case]) -> Tally:
    """Run cases and shrink the first of those that fail in the same way."""
    tally, worker = Tally(), Supervised()
    try:
        for case in cases:
            outcome = worker.outcome(case)
            passed = outcome in PASSED
            tally.outcomes[case.kind, outcome if passed else outcome.partition(":")[0]] += 1
            if not passed and f"{case.kind} {outcome}" not in tally.failures:
                slow = outcome.startswith(("hang", "crash"))
                fails = partial(_fails, worker, outcome)
                smallest = shrunk(case, fails, tries=SLOW_TRIES if slow else 400)
                tally.failures[f"{case.kind} {outcome}"] = smallest
                sys.stderr.write(f"{case.kind} {outcome}\n{smallest.text()}")
            tally.megabytes = max(tally.megabytes, worker.megabytes)
    finally:
        worker.close()
    return tally


def _fails(worker: Supervised, outcome: str, case: Case) -> bool:
    return worker.outcome(case) == outcome


def generated(kind: str, seed: int, n: int | None = None) -> Iterator[Case]:
    """Yield the cases of a kind; each depends on the seed and its number alone."""
    from tests.fuzz.targets import KINDS

    number = 0
    while n is None or number < n:
        yield KINDS[kind][0](Random(f"{kind} {seed} {number}"))
        number += 1


def _serve(pipe: Connection) -> None:
    import torch

    from tests.fuzz.targets import run

    torch.set_num_threads(1)
    limit = _address_space() + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe.send("ready")
    with suppress(EOFError):
        while True:
            outcome = _outcome(run, pipe.recv())
            pipe.send((outcome, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def _outcome(run: Any, case: Case) -> str:
    try:
        return run(case)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the finding
        frames = traceback.extract_tb(error.__traceback__)
        ours = [f for f in frames if "/molmeta/" in f.filename] or list(frames)
        place = f"{ours[-1].filename.rpartition('/')[2]} {ours[-1].name}"
        return f"{type(error).__name__}: {place}: {str(error)[:60]}"


def _seconds(pid: int | None) -> float:
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - a file of the kernel
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _address_space() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123 - a file of the kernel
        return int(file.read().split()[0]) * resource.getpagesize()
