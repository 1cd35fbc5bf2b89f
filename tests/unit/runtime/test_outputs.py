"""Outputs are written completely or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from elsewhere import being_written

from molmeta.errors import OutputError
from molmeta.runtime.outputs import remove, written

FULL = """
import resource, sys
from pathlib import Path
import torch
from molmeta.runtime.tensorfiles import write_tensors
from molmeta.errors import OutputError
from molmeta.runtime.outputs import written

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
path = Path(sys.argv[1])
try:
    if sys.argv[2] == "text":
        with written(path) as temporary:
            temporary.write_text("x" * 5000)
    else:
        write_tensors(path, {"weight": torch.zeros(5000)}, {"kind": "model"})
except OutputError as error:
    print(error)
    sys.exit(2)
"""
"""A process that may write no more than 1,000 bytes of a file, as on a disk with no more left."""


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


def test_nothing_but_the_file_is_left(tmp_path):
    with written(tmp_path / "a.csv") as temporary:
        temporary.write_text("new")
    assert listed(tmp_path) == ["a.csv"]


def test_folders_are_made(tmp_path):
    with written(tmp_path / "deep" / "er" / "a.csv") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "deep" / "er" / "a.csv").read_text() == "new"


def test_the_temporary_name_keeps_the_suffixes(tmp_path):
    with written(tmp_path / "a.csv.gz") as temporary:
        assert temporary.name.endswith(".csv.gz")


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with written(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def half_written(path):
    with written(path) as temporary:
        temporary.write_text("half")
        raise KeyError


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(KeyError):
        half_written(path)
    assert path.read_text() == "old"
    assert listed(tmp_path) == ["a.csv"]


def test_the_file_is_readable_as_any_other(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("")
    with written(tmp_path / "a.csv") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a.csv").stat().st_mode == plain.stat().st_mode


def test_a_folder_that_is_a_file_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(OutputError), written(tmp_path / "file" / "a.csv"):
        pass
    assert (tmp_path / "file").read_text() == "old"


def test_a_folder_with_the_name_of_the_file_is_an_output_error(tmp_path):
    (tmp_path / "a.csv").mkdir()
    with (
        pytest.raises(OutputError, match=r"a\.csv"),
        written(tmp_path / "a.csv") as temporary,
    ):
        temporary.write_text("new")
    assert listed(tmp_path) == ["a.csv"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_an_output_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"), written(tmp_path / "a.csv"):
        pass


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no file system without files")
def test_a_file_system_that_takes_no_files_is_an_output_error():
    with (
        pytest.raises(OutputError, match=r"/proc/self/a\.csv"),
        written(Path("/proc/self/a.csv")),
    ):
        pass


@pytest.mark.parametrize("kind", ["text", "tensors"])
def test_a_full_disk_is_an_output_error_and_the_old_file_stays(tmp_path, kind):
    path = tmp_path / "a.safetensors"
    path.write_text("old")
    command = [sys.executable, "-c", FULL, str(path), kind]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stderr
    assert str(path) in done.stdout
    assert "File too large" in done.stdout
    assert path.read_text() == "old"
    assert listed(tmp_path) == ["a.safetensors"]


KILLED = """
import os, signal, sys
from pathlib import Path
from molmeta.runtime.outputs import written

with written(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_leaves_is_removed_by_the_next(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a.csv")], check=False)
    assert listed(tmp_path) == [".a.csv.partial.csv", "a.csv.lock"]
    with written(tmp_path / "a.csv") as temporary:
        assert temporary.read_text() == ""
        temporary.write_text("new")
    assert listed(tmp_path) == ["a.csv"]


def test_a_file_is_removed_with_what_a_killed_run_left(tmp_path):
    (tmp_path / "a.csv").write_text("old")
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a.csv")], check=False)
    remove(tmp_path / "a.csv")
    assert listed(tmp_path) == []
    remove(tmp_path / "a.csv")


def test_a_file_that_is_being_written_is_not_removed(tmp_path):
    (tmp_path / "a.csv").write_text("old")
    with being_written(tmp_path / "a.csv"), pytest.raises(OutputError):
        remove(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "old"


def test_two_runs_never_share_a_temporary_file(tmp_path):
    with being_written(tmp_path / "a.csv"), pytest.raises(OutputError), written(tmp_path / "a.csv"):
        pytest.fail("was opened")


def test_a_link_stays_and_its_file_is_written(tmp_path):
    target, link = tmp_path / "there" / "a.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    with written(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_device_is_refused_and_stays():
    with pytest.raises(OutputError), written(Path(os.devnull)):
        pytest.fail("was opened")
    assert Path(os.devnull).is_char_device()


def test_the_file_is_on_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda _: flushed.append((tmp_path / "a.csv").exists()))
    with written(tmp_path / "a.csv") as temporary:
        temporary.write_text("new")
    assert flushed == [False, True]
