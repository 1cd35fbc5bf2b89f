"""Learning measured values: metrics against scikit-learn and scipy, learners, and evaluation."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics as reference
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from toy_assays import SIGNAL, Layer, assay, built, logits, world

from molmeta import learners, registry
from molmeta.assays.assay import with_values
from molmeta.assays.episodes import Draw, draw_episode
from molmeta.errors import ConfigError, EpisodeError
from molmeta.evaluation import metrics
from molmeta.evaluation.evaluate import EvaluationPlan, evaluate
from molmeta.evaluation.examples import examples
from molmeta.evaluation.metrics import values as value_scores
from molmeta.molecules.blocks import Vectors
from molmeta.molecules.labelled import Labelled
from molmeta.runtime.seeds import generator

NAMES = [name for name in learners.names() if learners.get(name).regression]


def valued(place=0, unknown=0):
    """An assay whose values are the second of the two dimensions that matter, about pX 6."""
    plane = world().block("descriptors", Vectors).values[:, :SIGNAL].numpy()
    values = (6 + plane[:, 1]).astype(np.float32)
    values[:unknown] = np.nan
    return replace(assay(place), values=values)


def drawn(n_support=32, n_query=24):
    found = draw_episode(valued(), Draw(n_support, n_query=n_query), generator(0, "draw"))
    return found.labelled(world())


def test_r2_is_that_of_scikit_learn_about_the_mean_of_the_query():
    y, x = np.random.default_rng(0).normal(size=(2, 30))
    found = value_scores.r2(y, x, float(y.mean()))
    assert found == pytest.approx(reference.r2_score(y, x))


def test_r2_is_about_the_mean_of_the_support():
    assert value_scores.r2([5.0, 7.0], [8.0, 8.0], 8.0) == 0
    assert value_scores.r2([5.0, 7.0], [6.0, 6.0], 8.0) == pytest.approx(0.8)


def test_r2_of_values_that_are_all_the_reference_is_not_known():
    assert np.isnan(value_scores.r2([5.0, 5.0], [5.0, 6.0], 5.0))


def test_rmse_is_that_of_scikit_learn():
    y, x = np.random.default_rng(0).normal(size=(2, 30))
    found = metrics.value_metrics(y, x, 0.0)["rmse"]
    assert found == pytest.approx(reference.root_mean_squared_error(y, x))


def test_spearman_is_that_of_scipy_with_ties():
    y, x = np.random.default_rng(0).integers(0, 6, size=(2, 30)).astype(float)
    assert value_scores.spearman(y, x) == pytest.approx(stats.spearmanr(y, x).statistic)


def test_spearman_of_a_constant_is_not_known():
    assert np.isnan(value_scores.spearman([1.0, 2.0], [3.0, 3.0]))


@pytest.mark.parametrize("predicted", [[1.0], [1.0, np.nan], [1.0, np.inf]])
def test_predictions_that_cannot_be_compared_are_refused(predicted):
    with pytest.raises(EpisodeError, match="values cannot be compared"):
        metrics.value_metrics([1.0, 2.0], predicted, 1.0)


def test_an_assay_keeps_the_compounds_that_were_measured():
    found = valued(unknown=100).measured()
    assert len(found) == len(found.smiles) == len(found.labels) == 200
    assert found.rows.tolist() == list(range(100, 300))
    assert np.isfinite(found.values).all()


def test_assays_without_any_value_are_not_learnt_from():
    found = with_values([valued(unknown=300), valued(1, unknown=100)])
    assert [(known.name, len(known)) for known in found] == [("1", 200)]


def test_assays_of_which_none_has_a_value_are_refused():
    with pytest.raises(EpisodeError, match="got none in 1 assays"):
        with_values([valued(unknown=300)])


def test_an_episode_carries_the_values_of_its_molecules():
    found = draw_episode(valued(), Draw(16, n_query=8), generator(0, "draw"))
    assert np.array_equal(found.support_values, valued().values[found.support])
    assert np.array_equal(found.query_values, valued().values[found.query])


@pytest.mark.parametrize("name", learners.names())
def test_a_learner_has_the_option_target_as_its_trait_says(name):
    cls = learners.get(name)
    assert ("target" in registry.option_defaults(cls)) == cls.regression


@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_in_the_unit_of_the_values(name):
    support, query = drawn()
    learner = built(name, target="value")
    found = logits(learner, support, query.molecules)
    other = replace(support, values=100 + 10 * support.values)
    moved = logits(learner, other, query.molecules)
    assert found.shape == (24,)
    torch.testing.assert_close(moved, 100 + 10 * found, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("name", NAMES)
def test_classes_do_not_matter_to_a_learner_of_values(name):
    support, query = drawn()
    learner = built(name, target="value")
    actives = replace(support, labels=torch.ones_like(support.labels))
    found = logits(learner, support, query.molecules)
    assert torch.equal(logits(learner, actives, query.molecules), found)


@pytest.mark.parametrize("name", NAMES)
def test_values_that_are_all_the_same_are_predicted(name):
    support, query = drawn()
    same = replace(support, values=torch.full_like(support.values, 6.5))
    found = logits(built(name, target="value"), same, query.molecules)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("name", NAMES)
def test_one_measured_molecule_is_enough(name):
    support, query = drawn()
    one = Labelled(
        support.molecules.select(torch.tensor([0])), support.labels[:1], support.values[:1]
    )
    assert torch.isfinite(logits(built(name, target="value"), one, query.molecules)).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("values", ["none", "nan", "empty"])
def test_a_support_without_a_value_is_refused(name, values):
    support, _ = drawn()
    given = {
        "none": replace(support, values=None),
        "nan": replace(support, values=support.values.index_fill(0, torch.tensor([3]), torch.nan)),
        "empty": Labelled(support.molecules, support.labels[:0], support.values[:0]),
    }
    with pytest.raises(EpisodeError, match="support: a value is missing"):
        built(name, target="value").adapt(given[values])


@pytest.mark.parametrize("name", NAMES)
def test_another_target_is_refused(name):
    with pytest.raises(ConfigError, match="target is unknown; got 'potency'"):
        learners.get(name)(Layer(), target="potency")


RATES = {"cnp": 3e-3}
"""Learning rates of those that need another than the usual 1e-2."""


def train(learner, name, steps):
    optimizer = torch.optim.Adam(learner.parameters(), lr=RATES.get(name, 1e-2))
    learner.train()
    for step in range(steps):
        optimizer.zero_grad()
        rng = generator(step, "draw")
        learner.backward([draw_episode(valued(), Draw(32, n_query=24), rng)] * 2, world())
        optimizer.step()
    return learner.eval()


@pytest.mark.parametrize("name", [name for name in NAMES if learners.get(name).meta_trained])
def test_training_lowers_the_error_of_values(name):
    support, query = drawn()

    def error(learner):
        return float((logits(learner, support, query.molecules) - query.values).square().mean())

    before = error(built(name, target="value"))
    assert error(train(built(name, target="value"), name, 60)) < before / 2


def judged(name="tanimoto_gp", unknown=0, target="value"):
    plan = EvaluationPlan(supports=(16,), repeats=1, seed=0)
    table = [valued(unknown=unknown)]
    learner = built(name, target=target)
    return evaluate(learner, table, world(), plan=plan, model="m", seed=0).iloc[0]


def test_evaluation_of_values_compares_with_the_mean_of_the_support():
    row = judged()
    rng = generator(0, "evaluate", "0", 16, 0)
    found = draw_episode(valued(), Draw(16), rng)
    support, query = found.labelled(world())
    predicted = logits(built("tanimoto_gp", target="value"), support, query.molecules)
    expected = metrics.value_metrics(
        query.values.numpy(), predicted.numpy(), float(support.values.double().mean())
    )
    assert dict(row[list(metrics.names("value"))]) == pytest.approx(expected)


def test_evaluation_of_values_also_ranks_and_has_no_probabilities():
    row = judged()
    assert row[["delta_auprc", "auroc", "ef1"]].notna().all()
    assert row[["brier", "log_loss", "calibration_error"]].isna().all()


def test_evaluation_of_classes_has_no_metric_of_values():
    assert judged(target="activity")[list(metrics.names("value"))].isna().all()


def test_what_has_no_value_is_left_out_of_the_evaluation():
    row = judged(unknown=100)
    assert row["n_support"] + row["n_query"] == 200
    assert np.isfinite(row["r2"])


def test_an_assay_without_values_is_a_row_with_its_reason():
    row = judged("adkf", unknown=300)
    assert "got no compounds" in row["reason"]
    assert np.isnan(row["r2"])


def test_examples_of_values_show_no_probability():
    plan = EvaluationPlan(supports=(16,), repeats=1, seed=0)
    learner = built("tanimoto_gp", target="value")
    found = examples(learner, [valued()], world(), plan=plan, model="m", support=16)
    assert found["probability"].isna().all()


def test_a_fitted_process_predicts_values_as_that_of_scikit_learn():
    support, query = drawn()
    learner = built("adkf", target="value")
    with torch.no_grad():
        z = learner.encode(support.molecules).double()
        predictor = learner.adapt(support)
        noise, scale, length = predictor.fitted.posterior.u.exp().numpy()
        asked = learner.encode(query.molecules).double()
        found, spread = predictor(query.molecules), predictor.uncertainty(query.molecules)
    y = support.values.double().numpy()
    kernel = ConstantKernel(scale) * Matern(length, nu=2.5) + WhiteKernel(noise)
    process = GaussianProcessRegressor(kernel, optimizer=None, alpha=0.0)
    process.fit(z.numpy(), (y - y.mean()) / y.std())
    mean, sd = process.predict(asked.numpy(), return_std=True)
    np.testing.assert_allclose(found, y.mean() + y.std() * mean, rtol=1e-5)
    np.testing.assert_allclose(spread, y.std() * np.sqrt(sd**2 - noise), rtol=1e-4)
