"""Kills a command at random moments until it is through, and compares what it has made."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from itertools import cycle
from random import Random
from typing import TYPE_CHECKING, Any

from tests.faults.commands import VERBS, make_inputs, results, run

if TYPE_CHECKING:
    from pathlib import Path

MOST_KILLS = 3
"""Kills of one run before it may end."""


@dataclass
class Kills:
    """Counts of a campaign, and what went wrong."""

    done: int = 0
    too_late: int = 0
    differences: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Undisturbed:
    """Results of a verb that was left alone, and the seconds that it took."""

    seconds: float
    results: dict[str, Any]


class Bench:
    """A folder with the inputs of every verb."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_inputs(folder)
        self._undisturbed: dict[str, Undisturbed] = {}

    def undisturbed(self, verb: str) -> Undisturbed:
        if verb not in self._undisturbed:
            began = time.monotonic()
            self._run_to_its_end(verb)
            seconds = time.monotonic() - began
            self._undisturbed[verb] = Undisturbed(seconds, self._taken())
        return self._undisturbed[verb]

    def kill(self, verb: str, rng: Random, kills: Kills) -> None:
        """Kill a verb once to three times, let it end, and compare."""
        expected = self.undisturbed(verb)
        moments = []
        for _ in range(rng.randint(1, MOST_KILLS)):
            moments.append(rng.uniform(0, expected.seconds))
            status, said = run(VERBS[verb], self.folder, seconds=moments[-1])
            if status is not None:
                kills.too_late += 1
                if status:
                    kills.differences.append(f"{verb} at {moments}: {said[-300:]}")
                break
            kills.done += 1
        try:
            self._run_to_its_end(verb)
        except AssertionError as error:
            kills.differences.append(f"{verb} at {moments}: {error}")
            shutil.rmtree(self.folder / "out", ignore_errors=True)
            return
        made = self._taken()
        if made != expected.results:
            names = sorted(
                name for name in made.keys() | expected.results.keys()
                if made.get(name) != expected.results.get(name)
            )  # fmt: skip
            kills.differences.append(f"{verb} at {moments}: {names} differ")

    def _run_to_its_end(self, verb: str) -> None:
        status, said = run(VERBS[verb], self.folder)
        assert status == 0, said[-2000:]

    def _taken(self) -> dict[str, Any]:
        """Return the results, every file that a run left among them, and remove them."""
        made = results(self.folder / "out")
        shutil.rmtree(self.folder / "out")
        return made


def campaign(folder: Path, n: int, seed: int) -> Kills:
    """Kill every verb in turn until n processes were killed."""
    bench, kills, rng = Bench(folder), Kills(), Random(seed)
    for verb in cycle(VERBS):
        if kills.done >= n:
            break
        bench.kill(verb, rng, kills)
    return kills
