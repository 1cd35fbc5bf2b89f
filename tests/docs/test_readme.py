from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from paths import ROOT
from typer.testing import CliRunner

from molmeta import cli
from molmeta.models.files import save
from molmeta.models.named import baseline

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SHELL = [body.strip() for kind, body in BLOCKS if kind == "bash"]
VERBS = [command.name for command in cli.build().registered_commands]


def test_readme_can_be_read_in_one_sitting():
    assert len(README.splitlines()) <= 150


def test_first_line_makes_the_environment_and_runs_the_whole_line():
    first = SHELL[0]
    assert "\n" not in first
    assert first.startswith("python3.11 -m venv .venv && ")
    assert first.endswith(".venv/bin/snakemake --cores 2")


def test_second_line_installs_the_test_extras_and_runs_the_tests():
    second = SHELL[1]
    assert "\n" not in second
    assert ".venv/bin/pip install -c constraints.txt -e '.[test]'" in second
    assert second.endswith("OMP_NUM_THREADS=1 .venv/bin/pytest -n 2 --dist loadfile")


def test_ci_takes_both_lines_from_the_readme():
    text = (ROOT / ".ci" / "run").read_text()
    for words, line in zip(re.findall(r"readme_line '(.+?)'", text), SHELL, strict=False):
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


def test_screen_block_runs(tmp_path):
    smiles = ["CCO", "CCCO", "CCN", "CCCN", "c1ccccc1O", "c1ccccc1", "Cc1ccccc1", "CCc1ccccc1O"]
    table = pd.DataFrame({"smiles": smiles, "active": [0, 0, 0, 0, 1, 1, 1, 1]})
    table.to_csv(tmp_path / "my_assay.csv", index=False)
    (tmp_path / "library.smi.gz").write_text("CCO a\nOc1ccccc1 b\n")
    model = tmp_path / "results" / "models" / "protonet" / "0.safetensors"
    save(baseline("similarity"), model)
    block = next(body for body in SHELL if body.startswith("molmeta screen"))
    done = _molmeta(*block.split()[1:], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(pd.read_csv(tmp_path / "ranked.csv")["id"]) == ["b", "a"]


def _molmeta(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "molmeta", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd)
