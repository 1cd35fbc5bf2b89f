"""Runs the real Snakemake on a small copy of the bundled assays; the first run is shared."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from safetensors import safe_open
from small_line import ROOT, Line, add, make

from molmeta.runtime.locks import exclusive

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

UPDATED = {"audit": 1, "featurize": 1, "evaluate": 4, "report": 1, "all": 1}


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    line = make(tmp_path_factory.mktemp("line"))
    done = line.run()
    assert done.returncode == 0, done.stderr[-4000:]
    return line


@pytest.fixture
def extra(line):
    """Give the place of a table that is added, and take the table away afterwards."""
    paths = []

    def place(source, as_name):
        paths.append(add(line.folder, source, 60, as_name=as_name))
        return paths[-1]

    yield place
    for path in paths:
        path.unlink()


def test_first_run_writes_the_report_and_the_screen(line):
    results = line.folder / "results"
    assert (results / "report.html").stat().st_size > 10_000
    ranked = pd.read_csv(results / "screens" / "nci.csv")
    assert ranked["probability"].is_monotonic_decreasing
    assert len(ranked) == 100


def test_first_run_draws_the_hits_and_fills_the_plate(line):
    results = line.folder / "results"
    assert "<svg" in (results / "screens" / "nci.html").read_text()
    plate = pd.read_csv(results / "plates" / "nci.csv")
    assert plate["well"].is_unique
    assert dict(plate["role"].value_counts()) == {"hit": 19, "explore": 5}


def test_every_model_is_judged_on_the_same_episodes(line):
    found = sorted((line.folder / "results" / "metrics").rglob("*.parquet"))
    digests = [tuple(pd.read_parquet(path)["episode"]) for path in found]
    assert len(found) == 4
    assert len(set(digests)) == 1


def test_one_sided_table_is_reported_and_stops_nothing(line):
    stem = line.folder / "results" / "curated" / "test" / "one_sided"
    assert pd.read_parquet(f"{stem}.parquet").empty
    status = pd.read_csv(f"{stem}.assays.csv")["status"]
    assert status.str.startswith("one-sided").all()


def test_each_job_leaves_a_log_and_a_benchmark(line):
    logs = {p.relative_to(line.folder / "logs").with_suffix("")
            for p in (line.folder / "logs").rglob("*.log")}  # fmt: skip
    times = {p.relative_to(line.folder / "results" / "benchmarks").with_suffix("")
             for p in (line.folder / "results" / "benchmarks").rglob("*.tsv")}  # fmt: skip
    assert logs == times
    assert len(logs) == 18


def test_second_run_has_nothing_to_do(line):
    assert "Nothing to be done" in line.run().stderr


def test_table_dropped_into_test_plans_its_own_jobs_and_no_training(line, extra):
    extra("test/CHEMBL4792_Ki", "test/new")
    assert line.planned() == {**UPDATED, "curate": 1}


def test_table_dropped_into_train_trains_again(line, extra):
    extra("train/CHEMBL228_Ki", "train/new")
    expected = {
        **UPDATED, "curate": 1, "train": 2, "tune": 1, "evaluate": 2, "screen": 1, "suggest": 1
    }  # fmt: skip
    assert line.planned() == expected


def test_changed_recipe_trains_that_model_only(line):
    changed = line.with_config("wider.yaml", {"width: 16": "width: 24"})
    planned = changed.planned("results/models/protonet/0.safetensors",
                              "results/models/maml/0.safetensors")  # fmt: skip
    assert planned == {"train": 1}


def test_name_of_a_table_is_neither_a_path_nor_a_command(line, extra):
    name = "my 'assay' $(touch hacked); .. \"&é"
    extra("test/CHEMBL4792_Ki", f"test/{name}")
    curated = (
        "results/curated/test/my%20%27assay%27%20%24%28touch%20hacked%29%3B%20..%20%22%26%C3%A9"
    )
    done = line.run(f"{curated}.parquet")
    assert done.returncode == 0, done.stderr
    assert set(pd.read_parquet(line.folder / f"{curated}.parquet")["assay"]) == {name}
    assert not list(line.folder.rglob("hacked"))


def test_markup_in_the_name_of_a_table_is_refused_in_one_line(line, extra):
    path = extra("test/CHEMBL4792_Ki", "test/<b>{x}")
    done = line.run("--dry-run")
    assert done.returncode != 0
    assert f"molmeta: error: {path.relative_to(line.folder)}: " in done.stderr


def test_table_in_two_splits_is_refused_in_one_line(line, extra):
    extra("test/CHEMBL4005_Ki", "valid/CHEMBL4005_Ki")
    done = line.run("--dry-run")
    assert done.returncode != 0
    assert "test/CHEMBL4005_Ki.csv: table 'CHEMBL4005_Ki'" in done.stderr


def test_mistake_in_a_table_is_shown_where_the_user_looks(line, extra):
    extra("test/CHEMBL4792_Ki", "test/bad").write_text("SMILE,active\nCCO,1\n")
    done = line.run("results/curated/test/bad.parquet")
    assert done.returncode != 0
    assert (
        "molmeta: error: data/assays/test/bad.csv: has no column of structures"
        in done.stdout + done.stderr
    )


@pytest.mark.parametrize(
    ("old", "new", "wrong", "closest"),
    [
        ("seeds:", "sedes:", "'sedes'", "'seeds'"),
        ("baselines:", "opponents:", "'opponents'", "'baselines'"),
        ("curation: {", "curation: {spread: .nan, ", "spread", "nan"),
        ("name: nci", 'name: "nci\\n"', "name", "nci"),
        ("learner: maml", "learner: mmal", "'mmal'", "'maml'"),
        ("library: data/libraries/nci_5k.smi", "library: gone.smi", "library", "'gone.smi'"),
    ],
)
def test_mistake_in_the_config_is_one_line_before_anything_runs(line, old, new, wrong, closest):
    done = line.with_config("mistake.yaml", {old: new}).run("--dry-run")
    said = (done.stdout + done.stderr).splitlines()
    (message,) = [text for text in said if text.startswith("molmeta: error: config: ")]
    assert done.returncode != 0
    assert said[-1] == message
    assert not [text for text in said if "Traceback" in text or "File " in text]
    assert wrong in message
    assert closest in message


def test_plate_keeps_its_controls_and_leaves_out_what_is_excluded(line):
    tested = (line.folder / "data" / "libraries" / "nci_5k.smi").read_text().splitlines()[:100]
    (line.folder / "tested.smi").write_text("\n".join(tested))
    (line.folder / "controls.csv").write_text("well,compound,smiles\nA1,blank,CS(C)=O\n")
    keys = "{wells: 24, explore: 0, max_similarity: 1, controls: controls.csv, exclude: tested.smi}"
    changed = line.with_config("plate.yaml", {"name: nci": "name: rest", "{wells: 24}": keys})
    done = changed.run("results/plates/rest.csv")
    assert done.returncode == 0, done.stderr
    plate = pd.read_csv(line.folder / "results" / "plates" / "rest.csv")
    assert list(plate.loc[plate["role"] == "control", ["well", "compound"]].iloc[0]) == [
        "A1", "blank"
    ]  # fmt: skip
    assert not set(plate["smiles"]) & {text.split()[0] for text in tested}
    (line.folder / "controls.csv").write_text("well,compound,smiles\nA2,blank,CS(C)=O\n")
    assert changed.planned("results/plates/rest.csv") == {"suggest": 1}


def test_screen_of_every_compound_is_planned_without_a_page(line):
    changed = line.with_config("every.yaml", {"top: 100": "top: 0"})
    assert changed.planned("results/screens/nci.csv") == {"screen_all": 1}


def test_empty_folder_is_refused(tmp_path):
    for split in ("train", "valid", "test"):
        (tmp_path / "data" / "assays" / split).mkdir(parents=True)
    done = Line(tmp_path).run("--dry-run")
    assert done.returncode != 0
    assert "molmeta: error: data/assays/train: " in done.stderr


def test_lint_finds_nothing(line):
    done = line.run("--lint")
    assert done.returncode == 0
    assert "Congratulations" in done.stderr + done.stdout


def test_snakemake_makes_its_own_report(line):
    done = line.run("--report", "provenance.html")
    assert done.returncode == 0, done.stderr
    page = (line.folder / "provenance.html").read_text()
    assert "0.svg" in page
    assert all(name in page for name in ("Learning curves", "Evaluation", "Screening"))


def test_killed_run_goes_on_from_its_checkpoint_with_the_same_command(line):
    model = "results/models/maml/0.safetensors"
    longer = line.with_config(
        "longer.yaml", {"steps: 4": "steps: 200", "n_query: 16": "checkpoint_seconds: 0.1"}
    )
    _kill_after(longer, model, steps=40)
    done = longer.run(model)
    assert done.returncode == 0, done.stderr[-4000:]
    log = (line.folder / "logs" / "train" / "maml" / "0.log").read_text()
    assert int(re.findall(r"steps: (\d+) of 200", log)[0]) >= 40
    assert "done in" in log


def test_second_run_in_one_folder_is_refused_before_it_runs_a_job(line):
    with exclusive(line.folder / "results"):
        done = line.run("--forcerun", "report")
    assert done.returncode != 0
    assert "molmeta: error: results: " in done.stderr
    assert "rule report" not in done.stderr


def test_models_that_change_with_the_featurizers_are_made_in_the_same_run(line):
    asked = {"tables: data/assays": "tables: data/assays\nfeaturizers: [graph]"}
    changed = line.with_config("further.yaml", {**asked, "width: 16": "width: 24"})
    done = changed.run("results/metrics/protonet/0.parquet")
    assert done.returncode == 0, done.stderr[-4000:]
    with safe_open(line.folder / "results" / "models" / "protonet" / "0.safetensors", "pt") as file:
        assert '"width": 24' in str(file.metadata())


def _kill_after(line: Line, model: str, *, steps: int) -> None:
    checkpoint = (line.folder / model).with_suffix(".checkpoint")
    running = subprocess.Popen(
        line.command(model), start_new_session=True, cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + 300
    while _step(checkpoint) < steps and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert _step(checkpoint) >= steps


def _step(checkpoint: Path) -> int:
    if not checkpoint.exists():
        return 0
    with safe_open(checkpoint, framework="pt") as file:
        return json.loads(file.metadata()["molmeta"])["step"]
