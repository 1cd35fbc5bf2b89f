"""Every command that writes ends in its result or in one line; the next run repairs the rest."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from functools import partial
from pathlib import Path
from random import Random

import pytest
from elsewhere import being_written

from tests.faults.commands import VERBS, results, run
from tests.faults.kills import Bench, Kills
from tests.faults.workflow import kill_workflow

KILLS = 20
RESUMED = ("featurize a library", "train", "evaluate", "enrich", "screen")
"""Verbs that keep finished parts next to the output."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(params=VERBS)
def verb(request, bench):
    yield request.param
    shutil.rmtree(bench.folder / "out", ignore_errors=True)


def said_in_one_line(said):
    lines = [line for line in said.splitlines() if line.startswith("molmeta: error: ")]
    assert "Traceback" not in said
    return len(lines) == 1 and said.splitlines()[-1] == lines[0]


def finished(bench, verb):
    status, said = run(VERBS[verb], bench.folder)
    assert status == 0, said
    made = results(bench.folder / "out")
    return made == bench.undisturbed(verb).results


def output_of(verb):
    return VERBS[verb][VERBS[verb].index("--output") + 1]


def full():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def starved(megabytes):
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20,) * 2)


def test_killed_commands_end_in_the_results_of_undisturbed_ones(bench):
    kills, rng, verbs = Kills(), Random(0), list(VERBS)
    while kills.done < KILLS:
        bench.kill(verbs[kills.done % len(verbs)], rng, kills)
    assert not kills.differences


def test_a_full_disk_is_one_line_and_costs_nothing_but_the_run(bench, verb):
    bench.undisturbed(verb)
    status, said = run(VERBS[verb], bench.folder, before=full)
    assert status == 2
    assert said_in_one_line(said)
    assert finished(bench, verb)


def test_an_output_that_another_process_writes_is_refused(bench, verb):
    with being_written(bench.folder / output_of(verb)):
        status, said = run(VERBS[verb], bench.folder)
    assert status == 2
    assert said_in_one_line(said)


def test_a_folder_that_cannot_be_written_is_one_line(bench, verb):
    words = [word if word != output_of(verb) else f"/proc/{word}" for word in VERBS[verb]]
    status, said = run(words, bench.folder)
    assert status == 2
    assert said_in_one_line(said)


@pytest.mark.parametrize("megabytes", [20, 120])
def test_little_memory_is_enough_or_one_line(bench, verb, megabytes):
    status, said = run(VERBS[verb], bench.folder, before=partial(starved, megabytes))
    assert status == 0 or (status == 2 and said_in_one_line(said)), said[-2000:]


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
@pytest.mark.parametrize("resumed", RESUMED)
def test_damaged_intermediate_files_are_made_again_or_named(bench, resumed, damage):
    rng, out = Random(f"{resumed} {damage}"), bench.folder / "out"
    expected = bench.undisturbed(resumed).results

    def unfinished():
        return [*out.glob("*.parts/0*.arrow"), *out.glob("*.checkpoint")]

    for _ in range(2):
        run(VERBS[resumed], bench.folder, seconds=60, when=unfinished)
        assert unfinished()
        for path in unfinished():
            content = bytearray(path.read_bytes())
            if damage == "truncated":
                del content[rng.randrange(len(content) + 1) :]
            elif content:
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            path.write_bytes(content)
        status, said = run(VERBS[resumed], bench.folder)
        made = results(out)
        shutil.rmtree(out)
        if status == 0:
            assert made == expected
        else:
            assert status == 2
            assert said_in_one_line(said)


@pytest.mark.slow
def test_a_workflow_that_is_killed_ends_in_the_results_of_an_undisturbed_one(tmp_path):
    assert not kill_workflow(tmp_path, kills=4, seed=0)


def test_a_limited_address_space_leaves_charts_out_and_makes_the_page(bench):
    status, said = run(
        VERBS["report"], bench.folder, before=partial(_limit, resource.RLIMIT_AS, 30 * 2**30)
    )
    page = (bench.folder / "out" / "report.html").read_text()
    shutil.rmtree(bench.folder / "out")
    assert status == 0, said
    assert "Chart not drawn" in page
    assert "ulimit -v" in said


def _limit(what, amount):
    resource.setrlimit(what, (amount, amount))


def test_a_kill_is_one_that_ends_the_process(bench):
    status, _ = run(VERBS["train"], bench.folder, seconds=0.05)
    shutil.rmtree(bench.folder / "out", ignore_errors=True)
    assert status is None
    assert os.getpid()
