"""Searches the options of a learner on validation assays."""

from __future__ import annotations

import multiprocessing
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from molmeta.api._inputs import existing, model_of
from molmeta.assays.assay import assays_of, distinct_compounds, read_curated
from molmeta.automl.portfolio import fitting, portfolio
from molmeta.automl.spaces import space_of
from molmeta.automl.study import earlier_settings, open_study
from molmeta.automl.tuning import TuningPlan, best_recipe, recipe_with, search
from molmeta.errors import ConfigError
from molmeta.models.recipes import Recipe, recipe_of
from molmeta.molecules.store import load_store, update
from molmeta.report.tuning import tuning_page
from molmeta.runtime.outputs import write_text
from molmeta.training.task import Task, TrainingOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import optuna


UNITS = {"s": 1, "m": 60, "h": 3600, "": 1}


class Tuned(NamedTuple):
    """The best recipe, as `molmeta train` reads it, and the study with all trials."""

    recipe: dict[str, Any]
    study: optuna.Study


def tune(
    learner: str | Mapping[str, Any],
    tables: Sequence[Path | str],
    *,
    valid: Sequence[Path | str],
    budget: str | float | None = None,
    trials: int | None = None,
    storage: str | Path = "",
    start_from: Sequence[str | Path] = (),
    use_portfolio: bool = True,
    molecules: Path | str | None = None,
    init: Sequence[Path | str] = (),
    output: Path | None = None,
    workers: int = 1,
    seed: int = 0,
    cores: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> Tuned:
    """Search the options of a learner, its encoder and its training with Optuna.

    The first trials are the defaults, settings that worked in earlier searches, and the best ones
    of earlier studies. Trials that are worse than the median are pruned. The same call with the
    same storage resumes; several of them at a time share the work.

    Args:
        learner: name of a learner, or a recipe whose options stay as they are.
        tables: curated tables to learn from; baselines need none.
        valid: curated tables to judge on.
        budget: time for trials, such as "60m" or a number of seconds.
        trials: largest number of trials, with those that the storage has.
        storage: a file for SQLite, or the URL of a database; "" keeps trials in memory.
        start_from: storages of earlier studies.
        use_portfolio: whether to begin with settings that worked in earlier searches.
        molecules: molecule store of `molmeta featurize`; None featurizes the compounds here.
        init: models whose encoders to start from.
        output: YAML file for the recipe, with a page of the same name next to it.
        workers: processes; more than one need a storage.
        seed: of weights, draws and the search.
        cores: processes that featurize.
        progress: called with 1 after each trial of this process.

    Raises:
        ConfigError: an unknown name, no time for one trial, or an unusable storage.
        TableError: a table is not curated.
    """
    seconds = _seconds(budget)
    if seconds is None and trials is None:
        raise ConfigError(
            "--budget: is missing; got neither a time nor --trials. Give one, as 60m."
        )
    if workers > 1 and not storage:
        raise ConfigError(
            f"--workers: several processes need a common storage; got {workers} without one. Add "
            "--storage study.db."
        )
    task = _task(learner, tables, valid, molecules, init, seed, cores)
    study = open_study(str(storage), task.recipe.learner)
    study.set_user_attr("learner", task.recipe.learner)
    space = space_of(task.recipe)
    started = [fitting(settings, space) for s in start_from
               for settings in earlier_settings(str(s), task.recipe.learner)]  # fmt: skip
    presets = portfolio(task.recipe.learner, space) if use_portfolio else ()
    plan = TuningPlan(task, seconds, trials, [*started, *presets], seed)
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_work, args=(str(storage), replace(plan, seed=seed + number)))
        for number in range(1, workers)
    ]
    for process in processes:
        process.start()
    search(study, plan, progress)
    for process in processes:
        process.join()
    recipe = best_recipe(study, task)
    if output is not None:
        write_text(output, yaml.safe_dump(recipe, sort_keys=False))
        tuning_page(study, recipe, output.with_suffix(".html"))
    return Tuned(recipe, study)


def _work(storage: str, plan: TuningPlan) -> None:
    """Search in a further process."""
    search(open_study(storage, plan.task.recipe.learner), plan)


def _seconds(budget: str | float | None) -> float | None:
    if budget is None or isinstance(budget, (int, float)):
        return budget
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", budget)
    if match is None:
        raise ConfigError(
            f"--budget: must be a time; got '{budget}', expected for example 90s, 60m or 2h. "
            "Correct it."
        )
    return float(match[1]) * UNITS[match[2]]


def _task(
    learner: str | Mapping[str, Any], tables: Sequence[Path | str], valid: Sequence[Path | str],
    molecules: Path | str | None, init: Sequence[Path | str], seed: int, cores: int,
) -> Task:  # fmt: skip
    entry = {"learner": learner} if isinstance(learner, str) else dict(learner)
    training = TrainingOptions.from_mapping(entry.pop("training", {}))
    recipe = recipe_of(entry)
    frames = [read_curated([existing(p) for p in paths]) for paths in (tables, valid) if paths]
    names = _featurizers(recipe, seed)
    if molecules is None:
        whole = read_curated([existing(path) for path in (*tables, *valid)])
        store = update(None, distinct_compounds(whole), names, cores=cores)
    else:
        store = load_store(existing(molecules))
    *learning, judges = [assays_of(frame, store) for frame in frames]
    start = [model_of(path) for path in init]
    return Task(
        recipe, training, seed, learning[0] if learning else [], judges, store.molecules, start
    )


def _featurizers(recipe: Recipe, seed: int) -> tuple[str, ...]:
    """Features that any setting of the search reads."""
    names = dict.fromkeys(recipe.build(seed).featurizers)
    for option, distribution in space_of(recipe).items():
        for choice in getattr(distribution, "choices", ()):
            tried = recipe_with(recipe, {option: choice}).build(seed)
            names |= dict.fromkeys(tried.featurizers)
    return tuple(names)
