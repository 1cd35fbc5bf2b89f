"""docs/learners.md: traits as the classes have them, an example that works, figures that agree."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import toy_training
import yaml
from paths import ROOT
from tabular_weights import NAMES as NEED_WEIGHTS
from toy_assays import TRAINING_ASSAYS, built, drawn, episode, logits, world

from molmeta import learners
from molmeta.errors import TableError
from molmeta.evaluation.metrics import ranking
from molmeta.evaluation.statistics import ALL, CLEAN
from molmeta.models.recipes import Recipe
from molmeta.training import loop as training

SCRIPT = ROOT / "studies" / "learners.py"
PUBLISHED = ROOT.parent / "shared" / "data" / "fsmol" / "published_per_task.csv.gz"
PAGE = (ROOT / "docs" / "learners.md").read_text()
RESULTS = re.findall(r"^\| `(\w+)` \| \d{4} \|.+\| *(.*?) *\|$", PAGE, re.MULTILINE)
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
EXAMPLE = re.search(r"`molmeta/learners/(\w+)\.py`:$", PAGE, re.MULTILINE)[1]


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The learner of the page, as a file that the package finds."""
    (tmp_path / f"{EXAMPLE}.py").write_text(BLOCKS["python"])
    monkeypatch.setattr(learners, "__path__", [*learners.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    yield EXAMPLE
    sys.modules.pop(f"molmeta.learners.{EXAMPLE}", None)
    vars(learners).pop(EXAMPLE, None)


def test_the_example_is_short():
    assert len([line for line in BLOCKS["python"].splitlines() if line.strip()]) <= 32


def test_the_example_is_found_by_its_name(example):
    assert example in learners.names()


def test_the_example_trains_and_predicts_from_the_config_of_the_page(example):
    chosen = yaml.safe_load(BLOCKS["yaml"])["models"][example]
    recipe = Recipe(
        chosen["learner"], chosen["encoder"], chosen["learner_options"], toy_training.FINGERPRINTS
    )
    model, log = training.train(toy_training.task(recipe))
    smiles = toy_training.smiles()
    found = model.adapt(smiles[:8], [0, 1] * 4).predict(smiles[8:])
    assert len(log) == toy_training.OPTIONS["steps"]
    assert ((found > 0) & (found < 1)).all()


def test_the_example_learns_from_other_assays(example):
    learner = built(example)
    before = judged(learner)
    optimizer = torch.optim.Adam(learner.parameters(), lr=1e-2)
    for step in range(60):
        optimizer.zero_grad()
        numbers = range(8 * step, 8 * (step + 1))
        learner.backward([drawn(n, of=n % TRAINING_ASSAYS) for n in numbers], world())
        optimizer.step()
    assert judged(learner) > before + 0.1


def judged(learner):
    values = []
    for place in range(10**6, 10**6 + 10):
        support, query = episode(place, n_query=100)
        found = logits(learner, support, query.molecules)
        values.append(ranking.delta_auprc(query.labels.numpy(), found.numpy()))
    return np.mean(values)


def loaded(path):
    spec = importlib.util.spec_from_file_location(f"docs_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def script():
    yield from loaded(SCRIPT)


@pytest.fixture(scope="module")
def values_script():
    yield from loaded(SCRIPT.with_name("trained_values.py"))


@pytest.fixture
def run(script):
    """Two models with scores by hand; maml has a published counterpart."""
    scores = {"maml": (0.1764, 0.19), "mann": (0.2, 0.3)}
    means = [
        {"model": model, "scope": scope, "support": support, "mean": value}
        for model, values in scores.items()
        for scope in (ALL, CLEAN, script.OUTSIDE)
        for support, value in zip((16, 64), values, strict=True)
    ]
    compared = [
        {
            "model": "maml", "method": "MAML-Support16", "scope": scope, "support": support,
            "mean": 0.1764, "published": 0.18, "difference": -0.0036, "low": -0.01, "high": 0.0004,
        }
        for scope in (ALL, CLEAN, script.OUTSIDE)
        for support in (16, 64)
    ]  # fmt: skip
    settings = {"maml": ("profile", "200 x 4"), "mann": ("gine", "200 x 16")}
    return script.Figures(pd.DataFrame(means), pd.DataFrame(compared), {"maml": 41.6}, settings)


def test_rows_stand_beside_the_published_ones_with_the_best_first(script, run):
    rows = script.sections(run, [])["all"].splitlines()[2:]
    assert rows == [
        "| **`mann`** | gine | 200 x 16 |  | .200 |  | .300 |  |  | .200 / .300 |",
        "| GNN-MAML, published |  |  |  | .180 |  | .180 |  |  | .180 / .180 |",
        "| **`maml`** | profile | 200 x 4 | 42 | .176 |  | .190 |  |  | .176 / .190 |",
    ]


def test_differences_have_their_interval(script, run):
    row = script.sections(run, [])["differences"].splitlines()[2]
    interval = "-.004 [-.010, .000]"
    assert row == f"| all | `maml` | GNN-MAML | {interval} |  | {interval} |  |  |"


def test_a_goal_that_is_met_as_printed_is_reached(script, run):
    row = script.sections(run, [])["targets"].splitlines()[2]
    assert row == "| `maml` | .176 / .188 | .176 / .190 | reached |"


def test_a_goal_that_is_missed_is_said_by_how_much(script, run):
    low = replace(run, means=run.means.assign(mean=0.17))
    row = script.sections(low, [])["targets"].splitlines()[2]
    assert row.endswith("| .170 / .170 | .006 / .018 |")


def test_models_without_metrics_are_named(script, run):
    assert script.sections(run, ["ntm", "anil"])["missing"].endswith(": `ntm`, `anil`.")


def test_rows_of_missing_models_and_of_published_methods_are_kept_in_their_place(script):
    head = "|  | 16 |\n|---|---|\n"
    rows = ("**`anil`** | .190", "**`gone`** | .180", "**`maml`** | .100", "DKT, published | .150")
    old = head + "".join(f"| {row} |\n" for row in rows)
    new = head + "| **`mann`** | .200 |\n| **`maml`** | .176 |"
    assert script.completed(new, old, ["anil"]).splitlines()[2:] == [
        "| **`mann`** | .200 |",
        "| **`anil`** | .190 |",
        "| **`maml`** | .176 |",
        "| DKT, published | .150 |",
    ]


def test_differences_of_missing_models_are_kept_beside_their_like(script):
    head = "| assays | model | 16 |\n|---|---|---|\n"
    old = head + "| all | `anil` | .1 |\n| outside the panel | `anil` | .2 |\n| all | `maml` | .9 |"
    new = head + "| all | `maml` | .3 |\n| outside the panel | `maml` | .4 |"
    assert script.completed(new, old, ["anil"]).splitlines()[2:] == [
        "| all | `maml` | .3 |",
        "| all | `anil` | .1 |",
        "| outside the panel | `maml` | .4 |",
        "| outside the panel | `anil` | .2 |",
    ]


def test_results_go_into_the_last_cell_alone(script, run):
    table = "| learner | 16 / 64 |\n|---|---|\n| `maml` | .1 |\n| `anil` | |\n| `ntm` | .2 / .3 |"
    assert script.with_results(table, run).splitlines()[2:] == [
        "| `maml` | .176 / .190 |",
        "| `anil` | not run |",
        "| `ntm` | .2 / .3 |",
    ]


def test_only_what_stands_between_the_marks_is_rewritten(script):
    page = "a\n<!-- figures: x -->\nold\n<!-- end -->\nb\n<!-- figures: y -->\n<!-- end -->\n"
    found = script.rewritten(page, "x", "new")
    assert found == page.replace("old\n", "\nnew\n\n")
    assert script.rewritten(found, "x", "new") == found


def test_a_page_without_the_marks_is_refused(script):
    with pytest.raises(TableError, match="no place for figures 'x'"):
        script.rewritten("a\n<!-- figures: y -->\n<!-- end -->\n", "x", "new")


def test_the_page_has_a_place_for_every_table(script, run):
    for name in ("learners", *script.sections(run, [])):
        assert script.between(PAGE, name)


def test_every_learner_is_asked_for_by_the_configs(script):
    wanted = set(script.wanted([ROOT / path for path in script.CONFIGS]))
    assert set(learners.names()) - set(NEED_WEIGHTS) <= wanted


def test_both_tables_of_the_page_give_the_same_figures():
    levels = re.findall(r"^\| \*\*`(\w+)`\*\* \|(.+)\|$", PAGE, re.MULTILINE)
    found = {name: cells.split(" | ") for name, cells in levels if cells.count(" | ") == 8}
    for name, result in RESULTS:
        cells = found.get(name)
        assert result == (f"{cells[3]} / {cells[5]}" if cells else "not run")


def test_learners_of_values_stand_with_the_best_first(values_script):
    scores = {("cnp", "r2"): (0.1, -0.2), ("dkt", "r2"): (0.3, 0.4),
              ("cnp", "spearman"): (0.5, 0.6), ("dkt", "spearman"): (0.7, 0.8)}  # fmt: skip
    means = [
        {"model": model, "metric": metric, "support": support, "mean": value}
        for (model, metric), values in scores.items()
        for support, value in zip((16, 64), values, strict=True)
    ]
    assert list(values_script.rows(pd.DataFrame(means)))[2:] == [
        "| `dkt` | .300 | .400 | .700 / .800 |",
        "| `cnp` | .100 | -.200 | .500 / .600 |",
    ]


def test_every_learner_of_values_is_asked_for_by_its_config(values_script):
    known = yaml.safe_load((ROOT / values_script.CONFIG).read_text())
    names = [*known["models"], *known["baselines"]]
    assert values_script.models_of(ROOT / values_script.CONFIG) == names
    found = {one["learner"] for one in known["models"].values()}
    assert found | {name.split(":")[0] for name in known["baselines"]} == _with("regression")


@pytest.mark.shared
@pytest.mark.skipif(not PUBLISHED.is_file(), reason="FS-Mol's published scores are not there")
def test_every_published_method_is_in_the_published_table(script):
    known = set(pd.read_csv(PUBLISHED)["method"])
    assert {*script.METHODS.values(), *script.CALLED} <= known


def _with(trait):
    return {name for name in learners.names() if getattr(learners.get(name), trait)}
