"""Searches on small assays: pruning, failures, budgets and recipes."""

from dataclasses import replace

import numpy as np
import optuna
import pytest
from toy_training import assays, recipe, task

from molmeta.automl.study import open_study
from molmeta.automl.tuning import TuningPlan, best_recipe, score, search, with_settings
from molmeta.errors import ConfigError
from molmeta.models.recipes import Recipe, recipe_of
from molmeta.training.task import TrainingOptions

COMPLETE, PRUNED, FAIL = (
    optuna.trial.TrialState.COMPLETE,
    optuna.trial.TrialState.PRUNED,
    optuna.trial.TrialState.FAIL,
)


def of_baseline(name="logistic_regression", **options):
    return task(Recipe(name, learner_options=options), valid=list(assays()))


def test_a_baseline_is_searched_and_gives_its_recipe():
    study, plan = open_study("", "one"), TuningPlan(of_baseline(), None, trials=3)
    search(study, plan)
    assert [trial.state for trial in study.trials] == [COMPLETE] * 3
    best = best_recipe(study, plan.task)
    assert best["learner"] == "logistic_regression"
    assert best["learner_options"]["c"] == study.best_params["learner.c"]
    assert recipe_of({k: v for k, v in best.items() if k != "training"}).build(0)


def test_a_learner_is_trained_with_the_settings_of_a_trial():
    study, plan = open_study("", "one"), TuningPlan(task(recipe("protonet")), None, trials=2)
    search(study, plan)
    best = best_recipe(study, plan.task)
    assert TrainingOptions(**best["training"]).learning_rate == pytest.approx(
        study.best_params["training.learning_rate"]
    )
    assert best["training"]["steps"] == 6


def test_a_score_is_the_mean_over_the_validation_assays():
    one = of_baseline(c=0.1)
    study = open_study("", "one")
    whole = score(one, study.ask({}))
    each = [score(replace(one, valid=[assay]), study.ask({})) for assay in one.valid]
    assert whole == pytest.approx(np.mean(each))


class PrunesAll(optuna.pruners.BasePruner):
    """Prunes at the first report."""

    def prune(self, study, trial):
        del study, trial
        return True


@pytest.mark.parametrize("one", [of_baseline(), task(recipe("protonet"))])
def test_a_poor_setting_is_pruned_in_the_middle(one):
    study = optuna.create_study(direction="maximize", pruner=PrunesAll())
    search(study, TuningPlan(one, None, trials=1))
    (trial,) = study.trials
    assert trial.state == PRUNED
    assert len(trial.intermediate_values) == 1


def test_a_setting_that_fails_is_recorded_and_the_search_continues():
    study = open_study("", "one")
    study.enqueue_trial({"learner.c": 1.0})
    broken = of_baseline()
    real = broken.valid[0]
    torn = replace(broken, valid=[replace(real, rows=real.rows + 10**6)])
    search(study, TuningPlan(torn, None, trials=2))
    assert [trial.state for trial in study.trials] == [FAIL, FAIL]
    assert all(trial.user_attrs["failure"] for trial in study.trials)
    with pytest.raises(ConfigError, match=r"no trial was completed.*first failure"):
        best_recipe(study, torn)


def test_a_budget_too_short_for_one_trial_is_refused():
    study = open_study("", "one")
    with pytest.raises(ConfigError, match="--budget: no trial was completed"):
        best_recipe(study, of_baseline())


def test_settings_go_to_learner_encoder_and_training():
    params = {"learner.a": 1, "encoder.width": 4, "training.learning_rate": 0.5}
    found = with_settings(task(recipe("protonet")), params)
    assert found.recipe.learner_options["a"] == 1
    assert found.recipe.encoder_options["width"] == 4
    assert found.training.learning_rate == 0.5
    assert found.training.steps == 6
