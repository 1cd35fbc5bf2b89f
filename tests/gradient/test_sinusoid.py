"""The first experiment of the papers of MAML and Reptile, on a small part of its budget."""

import importlib.util
import sys

import numpy as np
import pytest
from meta_gradients import flat
from paths import ROOT

PATH = ROOT / "studies" / "first_experiments" / "sinusoid.py"
spec = importlib.util.spec_from_file_location("sinusoid", PATH)
sinusoid = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = sinusoid
spec.loader.exec_module(sinusoid)
SHORT = {
    "maml": sinusoid.Plan(steps=200, tasks=5, points=20, rate=5e-3),
    "reptile": sinusoid.Plan(steps=800, tasks=1, points=50, rate=0.2, linear=True),
}


@pytest.mark.parametrize("name", SHORT)
def test_a_short_training_lets_a_few_steps_on_ten_points_take_most_of_the_error(name):
    found = sinusoid.judge(sinusoid.train(name, SHORT[name]), 10, judged=50).mean(axis=0)
    assert found[32] < 0.5 * found[0]


def test_a_run_is_the_same_every_time():
    plan = sinusoid.Plan(steps=3, tasks=2, points=20, rate=1e-3)
    first, second = (sinusoid.train("maml", plan) for _ in range(2))
    assert (flat(first.head) == flat(second.head)).all()


def test_sines_are_those_of_the_paper():
    episodes, points = sinusoid.sines(sinusoid.generator(0, "test"), 500, 40)
    heights = np.stack([np.r_[e.support_labels, e.query_labels] for e in episodes])
    peaks = np.abs(heights).max(axis=1)
    x = points.block("x", sinusoid.Vectors).values.numpy().reshape(500, 40)
    assert (x >= -5).all()
    assert (x <= 5).all()
    assert peaks.max() == pytest.approx(5, abs=0.1)
    assert np.mean(peaks) == pytest.approx(5.1 / 2, abs=0.2)
    # y = A sin(x - p) with sin(p) >= 0: at x = 0 no sine is positive.
    near = np.abs(x) < 0.02
    assert (heights[near] < 0.15).all()


def test_what_is_judged_is_the_error_after_each_step_of_the_learner():
    learner = sinusoid.built("maml").eval()
    found = sinusoid.judge(learner, 5, judged=2)
    learner.evaluation_steps = 3
    episodes, points = sinusoid.sines(sinusoid.generator(0, "judged"), 2, 200)
    support, query = episodes[1].labelled(points)
    few = type(support)(support.molecules.select(sinusoid.torch.arange(5)), support.labels[:5])
    error = learner.loss(learner.adapt(few)(query.molecules), query.labels).item()
    assert found[1, 3] == pytest.approx(error, rel=1e-4)
