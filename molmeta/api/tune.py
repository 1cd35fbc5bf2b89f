"""Searches the options of a learner on validation assays."""

from __future__ import annotations

import logging
import multiprocessing
import re
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from molmeta import registry
from molmeta.api._inputs import all_existing, model_of, molecule_store
from molmeta.assays.assay import assays_of, read_curated
from molmeta.automl.portfolio import fitting, portfolio
from molmeta.automl.spaces import space_of
from molmeta.automl.study import earlier_settings, open_study
from molmeta.automl.tuning import TuningPlan, best_recipe, recipe_with, search
from molmeta.errors import ConfigError
from molmeta.models.recipes import Recipe, recipe_of
from molmeta.report.tuning import tuning_page
from molmeta.runtime.outputs import write_text
from molmeta.training.task import Task, TrainingOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    import optuna


_log = logging.getLogger(__name__)
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
    _require_an_end(seconds, trials)
    _require_storage(storage, workers)
    task = _task(learner, tables, valid, molecules, init, seed, cores)
    study = open_study(str(storage), task.recipe.learner)
    study.set_user_attr("learner", task.recipe.learner)
    first = _first_settings(task.recipe, start_from, use_portfolio=use_portfolio)
    plan = TuningPlan(task, seconds, trials, first, seed)
    with _helpers(str(storage), plan, workers - 1):
        search(study, plan, progress)
    recipe = best_recipe(study, task)
    if output is not None:
        write_text(output, yaml.safe_dump(recipe, sort_keys=False))
        tuning_page(study, recipe, output.with_suffix(".html"))
    return Tuned(recipe, study)


def _require_an_end(seconds: float | None, trials: int | None) -> None:
    if seconds is None and trials is None:
        raise ConfigError(
            "--budget: is missing; got neither a time nor --trials. Give one, as 60m."
        )


def _require_storage(storage: str | Path, workers: int) -> None:
    if workers > 1 and not storage:
        raise ConfigError(
            f"--workers: several processes need a common storage; got {workers} without one. Add "
            "--storage study.db."
        )


def _first_settings(
    recipe: Recipe, start_from: Sequence[str | Path], *, use_portfolio: bool
) -> list[dict[str, Any]]:
    """The best settings of earlier studies, and then those that worked in earlier searches."""
    space = space_of(recipe)
    best = [settings for s in start_from for settings in earlier_settings(str(s), recipe.learner)]
    presets = portfolio(recipe.learner, space) if use_portfolio else ()
    return [*(fitting(settings, space) for settings in best), *presets]


@contextmanager
def _helpers(storage: str, plan: TuningPlan, n: int) -> Generator[None]:
    """Search in n further processes, each with a seed of its own, and wait for them at the end."""
    context = multiprocessing.get_context("spawn")
    plugins = tuple(registry.loaded_plugins().values())
    processes = [
        context.Process(target=_work, args=(plugins, storage, replace(plan, seed=plan.seed + k)))
        for k in range(1, n + 1)
    ]
    for process in processes:
        process.start()
    try:
        yield
    except BaseException:
        for process in processes:
            process.terminate()
        raise
    finally:
        for process in processes:
            process.join()
    if failed := sum(process.exitcode != 0 for process in processes):
        _log.warning("%d of %d further workers failed; the others did their trials", failed, n)


def _work(plugins: Sequence[str], storage: str, plan: TuningPlan) -> None:
    for source in plugins:
        registry.load_plugin(source)
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
    groups = [all_existing(paths) for paths in (tables, valid) if paths]
    frames = [read_curated(paths) for paths in groups]
    store = molecule_store(molecules, [*chain(*groups)], _featurizers(recipe, seed), cores)
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
