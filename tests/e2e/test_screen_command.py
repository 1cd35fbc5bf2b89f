"""The real command and the real Snakemake: kills, full disks, broken libraries, parts."""

from __future__ import annotations

import gzip
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from small_line import ROOT, Line, make

pytestmark = pytest.mark.slow
NCI = ROOT / "data" / "libraries" / "nci_5k.smi"


@pytest.fixture
def folder(tmp_path):
    known = [line.split()[0] for line in NCI.read_text().splitlines()[:16]]
    table = pd.DataFrame({"smiles": known, "active": [1, 0] * 8})
    table.to_csv(tmp_path / "my_assay.csv", index=False)
    return tmp_path


def command(library, *words):
    return [
        sys.executable, "-m", "molmeta", "screen", "--model", "similarity",
        "--support", "my_assay.csv", "--library", str(library), "--output", "ranked.csv", *words,
    ]  # fmt: skip


def run(folder, library, *words, **options):
    return subprocess.run(
        command(library, *words),
        check=False, capture_output=True, text=True, cwd=folder, timeout=300, **options,
    )  # fmt: skip


def said_in_one_line(done):
    errors = [line for line in done.stderr.splitlines() if line.startswith("molmeta: error: ")]
    assert "Traceback" not in done.stderr
    assert len(errors) == 1
    return errors[0]


def large(folder, records=120_000):
    """Write a library of a shard and a bit."""
    lines = NCI.read_text().splitlines()
    path = folder / "large.smi"
    with path.open("w") as file:
        for number in range(records):
            smiles = lines[number % len(lines)].split()[0] if number % 50 == 0 else "C" * 9
            file.write(f"{smiles} n{number}\n")
    return path


def test_a_killed_screen_goes_on_with_the_same_command_and_gives_the_same_files(folder):
    library = large(folder)
    assert run(folder, library).returncode == 0
    expected = results(folder)
    parts = folder / "ranked.csv.parts"
    running = subprocess.Popen(
        command(library, "--cores", "2"), cwd=folder, start_new_session=True,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + 240
    while not list(parts.glob("0*.arrow")) and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    kept = {path: path.stat().st_mtime_ns for path in parts.glob("0*.arrow")}
    assert kept
    assert len(kept) == 1
    assert run(folder, library).returncode == 0
    assert results(folder) == expected
    assert not parts.exists()


def results(folder):
    return [(folder / name).read_bytes() for name in ("ranked.csv", "ranked.invalid.csv")]


def test_a_killed_worker_ends_the_screen_with_an_error_and_not_a_hang(folder):
    running = subprocess.Popen(
        command(large(folder), "--cores", "2"), cwd=folder, text=True,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    os.kill(_worker_of(running.pid), signal.SIGKILL)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 2
    assert "was killed" in said.splitlines()[-1]


def _worker_of(pid):
    """Return a process that works, once there is one: a child of the fork server."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        grandchildren = [c for child in _children(pid) for c in _children(child)]
        if grandchildren and (busy := [c for c in grandchildren if _seconds(c) > 0.5]):
            return busy[0]
        time.sleep(0.05)
    pytest.fail("no worker came up")


def _children(pid):
    return [int(c) for path in Path(f"/proc/{pid}/task").glob("*/children")
            for c in path.read_text().split()]  # fmt: skip


def _seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_truncated_library_is_ranked_and_the_status_is_2(folder):
    packed = gzip.compress(NCI.read_bytes())
    (folder / "library.smi.gz").write_bytes(packed[: len(packed) // 2])
    done = run(folder, "library.smi.gz", "--top", "10")
    assert done.returncode == 2
    assert "breaks off after line" in said_in_one_line(done)
    assert len(pd.read_csv(folder / "ranked.csv")) == 10


def test_a_full_disk_is_one_line_and_leaves_no_result(folder):
    def full():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))

    done = run(folder, NCI, preexec_fn=full)
    assert done.returncode == 2
    assert "cannot be written" in said_in_one_line(done)
    assert not (folder / "ranked.csv").exists()


def test_a_second_screen_into_the_same_output_is_refused(folder):
    with subprocess.Popen(command(large(folder)), cwd=folder, stderr=subprocess.DEVNULL) as first:
        until = time.monotonic() + 120
        while not (folder / "ranked.csv.lock").exists() and time.monotonic() < until:
            time.sleep(0.02)
        done = run(folder, NCI)
        first.kill()
    assert done.returncode == 2
    assert "is being written by another run" in said_in_one_line(done)


def test_standard_input_is_screened(folder):
    done = run(folder, "-", input="CCO a\nCCN b\n")
    assert done.returncode == 0
    assert set(pd.read_csv(folder / "ranked.csv")["id"]) == {"a", "b"}


@pytest.mark.parametrize(
    ("library", "problem"),
    [
        (".", "would contain the result"),
        ("absent.smi", "cannot be read"),
        ("my_assay.csv/x", "cannot be read"),
    ],
)
def test_what_is_no_library_is_one_line(folder, library, problem):
    done = run(folder, library)
    assert done.returncode == 2
    assert problem in said_in_one_line(done)


def test_a_library_is_featurized_once_and_screened_often(folder):
    words = ["featurize", str(NCI), "--featurizer", "morgan", "--output", "nci.safetensors"]
    made = subprocess.run(
        [sys.executable, "-m", "molmeta", *words], check=False, cwd=folder, timeout=300
    )
    assert made.returncode == 0
    assert run(folder, NCI).returncode == 0
    expected = results(folder)
    assert run(folder, "nci.safetensors", "--cores", "2").returncode == 0
    assert results(folder) == expected


def test_featurizing_that_was_killed_goes_on_and_gives_the_same_file(folder):
    library = large(folder, 20_000)
    words = [
        sys.executable, "-m", "molmeta", "featurize", str(library), "--featurizer", "morgan",
        "--cores", "2", "--output",
    ]  # fmt: skip
    subprocess.run([*words, "whole.safetensors"], check=True, cwd=folder, timeout=300)
    parts = folder / "killed.safetensors.parts"
    running = subprocess.Popen(
        [*words, "killed.safetensors"], cwd=folder, start_new_session=True,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + 240
    while len(list(parts.glob("0*.arrow"))) < 3 and time.monotonic() < until:
        time.sleep(0.005)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    done = len(list(parts.glob("0*.arrow")))
    assert 3 <= done < 10
    again = subprocess.run(
        [*words, "killed.safetensors"], check=True, cwd=folder, timeout=300,
        capture_output=True, text=True,
    )  # fmt: skip
    assert f"resumes after the first {2_000 * done} records" in again.stderr
    whole, killed = (folder / f"{name}.safetensors" for name in ("whole", "killed"))
    assert killed.read_bytes() == whole.read_bytes()
    assert not parts.exists()


def test_snakemake_scatters_a_library_and_gathers_the_same_hits(tmp_path):
    line = Line(make(tmp_path).folder, ROOT / "tests" / "e2e" / "config_screens.yaml")
    files = [f"results/screens/{name}.csv" for name in ("whole", "scattered")]
    assert line.planned(*files)["screen_part"] == 3
    done = line.run(*files)
    assert done.returncode == 0, done.stderr[-4000:]
    whole, scattered = ((tmp_path / file).read_bytes() for file in files)
    assert whole == scattered
    names = {path.name for path in (tmp_path / "results" / "screens").iterdir()}
    assert names == {
        f"{n}.{kind}" for n in ("whole", "scattered") for kind in ("csv", "invalid.csv", "html")
    }
