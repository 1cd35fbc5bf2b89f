"""Builds the portfolio of `molmeta tune`, and measures what it saves.

    python studies/automl/portfolio.py FOLDER TRAIN_STORE VALID_STORE OUTPUT

FOLDER holds the curated folds of FS-Mol; the stores are those that `measure.py` writes. Settings
are judged on training assays set aside; those that complement each other best go to
`molmeta/automl/portfolio.json`. Then the same learners are searched on FS-Mol's validation assays
outside the kinase panel, from scratch and from the portfolio. The best score after each trial is
written to OUTPUT.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
import pandas as pd
import torch
from measure import set_aside

from molmeta import learners
from molmeta.assays.assay import assays_of, read_curated
from molmeta.automl.held_out import FAILURES
from molmeta.automl.portfolio import PATH, portfolio
from molmeta.automl.spaces import space_of
from molmeta.automl.study import open_study
from molmeta.automl.tuning import TuningPlan, search, with_settings
from molmeta.models.recipes import Recipe
from molmeta.molecules.store import load_store
from molmeta.runtime.outputs import written
from molmeta.training.loop import train
from molmeta.training.task import Task, TrainingOptions
from molmeta.training.validation import validation_score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay
    from molmeta.molecules.blocks import Molecules

    Floats = NDArray[np.float64]

FINGERPRINT = {"bits": "morgan", "hidden": 128, "width": 64}
RECIPES = {
    "logistic_regression": Recipe("logistic_regression"),
    "tanimoto_gp": Recipe("tanimoto_gp"),
    "protonet": Recipe("protonet", "fingerprint", {}, FINGERPRINT),
}
TRAINING = {
    "steps": 20, "episodes": 4, "supports": (16, 32), "n_query": 32, "validate_every": 10,
    "validation_supports": (16, 64), "validation_repeats": 1,
}  # fmt: skip
JUDGES = 12
"""Assays on which a search judges its settings."""
TRIALS, SEEDS = 12, 3
SETTINGS, KEPT = 40, 6
"""Settings that are judged for the portfolio, and settings in it."""
DRAWS = 500
"""Draws of `JUDGES` assays for which a portfolio has to have a good setting."""
_log = logging.getLogger(__name__)


def task_of(
    recipe: Recipe, train: Sequence[Assay], valid: Sequence[Assay], molecules: Molecules, seed: int
) -> Task:
    """The task of a search."""
    return Task(recipe, TrainingOptions(**TRAINING), seed, train, valid, molecules)


def tried(task: Task, seed: int, settings: Sequence[dict[str, Any]] = ()) -> optuna.Study:
    """A search of `TRIALS` trials that begins with these settings."""
    study = open_study("", task.recipe.learner)
    search(study, TuningPlan(task, None, TRIALS, settings, seed))
    return study


def judged(task: Task, seed: int) -> tuple[list[dict[str, Any]], Floats]:
    """Settings of a search, and the score of each on each validation assay, shape (N, A)."""
    space, settings, scores = space_of(task.recipe), list[dict[str, Any]](), list[list[float]]()
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=SETTINGS // 2)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    while len(settings) < SETTINGS:
        trial = study.ask(space)
        try:
            setting = with_settings(task, trial.params)
            trained = learners.get(setting.recipe.learner).meta_trained
            learner = (
                train(setting)[0].learner if trained else setting.recipe.build(setting.seed)
            ).eval()
        except FAILURES:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        of_assays = [validation_score(learner, task.molecules, setting, a) for a in task.valid]
        study.tell(trial, float(np.nanmean(of_assays)))
        settings.append(trial.params)
        scores.append(of_assays)
    return settings, np.array(scores)


def complementary(scores: Floats, n_kept: int, n_judges: int = JUDGES) -> list[int]:
    """Rows of the settings of a portfolio, in the order in which to try them.

    The best setting depends on the assays that judge it. Each setting is therefore the one that
    raises the best score so far the most, on average over draws of `n_judges` assays: the greedy
    choice of a portfolio (Feurer et al., JMLR 2022).

    Args:
        scores: score of each setting on each assay, shape (N, A); NaN where it has none.
        n_kept: number of settings.
        n_judges: number of assays in a draw.
    """
    rng = np.random.default_rng(0)
    draws = [rng.permutation(scores.shape[1])[:n_judges] for _ in range(DRAWS)]
    means = np.column_stack([np.nanmean(scores[:, assays], axis=1) for assays in draws])
    best, kept = np.full(DRAWS, -np.inf), list[int]()
    for _ in range(min(n_kept, len(scores))):
        raised = np.maximum(means, best).mean(1)
        raised[kept] = -np.inf
        kept.append(int(raised.argmax()))
        best = np.maximum(best, means[kept[-1]])
    return kept


def progress(study: optuna.Study) -> list[float]:
    """Best score after each trial; that of a pruned one rests on some of the assays alone."""
    complete = optuna.trial.TrialState.COMPLETE
    values = [t.value if t.state == complete else -np.inf for t in study.trials]
    return [float(value) for value in np.maximum.accumulate(values)]


def build(learning: Sequence[Assay], judges: Sequence[Assay], molecules: Molecules) -> None:
    """Write the portfolio."""
    settings: dict[str, list[dict[str, Any]]] = {}
    for name, recipe in RECIPES.items():
        candidates, scores = judged(task_of(recipe, learning, judges, molecules, 0), seed=100)
        settings[name] = [candidates[row] for row in complementary(scores, KEPT)]
        _log.info("%s: %s", name, settings[name])
    PATH.write_text(json.dumps(settings, indent=1) + "\n")


def main(folder: Path, train_store: Path, valid_store: Path, output: Path) -> None:
    """Build the portfolio and compare searches with and without it."""
    torch.set_num_threads(1)
    frame = read_curated([folder / "train" / "train.parquet"])
    names = set_aside(frame)
    store = load_store(train_store)
    frame = frame[frame["assay"].isin(names)].sample(frac=1, random_state=0)
    assays = assays_of(frame.groupby("assay").head(450), store)
    order = np.random.default_rng(0).permutation(len(assays))
    others = [assays[index] for index in order if assays[index].n_active > 40]
    judges, learning = others[: 2 * JUDGES], others[2 * JUDGES : 2 * JUDGES + 60]
    build(learning, judges, store.molecules)
    valid = load_store(valid_store)
    table = read_curated([folder / "valid" / "valid.parquet"])
    # Drawn before any assay is left out, as the compounds in the store were.
    table = table.sample(frac=1, random_state=0).groupby("assay").head(450)
    table = table[table["assay"].map(table.groupby("assay").size()) != 157]
    new = assays_of(table, valid)[:JUDGES]
    rows: list[dict[str, Any]] = []
    for name, recipe in RECIPES.items():
        for seed in range(SEEDS):
            for start, first in (("scratch", ()), ("portfolio", None)):
                both = _joined(store.molecules, valid.molecules, learning, new)
                task = task_of(recipe, both[1], both[2], both[0], seed)
                starts = list(portfolio(name, space_of(recipe))) if first is None else first
                curve = progress(tried(task, seed, starts))
                rows += [
                    {"learner": name, "seed": seed, "start": start, "trial": n, "best": value}
                    for n, value in enumerate(curve, 1)
                ]
                _log.info("%s %d %s %s", name, seed, start, np.round(curve, 4))
    with written(output) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False, float_format="%.5f")


def _joined(
    first: Molecules, second: Molecules, learning: Sequence[Assay], judges: Sequence[Assay]
) -> tuple[Molecules, list[Assay], list[Assay]]:
    """Molecules of both stores, and the assays with rows of the joined one."""
    from dataclasses import replace

    from molmeta.molecules.blocks import tensor_of
    from molmeta.molecules.store import concatenated

    names = ("morgan", "morgan3", "pharmacophores", "atom_pairs", "torsions")
    parts, assays, start = [], [], 0
    for molecules, group in ((first, learning), (second, judges)):
        rows = np.unique(np.concatenate([assay.rows for assay in group]))
        parts.append(molecules.only(names).select(tensor_of(rows)))
        assays.append([replace(a, rows=start + np.searchsorted(rows, a.rows)) for a in group])
        start += len(rows)
    return concatenated(parts), assays[0], assays[1]


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    main(*map(Path, sys.argv[1:]))
