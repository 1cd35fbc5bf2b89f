"""The workflow as the Snakemake catalogue and other workflows use it."""

import re
import shutil
import subprocess
import sys

import pytest
import yaml
from paths import ROOT
from small_line import Line

from molmeta.workflow.config import Config

pytestmark = pytest.mark.slow

FORM = re.search(
    r"^```python\n(.*?)^```", (ROOT / "config" / "README.md").read_text(), re.MULTILINE | re.DOTALL
)[1]
"""The module as config/README.md shows it."""
OUTER = """

rule summarise:
    default_target: True
    input:
        audit="results/audit.csv",
    output:
        "n_assays.txt",
    shell:
        "wc -l < {input.audit} > {output}"
"""


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(ROOT / ".test", tmp_path / "test")


def test_the_test_of_the_catalogue_runs_every_rule(folder):
    done = Line(folder, folder / "config" / "config.yaml").run()
    assert done.returncode == 0, done.stderr[-4000:]
    results = folder / "results"
    for name in (
        "report.html",
        "screens/library.csv",
        "screens/library.html",
        "plates/library.csv",
    ):
        assert (results / name).stat().st_size > 0


def test_another_workflow_uses_it_as_a_module(folder):
    (folder / "config" / "config.yaml").rename(folder / "config" / "molmeta.yaml")
    snakefile = folder / "Snakefile"
    workflow = ROOT / "workflow" / "Snakefile"
    snakefile.write_text(FORM.replace("path/to/molmeta/workflow/Snakefile", str(workflow)) + OUTER)
    command = [sys.executable, "-m", "snakemake", "--directory", str(folder), "--cores", "2"]
    command += ["--snakefile", str(snakefile)]
    environment = Line(folder).environment
    planned = subprocess.run([*command, "--dry-run", "molmeta_all"], env=environment,
                             capture_output=True, text=True)  # fmt: skip
    assert planned.returncode == 0, planned.stderr
    assert "molmeta_evaluate" in planned.stdout + planned.stderr
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (folder / "n_assays.txt").read_text().strip() == "5"


def test_the_config_of_the_page_is_valid():
    page = (ROOT / "config" / "README.md").read_text()
    text = re.search(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[1]
    assert Config.from_mapping(yaml.safe_load(text)).models["protonet"].training.steps == 250


def test_the_catalogue_finds_what_it_looks_for():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert (ROOT / "workflow" / "Snakefile").exists()
    assert (ROOT / "config" / "README.md").exists()
