from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from paths import DATA, ROOT
from typer.testing import CliRunner

from molmeta import cli
from molmeta.models.files import save
from molmeta.models.named import baseline

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SHELL = [body.strip() for kind, body in BLOCKS if kind == "bash"]
VERBS = [command.name for command in cli.build().registered_commands]


def test_readme_is_short():
    assert len(README.splitlines()) <= 120
    assert max(map(len, README.splitlines())) <= 120


def test_first_line_makes_the_environment_and_runs_the_whole_line():
    first = SHELL[1]
    assert "\n" not in first
    assert first.startswith("python3.11 -m venv .venv && ")
    assert first.endswith(".venv/bin/snakemake --cores 2")


def test_second_line_installs_the_test_extras_and_runs_the_tests():
    second = SHELL[2]
    assert "\n" not in second
    assert ".venv/bin/pip install -c constraints.txt -e '.[test]'" in second
    assert second.endswith("OMP_NUM_THREADS=1 .venv/bin/pytest -n 2 --dist loadfile")


def test_ci_takes_both_lines_from_the_readme():
    text = (ROOT / ".ci" / "run").read_text()
    for words, line in zip(re.findall(r"readme_line '(.+?)'", text), SHELL[1:3], strict=True):
        assert words in line
    assert "pip install" not in text


def test_ci_can_be_executed():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_readme(verb):
    assert f"molmeta {verb}" in README


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_its_purpose(verb):
    done = CliRunner().invoke(cli.build(), [verb, "--help"], prog_name="molmeta")
    assert done.exit_code == 0
    assert f"Usage: molmeta {verb}" in done.stdout
    purpose = done.stdout.splitlines()[2].strip()
    assert len(purpose) > 20


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w./-]+/[\w./-]*)`", README))))
def test_every_file_in_the_readme_exists(name):
    made = ("results/", "molmeta/learners/NAME", "molmeta/encoders/NAME")
    assert name.startswith(made) or (ROOT / name).exists()


def test_python_block_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("results/models/protonet/0.safetensors")
    save(baseline("similarity"), path)
    block = next(body for kind, body in BLOCKS if kind == "python")
    scope = {}
    exec(compile(block, "README.md", "exec"), scope)  # noqa: S102 - the block is what is tested
    assert len(scope["predictor"].predict(["CCO"])) == 1


@pytest.mark.slow
def test_screen_block_runs(tmp_path):
    (tmp_path / "data").symlink_to(DATA)
    done = _molmeta(*SHELL[0].replace("\\\n", " ").split()[1:], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(tmp_path / "ranked.csv")) == 1000
    assert (tmp_path / "hits.html").stat().st_size > 100_000


def _molmeta(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "molmeta", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd)
