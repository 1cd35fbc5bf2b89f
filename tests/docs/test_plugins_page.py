"""The plugins of docs/plugins.md work as the page says, in processes of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pandas as pd
import pytest
import toy_training
from paths import ROOT

PAGE = (ROOT / "docs" / "plugins.md").read_text()
PYTHON = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.search(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1].splitlines()


def shell(command, folder, **variables):
    program = f"{sys.executable} -m molmeta"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run(
        ["bash", "-c", re.sub("^molmeta", program, command)],
        cwd=folder, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files that the commands of the page name, and the two plugins of the page."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "maccs.py").write_text(PYTHON[0])
    (folder / "precision.py").write_text(PYTHON[1])
    smiles = toy_training.smiles()
    (folder / "library.smi").write_text("\n".join(smiles))
    active = [int("c1" in text) for text in smiles]
    pd.DataFrame({"smiles": smiles, "active": active}).to_csv(folder / "support.csv", index=False)
    done = shell("molmeta curate support.csv --output table.parquet", folder)
    assert done.returncode == 0, done.stderr
    for command in COMMANDS:
        done = shell(command, folder)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_commands_of_the_page_screen_the_library(folder):
    assert len(pd.read_csv(folder / "hits.csv")) == len(toy_training.smiles())


@pytest.mark.slow
def test_a_model_without_its_plugin_is_refused_in_one_line(folder):
    done = shell(COMMANDS[-1].replace("--plugin maccs.py", ""), folder)
    assert done.returncode == 2
    assert "maccs.py" in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_a_plugin_featurizes_in_worker_processes(folder):
    command = COMMANDS[0].replace("library.safetensors", "two.safetensors") + " --cores 2"
    done = shell(command, folder)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_variable_of_the_workflow_names_plugins(folder):
    command = COMMANDS[0].replace("--plugin maccs.py", "").replace("library.safe", "third.safe")
    assert shell(command, folder).returncode == 2
    done = shell(command, folder, MOLMETA_PLUGINS=str(folder / "maccs.py"))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_metric_of_the_page_is_a_column_of_the_evaluation(folder):
    command = "molmeta evaluate similarity table.parquet --supports 8 --repeats 1"
    done = shell(f"{command} --plugin precision.py --output metrics.parquet", folder)
    assert done.returncode == 0, done.stderr
    assert pd.read_parquet(folder / "metrics.parquet")["precision10"].between(0, 1).all()
