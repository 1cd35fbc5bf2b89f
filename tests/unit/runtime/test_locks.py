import os

import pytest

from molmeta.errors import OutputError
from molmeta.runtime.locks import exclusive


def test_a_second_run_is_refused_while_the_first_goes_on(tmp_path):
    output = tmp_path / "ranked.csv"
    with exclusive(output), pytest.raises(OutputError, match="is being written by another run"):
        exclusive(output).__enter__()


def test_a_lock_leaves_nothing_behind(tmp_path):
    with exclusive(tmp_path / "made" / "ranked.csv"):
        pass
    assert list((tmp_path / "made").iterdir()) == []


def test_the_lock_file_of_a_killed_run_holds_nobody_up(tmp_path):
    (tmp_path / "ranked.csv.lock").touch()
    with exclusive(tmp_path / "ranked.csv"):
        pass


def test_another_output_is_free(tmp_path):
    with exclusive(tmp_path / "a.csv"), exclusive(tmp_path / "b.csv"):
        assert {path.name for path in tmp_path.iterdir()} == {"a.csv.lock", "b.csv.lock"}


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        exclusive(tmp_path / "file" / "ranked.csv").__enter__()


def test_the_lock_is_let_go_when_its_process_ends(tmp_path):
    output = tmp_path / "ranked.csv"
    child = os.fork()
    if child == 0:
        exclusive(output).__enter__()
        os._exit(0)
    os.waitpid(child, 0)
    with exclusive(output):
        pass
