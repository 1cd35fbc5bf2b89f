"""The mechanism behind every pool of processes."""

import os
import signal
import subprocess
import sys
import time
from itertools import count, islice
from pathlib import Path

import pytest

from molmeta.errors import WorkerError
from molmeta.runtime.parallel import AHEAD, mapped, streamed

WORDS = ["a" * n for n in range(7)]
ENDLESS = """
import time
from itertools import repeat
from molmeta.runtime.parallel import streamed
if __name__ == "__main__":
    for _ in streamed(time.sleep, repeat(0.05), cores=2):
        print("going", flush=True)
"""


@pytest.mark.parametrize("threads", [False, True])
def test_results_come_in_the_order_of_the_items(threads):
    assert list(streamed(len, iter(WORDS), cores=2, threads=threads)) == list(range(7))


def test_one_core_takes_no_item_before_it_is_due():
    assert list(islice(streamed(str, count()), 2)) == ["0", "1"]


def test_few_items_of_an_endless_stream_are_taken_ahead():
    taken = []

    def items():
        for number in count():
            taken.append(number)
            yield number

    stream = streamed(str, items(), cores=2, threads=True)
    next(stream)
    stream.close()
    assert len(taken) == 2 * AHEAD


def test_an_error_in_a_process_comes_back_as_it_was():
    with pytest.raises(ValueError, match="invalid literal"):
        list(streamed(int, ["1", "x"], cores=2))


def test_a_process_that_is_killed_is_a_named_error():
    with pytest.raises(WorkerError, match="was killed"):
        list(streamed(os._exit, [9], cores=2))


@pytest.mark.parametrize("cores", [1, 2])
def test_mapped_gives_a_list_in_the_order_of_the_items(cores):
    assert mapped(len, WORDS, cores=cores, chunk=3) == list(range(7))


def test_mapped_of_nothing_is_nothing():
    assert mapped(len, [], cores=2) == []


def test_processes_end_with_the_one_that_was_killed(tmp_path):
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    running = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, start_new_session=True
    )
    running.stdout.readline()
    assert len(_of_session(running.pid)) >= 3
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    until = time.monotonic() + 20
    while _of_session(running.pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert _of_session(running.pid) == []


def _of_session(leader):
    if not Path("/proc/self/stat").exists():
        pytest.skip("there is no /proc here to look for processes in")
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(path.parent.name)
    return found
