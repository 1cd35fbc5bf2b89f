"""The shared deep kernel: its loss is a likelihood, and its kernel is the same for all."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from toy_assays import Layer, built, drawn, episode, logits, world

from molmeta.errors import ConfigError
from molmeta.learners._parts import gaussian_process as gp
from molmeta.learners.dkt import DKT


def density(learner, found, sides):
    """The log-density of the labels, by scipy, under the kernel of all molecules at once."""
    support, query = found.labelled(world())
    parts = [support, query][:sides]
    with torch.no_grad():
        views = [learner.inputs(learner.encode(part.molecules)) for part in parts]
        x = torch.cat([view.vectors for view in views])
        u = learner.log_parameters.double()
        covariance = gp.kernel(gp.Pairs(gp.squared_distances(x, x)), u)
    y = torch.cat([part.labels for part in parts]).numpy() * 2 - 1
    covariance = covariance.numpy() + float(u[gp.NOISE].exp()) * np.eye(len(y))
    mean = (support.labels * 2 - 1).mean().item()
    return multivariate_normal(np.full(len(y), mean), covariance).logpdf(y)


def test_the_loss_is_the_marginal_likelihood_of_support_and_query():
    learner, found = built("dkt"), drawn(0)
    expected = -density(learner, found, 2) / 32
    assert learner.backward([found], world()) == pytest.approx(expected, rel=1e-6)


def test_the_joint_loss_is_that_of_the_query_given_the_support():
    learner, found = built("dkt", objective="joint"), drawn(0)
    expected = -(density(learner, found, 2) - density(learner, found, 1)) / 16
    assert learner.backward([found], world()) == pytest.approx(expected, rel=1e-6)


def test_the_marginal_loss_is_another():
    losses = {o: built("dkt", objective=o).backward([drawn(0)], world()) for o in OBJECTIVES}
    assert len({round(loss, 6) for loss in losses.values()}) == 3


OBJECTIVES = ("likelihood", "joint", "marginal")


def test_every_support_meets_the_same_kernel():
    learner, (first, _), (second, _) = built("dkt"), episode(0), episode(1)
    parameters = [learner.adapt(support).fitted.posterior.u for support in (first, second)]
    assert torch.equal(*parameters)


def test_the_scale_of_the_encoder_does_not_matter():
    learner, (support, query) = built("dkt"), episode()
    before = logits(learner, support, query.molecules)
    for parameter in learner.encoder.parameters():
        parameter.data *= 7
    torch.testing.assert_close(logits(learner, support, query.molecules), before)


def test_the_second_kernel_has_a_weight_that_is_learnt():
    learner = built("dkt", further="morgan")
    learner.backward([drawn(0)], world())
    assert learner.log_parameters.grad.shape == (4,)
    assert learner.log_parameters.grad.all()


def test_an_objective_that_is_unknown_is_refused():
    with pytest.raises(ConfigError, match="objective is unknown; got 'posterior'"):
        DKT(Layer(), objective="posterior")
