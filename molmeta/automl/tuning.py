"""Searches the options of a learner with Optuna, judged on validation assays."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna

from molmeta import learners
from molmeta.automl.held_out import FAILURES
from molmeta.automl.spaces import space_of
from molmeta.automl.study import (
    FAILURE,
    WORKER,
    enqueue_next,
    judged,
    repeat_abandoned,
    this_worker,
)
from molmeta.errors import ConfigError
from molmeta.training.loop import train
from molmeta.training.task import TrainingOptions
from molmeta.training.validation import validation_score

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from molmeta.models.recipes import Recipe
    from molmeta.training.task import Task

PARTS = 4
"""Parts of the validation assays after which a baseline may be pruned."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TuningPlan:
    """What to search, and on which data.

    Attributes:
        task: recipe with the options that stay as they are, training options and data.
        seconds: time for all trials of this worker; the trial that is running ends first.
        trials: largest number of trials of all workers and earlier runs; None for no limit.
        first: settings to try first.
        seed: of the sampler.
    """

    task: Task
    seconds: float | None
    trials: int | None = None
    first: Sequence[dict[str, Any]] = ()
    seed: int = 0


def search(
    study: optuna.Study, plan: TuningPlan, progress: Callable[[int], None] = lambda _: None
) -> None:
    """Try settings until time or trials are used up.

    A setting that fails is recorded with its reason, and the search continues. One worker that is
    killed and started again tries the settings of an undisturbed one.

    Args:
        study: of `molmeta.automl.study.open_study`; other workers may use it at the same time.
        plan: what to search.
        progress: called with 1 after each trial.

    Raises:
        ConfigError: there is nothing to search.
    """
    space = space_of(plan.task.recipe)

    def objective(trial: optuna.Trial) -> float:
        trial.set_user_attr(WORKER, this_worker())
        # Each public method suggests one kind of distribution.
        suggest = trial._suggest  # pyright: ignore[reportPrivateUsage]
        params = {name: suggest(name, distribution) for name, distribution in space.items()}
        try:
            return score(with_settings(plan.task, params), trial)
        except FAILURES as error:
            trial.set_user_attr(FAILURE, str(error)[:300])
            raise

    def done(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        del study
        if reason := trial.user_attrs.get(FAILURE):
            _log.warning("trial %d failed: %s", trial.number, reason)
        progress(1)

    began = time.monotonic()
    repeat_abandoned(study)
    while plan.seconds is None or time.monotonic() - began < plan.seconds:
        number = len(judged(study))
        running = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING])
        if plan.trials is not None and number + len(running) >= plan.trials:
            break
        enqueue_next(study, plan.first)
        # A sampler for each trial: what it draws depends on the finished trials alone.
        seed = np.random.SeedSequence([plan.seed, number]).generate_state(1)[0]
        study.sampler = optuna.samplers.TPESampler(seed=int(seed), constant_liar=True)
        study.optimize(objective, n_trials=1, catch=FAILURES, callbacks=[done])


def best_recipe(study: optuna.Study, task: Task) -> dict[str, Any]:
    """Return the best setting in the form that `molmeta train --recipe` reads.

    Raises:
        ConfigError: no trial was completed.
    """
    complete = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    if not complete:
        failures = [t.user_attrs[FAILURE] for t in study.trials if FAILURE in t.user_attrs]
        reason = f"; the first failure was: {failures[0]}" if failures else ""
        raise ConfigError(
            f"--budget: no trial was completed; got {len(study.trials)} trials, expected at least "
            f"one{reason}. Give more time, or fewer training.steps in --recipe."
        )
    chosen = with_settings(task, study.best_params)
    training = chosen.training.model_dump(mode="json", exclude_unset=True)
    recipe = {**chosen.recipe.to_dict(), "training": training}
    return {name: value for name, value in recipe.items() if value}


def with_settings(task: Task, params: Mapping[str, Any]) -> Task:
    """Return a task with the options that a trial has drawn.

    Raises:
        ConfigError: a training option is out of range.
    """
    given = task.training.model_dump(exclude_unset=True)
    training = TrainingOptions(**{**given, **_options(params, "training")})
    return replace(task, recipe=recipe_with(task.recipe, params), training=training)


def recipe_with(recipe: Recipe, params: Mapping[str, Any]) -> Recipe:
    """Return a recipe with the options that a trial has drawn."""
    return replace(
        recipe,
        learner_options={**recipe.learner_options, **_options(params, "learner")},
        encoder_options={**recipe.encoder_options, **_options(params, "encoder")},
    )


def _options(params: Mapping[str, Any], group: str) -> dict[str, Any]:
    named = ((name.partition("."), value) for name, value in params.items())
    return {option: value for (prefix, _, option), value in named if prefix == group}


def score(task: Task, trial: optuna.Trial) -> float:
    """Return the mean delta-AUPRC on the validation assays of a setting.

    Raises:
        TrialPruned: the setting is worse than the median of the others at this point.
    """

    def reported(step: int, value: float) -> None:
        if math.isfinite(value):
            trial.report(value, step)
            if trial.should_prune():
                raise optuna.TrialPruned

    if learners.get(task.recipe.learner).meta_trained:
        model, log = train(task, validated=reported)
        del model
        return float(log["valid"].max())
    return _baseline_score(task, reported)


def _baseline_score(task: Task, reported: Callable[[int, float], None]) -> float:
    learner, scores = task.recipe.build(task.seed).eval(), list[float]()
    # The same order in every trial, so that trials are compared on the same assays.
    order = np.random.default_rng(task.seed).permutation(len(task.valid))
    for step, part in enumerate(np.array_split(order, min(PARTS, len(order)))):
        judged = [task.valid[int(index)] for index in part]
        assay_scores = [validation_score(learner, task.molecules, task, a) for a in judged]
        scores += [score for score in assay_scores if math.isfinite(score)]
        reported(step, float(np.mean(scores)) if scores else math.nan)
    if not scores:
        raise ConfigError(
            "--valid: no episode can be drawn; got too few compounds, expected more than the "
            "support. Lower training.validation_supports in --recipe."
        )
    return float(np.mean(scores))
