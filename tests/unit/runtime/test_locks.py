import os
import subprocess
import sys
from pathlib import Path

import pytest
from elsewhere import being_written

from molmeta.errors import OutputError
from molmeta.runtime.locks import exclusive

HOLD = """
import sys
from pathlib import Path
from molmeta.runtime.locks import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def names(folder):
    return {path.name for path in folder.iterdir()}


def hold(output):
    """Start a process that holds the lock of an output, and wait until it does."""
    command = [sys.executable, "-c", HOLD, str(output)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_second_run_is_refused_while_the_first_is_running(tmp_path):
    with (
        being_written(tmp_path / "ranked.csv"),
        pytest.raises(OutputError, match=r"ranked\.csv\.lock"),
    ):
        exclusive(tmp_path / "ranked.csv").__enter__()


def test_another_process_is_refused_and_the_lock_of_a_killed_one_ignored(tmp_path):
    with hold(tmp_path / "ranked.csv") as process:
        with pytest.raises(OutputError):
            exclusive(tmp_path / "ranked.csv").__enter__()
        process.kill()
    assert names(tmp_path) == {"ranked.csv.lock"}
    with exclusive(tmp_path / "ranked.csv"):
        pass
    assert names(tmp_path) == set()


def test_a_run_that_may_wait_gets_the_lock_when_the_other_run_ends(tmp_path):
    with hold(tmp_path / "ranked.csv") as process:
        process.stdin.close()
        with exclusive(tmp_path / "ranked.csv", timeout=60):
            pass


def test_a_lock_is_removed_at_the_end(tmp_path):
    with exclusive(tmp_path / "made" / "ranked.csv"):
        pass
    assert names(tmp_path / "made") == set()


def test_blocks_for_one_output_can_be_nested(tmp_path):
    output = tmp_path / "ranked.csv"
    with exclusive(output):
        with exclusive(output):
            pass
        assert names(tmp_path) == {"ranked.csv.lock"}


def test_another_output_is_free(tmp_path):
    with exclusive(tmp_path / "a.csv"), exclusive(tmp_path / "b.csv"):
        assert names(tmp_path) == {"a.csv.lock", "b.csv.lock"}


def test_a_link_and_its_file_have_one_lock(tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "ranked.csv")
    with being_written(tmp_path / "ranked.csv"), pytest.raises(OutputError, match=r"link\.csv"):
        exclusive(tmp_path / "link.csv").__enter__()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"ranked\.csv"):
        exclusive(tmp_path / "file" / "ranked.csv").__enter__()


def test_a_device_is_refused():
    with pytest.raises(OutputError, match=os.devnull):
        exclusive(Path(os.devnull)).__enter__()
