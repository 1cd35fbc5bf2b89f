"""Likelihood, prediction and hypergradient against plain numpy and finite differences."""

import numpy as np
import pytest
import torch
from scipy.special import ndtr
from scipy.stats import lognorm, multivariate_normal

from molmeta.errors import EpisodeError
from molmeta.learners._parts import gaussian_process as gp
from molmeta.learners._parts.targets import log_odds

U = torch.tensor([-1.6, 0.3, 0.2, -0.7], dtype=torch.float64)
PRIOR = gp.Prior(
    torch.tensor([-2.0, 0.0, 0.5, -0.2], dtype=torch.float64),
    torch.tensor([0.25, 1.0, 0.25, 1.0], dtype=torch.float64),
)
FLAT = gp.Prior(torch.zeros(4, dtype=torch.float64), torch.full((4,), torch.inf).double())


def drawn(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def pairs(x, others):
    """Distances of vectors, and as a further kernel the product of their signs."""
    further = (x.sign() @ others.sign().T / x.shape[1]).detach()
    return gp.Pairs(gp.squared_distances(x, others), (further,))


def known(n=12, seed=0):
    x = drawn(n, 4, seed=seed)
    return gp.Observations(pairs(x, x), torch.sign(drawn(n, seed=seed + 1)))


def plain_kernel(x, others, u):
    """Matern 5/2 as in the books, by plain loops."""
    _, scale, length, weight = np.exp(u)
    rows = []
    for one in x.numpy():
        row = []
        for other in others.numpy():
            d = np.sqrt(((one - other) ** 2).sum())
            r = np.sqrt(5) * d / length
            matern = (1 + r + 5 * d**2 / (3 * length**2)) * np.exp(-r)
            row.append(scale * matern + weight * np.sign(one) @ np.sign(other) / len(one))
        rows.append(row)
    return np.array(rows)


def plain_covariance(x, u):
    return plain_kernel(x, x, u) + np.exp(u[0]) * np.eye(len(x))


def test_the_kernel_is_that_of_the_books():
    x, others = drawn(5, 4), drawn(7, 4, seed=1)
    found = gp.kernel(pairs(x, others), U)
    np.testing.assert_allclose(found, plain_kernel(x, others, U.numpy()), rtol=1e-9)


def test_the_marginal_likelihood_is_a_normal_density():
    x, y = drawn(12, 4), torch.sign(drawn(12, seed=1))
    expected = multivariate_normal(np.zeros(12), plain_covariance(x, U.numpy())).logpdf(y)
    assert gp.objective(known(), FLAT, U).item() == pytest.approx(-expected, rel=1e-9)


def test_the_prior_is_log_normal_with_its_mode_at_the_centre():
    def density(u):
        modes, scales = PRIOR.centre.numpy(), PRIOR.scale.numpy()
        laws = (lognorm(s, scale=np.exp(m + s**2)) for m, s in zip(modes, scales, strict=True))
        return sum(law.logpdf(np.exp(x)) for law, x in zip(laws, u.numpy(), strict=True))

    def penalty(u):
        return float(gp.objective(known(), PRIOR, u) - gp.objective(known(), FLAT, u))

    other = U + 0.3
    expected = density(U) - density(other)
    assert penalty(other) - penalty(U) == pytest.approx(expected, rel=1e-9)


def test_the_posterior_is_the_conditional_of_a_joint_normal():
    x, query, y = drawn(12, 4), drawn(5, 4, seed=3), torch.sign(drawn(12, seed=1))
    inverse = np.linalg.inv(plain_covariance(x, U.numpy()))
    cross = plain_kernel(query, x, U.numpy())
    covariance = plain_covariance(query, U.numpy()) - cross @ inverse @ cross.T
    found = gp.posterior(known(), U)
    np.testing.assert_allclose(found.mean(pairs(query, x)), cross @ inverse @ y.numpy(), rtol=1e-9)
    own = pairs(query, query)
    np.testing.assert_allclose(found.covariance(pairs(query, x), own), covariance, rtol=1e-9)


def test_the_variance_is_the_diagonal_of_the_covariance_without_noise():
    x, query = drawn(12, 4), drawn(5, 4, seed=3)
    found, cross = gp.posterior(known(), U), pairs(query, x)
    own = gp.kernel(pairs(query, query), U).diagonal()
    expected = found.covariance(cross, pairs(query, query)).diagonal() - found.noise
    torch.testing.assert_close(found.variance(cross, own), expected)


def test_a_joint_density_is_that_of_scipy():
    x, y, mean = drawn(6, 4), drawn(6, seed=1), drawn(6, seed=2)
    covariance = plain_covariance(x, U.numpy())
    found = gp.log_density(y, mean, torch.from_numpy(covariance))
    expected = multivariate_normal(mean.numpy(), covariance).logpdf(y)
    assert found.item() == pytest.approx(expected, rel=1e-9)


def test_the_likelihood_of_a_support_is_kept_with_its_posterior():
    found = gp.posterior(known(), U).log_likelihood
    assert found.item() == pytest.approx(-gp.objective(known(), FLAT, U).item(), rel=1e-12)


def test_the_gradient_is_that_of_central_differences():
    step = 1e-6 * torch.eye(4, dtype=torch.float64)
    ends = [[gp.objective(known(), PRIOR, U + s * d) for s in (1, -1)] for d in step]
    expected = torch.stack([(up - down) / 2e-6 for up, down in ends])
    torch.testing.assert_close(gp.gradient(known(), PRIOR, U), expected, rtol=1e-6, atol=1e-7)


def test_the_hessian_is_that_of_central_differences():
    step = 1e-6 * torch.eye(4, dtype=torch.float64)
    ends = [[gp.gradient(known(), PRIOR, U + s * d) for s in (1, -1)] for d in step]
    expected = torch.stack([(up - down) / 2e-6 for up, down in ends])
    found = gp.expansion(known(), PRIOR, U).hessian
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


def test_an_expansion_agrees_with_objective_and_gradient():
    found = gp.expansion(known(), PRIOR, U)
    torch.testing.assert_close(found.value, gp.objective(known(), PRIOR, U))
    torch.testing.assert_close(found.gradient, gp.gradient(known(), PRIOR, U))


@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_vanishes_at_the_optimum(seed):
    support = known(seed=seed)
    found = gp.gradient(support, PRIOR, gp.optimum(support, PRIOR))
    assert found.abs().max() < 1e-8


@pytest.mark.parametrize("seed", range(5))
def test_no_point_near_the_optimum_is_lower(seed):
    support = known(seed=seed)
    best = gp.optimum(support, PRIOR)
    lowest = gp.objective(support, PRIOR, best)
    near = [gp.objective(support, PRIOR, best + 0.05 * drawn(4, seed=s)) for s in range(20)]
    assert min(near) > lowest


def query_loss(x, centre, inner):
    """What is predicted of a query, after the parameters were fitted to a support."""
    y = torch.sign(drawn(12, seed=1))
    support = gp.Observations(pairs(x[:12], x[:12]), y)
    prior = gp.Prior(centre, PRIOR.scale)
    with torch.no_grad():
        u = gp.optimum(support, prior)
    found = gp.posterior(support, inner(support, prior, u))
    cross, own = pairs(x[12:], x[:12]), pairs(x[12:], x[12:])
    asked = torch.sign(drawn(len(x) - 12, seed=2))
    return -gp.log_density(asked, found.mean(cross), found.covariance(cross, own))


def differences(function, x, step=1e-5):
    found = torch.zeros_like(x)
    for place in range(x.numel()):
        moved = torch.zeros_like(x).flatten()
        moved[place] = step
        moved = moved.view_as(x)
        found.view(-1)[place] = (function(x + moved) - function(x - moved)) / (2 * step)
    return found


def hypergradient(inner):
    x, centre = drawn(16, 4).requires_grad_(), PRIOR.centre.clone().requires_grad_()
    return torch.autograd.grad(query_loss(x, centre, inner), (x, centre))


def test_the_hypergradient_by_vectors_is_that_of_differences_through_the_optimum():
    found, _ = hypergradient(gp.implicit)
    expected = differences(lambda x: query_loss(x, PRIOR.centre, gp.implicit), drawn(16, 4))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)


def test_the_hypergradient_by_the_prior_is_that_of_differences_through_the_optimum():
    _, found = hypergradient(gp.implicit)
    x = drawn(16, 4)
    expected = differences(lambda centre: query_loss(x, centre, gp.implicit), PRIOR.centre)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)


def test_without_the_implicit_term_the_gradient_is_another():
    whole, _ = hypergradient(gp.implicit)
    x = drawn(16, 4).requires_grad_()
    loss = query_loss(x, PRIOR.centre, lambda *parts: parts[-1])
    part = torch.autograd.grad(loss, x)[0]
    assert (whole - part).abs().max() > 1e-3


def test_molecules_that_repeat_leave_a_finite_hypergradient():
    x = drawn(16, 4)
    x[5], x[14] = x[3], x[3]
    x.requires_grad_()
    (found,) = torch.autograd.grad(query_loss(x, PRIOR.centre, gp.implicit), x)
    assert torch.isfinite(found).all()


def test_a_kernel_that_only_rounding_spoils_is_mended():
    x = torch.ones(6, 4, dtype=torch.float64)
    spoilt = gp.kernel(pairs(x, x), U) - 1e-9 * torch.eye(6, dtype=torch.float64)
    factor = gp.cholesky(spoilt)
    torch.testing.assert_close(factor @ factor.T, spoilt, rtol=0, atol=1e-6)


def test_a_positive_definite_kernel_gets_no_jitter():
    matrix = torch.from_numpy(plain_covariance(drawn(6, 4), U.numpy()))
    factor = gp.cholesky(matrix)
    torch.testing.assert_close(factor @ factor.T, matrix, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("matrix", [-torch.eye(3), torch.full((3, 3), torch.nan)])
def test_what_no_jitter_mends_is_refused(matrix):
    with pytest.raises(EpisodeError, match="kernel of 3 molecules is not positive definite"):
        gp.cholesky(matrix.double())


def test_log_odds_are_those_of_the_normal_distribution():
    z = drawn(9)
    p = ndtr(z.numpy())
    np.testing.assert_allclose(log_odds(z), np.log(p / (1 - p)), rtol=1e-9)
