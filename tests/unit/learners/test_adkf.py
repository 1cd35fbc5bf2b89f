"""The adapted deep kernel: what is fitted to a support, and the gradient through the fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from toy_assays import SIGNAL, Layer, built, drawn, episode, logits, world

from molmeta.errors import ConfigError, EpisodeError
from molmeta.learners._parts import gaussian_process as gp
from molmeta.learners._parts.targets import numbers
from molmeta.learners.adkf import ADKF
from molmeta.molecules.blocks import Molecules, Vectors
from molmeta.molecules.labelled import Labelled


def known_of(learner, support):
    view = learner.inputs(learner.encode(support.molecules))
    y = numbers(support.labels, None, "activity")
    return gp.Observations(learner.pairs(view, view), y - y.mean())


def fitted(**options):
    learner, (support, _) = built("adkf", **options), episode()
    with torch.no_grad():
        known = known_of(learner, support)
        return known, learner.prior(known), learner.adapt(support).fitted.posterior.u


@pytest.mark.parametrize(("further", "n"), [("", 0), ("morgan", 1), ("linear+morgan+torsions", 3)])
def test_the_parameters_are_those_of_the_highest_posterior_density(further, n):
    known, prior, u = fitted(further=further)
    assert len(u) == 3 + n
    assert gp.gradient(known, prior, u).abs().max() < 1e-8


def test_the_prior_has_its_modes_where_the_paper_starts():
    known, prior, _ = fitted()
    squared = known.pairs.squared.numpy()
    above = np.sort(squared[np.triu_indices(16, 1)])
    length = np.sqrt(above[(len(above) - 1) // 2] / 2)
    np.testing.assert_allclose(prior.centre.exp(), [0.1, 1.0, length], rtol=1e-6)
    assert prior.scale[[gp.NOISE, gp.LENGTH]].tolist() == [0.25, 0.25]


def test_the_noise_of_values_starts_lower():
    learner = built("adkf", target="value")
    assert learner.modes[gp.NOISE].exp().item() == pytest.approx(0.01)


def test_the_typical_length_of_one_molecule_is_one():
    assert gp.typical_length(torch.zeros(1, 1)).item() == 1


def test_the_typical_length_of_molecules_that_are_the_same_is_above_zero():
    assert gp.typical_length(torch.zeros(5, 5)) > 0


def precise(**options):
    """A learner and molecules in float64."""
    learner = ADKF(Layer(3), **options).double()
    values = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 12)))
    learner.encoder.layer.weight.data = values
    learner.encoder.layer.bias.data.fill_(0.5)
    vectors = world().block("descriptors", Vectors).values.double()
    return learner, Molecules({**world().blocks, "descriptors": Vectors(vectors)})


def hypergradient(**options):
    learner, molecules = precise(**options)
    learner.backward([drawn(0), drawn(1)], molecules)
    return learner.encoder.layer.weight.grad


def differences(weights, **options):
    learner, molecules = precise(**options)
    parameter = learner.encoder.layer.weight.data
    found = []
    for row, column in weights:
        start = parameter[row, column].item()
        ends = []
        for moved in (start + 1e-5, start - 1e-5):
            parameter[row, column] = moved
            ends.append(learner.backward([drawn(0), drawn(1)], molecules))
        parameter[row, column] = start
        found.append((ends[0] - ends[1]) / 2e-5)
    return torch.tensor(found, dtype=torch.float64)


@pytest.mark.parametrize("further", ["", "linear+morgan"])
@pytest.mark.parametrize("objective", ["joint", "marginal"])
def test_the_gradient_of_the_encoder_is_that_of_differences_through_the_fit(objective, further):
    options = {"objective": objective, "further": further}
    places = [(0, 0), (1, 3), (2, 7), (2, 11)]
    found = torch.stack([hypergradient(**options)[place] for place in places])
    torch.testing.assert_close(found, differences(places, **options), rtol=1e-5, atol=1e-8)


def test_without_the_implicit_term_the_gradient_of_the_encoder_is_another():
    whole, part = hypergradient(), hypergradient(implicit=False)
    assert (whole - part).abs().max() > 1e-3


def test_modes_are_learnt_where_that_is_asked_for():
    learner = built("adkf", learnt_prior=True)
    learner.backward([drawn(0)], world())
    assert learner.modes.grad.all()
    assert "modes" not in dict(built("adkf").named_parameters())


def test_the_marginal_loss_of_classes_is_their_cross_entropy():
    learner, (support, query) = built("adkf", objective="marginal"), episode()
    found = logits(learner, support, query.molecules)
    expected = F.binary_cross_entropy_with_logits(found, query.labels).item()
    assert learner.backward([drawn(0)], world()) == pytest.approx(expected, rel=1e-5)


def test_the_marginal_loss_of_values_is_the_mean_over_queries_one_at_a_time():
    values = {"support_values": np.arange(16.0, dtype=np.float32)}
    one = replace(drawn(0), **values, query_values=np.linspace(2, 9, 16, dtype=np.float32))
    singles = [
        replace(
            one,
            query=one.query[[place]],
            query_labels=one.query_labels[[place]],
            query_values=one.query_values[[place]],
        )
        for place in range(16)
    ]
    whole = built("adkf", target="value", objective="marginal").backward([one], world())
    joint = built("adkf", target="value")
    assert whole == pytest.approx(np.mean([joint.backward([s], world()) for s in singles]), 1e-6)


def test_molecules_that_repeat_with_contradictory_labels_are_answered():
    support, query = episode()
    rows = torch.zeros(16, dtype=torch.int64)
    labels = torch.tensor([1.0, 0.0] * 8)
    found = logits(built("adkf"), Labelled(support.molecules.select(rows), labels), query.molecules)
    assert torch.isfinite(found).all()


def test_weights_that_are_not_numbers_are_a_named_error():
    learner, (support, _) = built("adkf"), episode()
    learner.encoder.layer.weight.data.fill_(torch.nan)
    with pytest.raises(EpisodeError, match="kernel of 16 molecules is not positive definite"):
        learner.adapt(support)


def far_away(molecules):
    """The same molecules, so far away that the support says nothing of them."""
    values = molecules.block("descriptors", Vectors).values
    return Molecules({"descriptors": Vectors(values + 1e4)})


@pytest.mark.parametrize(("centre", "expected"), [(True, -0.75), (False, 0.0)])
def test_far_from_a_lopsided_support_its_mean_label_is_predicted(centre, expected):
    support, query = episode(share=2 / 16)
    learner = built("adkf", centre=centre)
    predictor = learner.adapt(support)
    scale = predictor.fitted.scale
    mean, _ = learner.moments(
        predictor.fitted, learner.inputs(learner.encode(far_away(query.molecules)))
    )
    torch.testing.assert_close(scale.back(mean), torch.full((16,), expected).double())


def test_of_actives_alone_what_is_near_them_comes_first():
    support, query = episode()
    actives = Labelled(support.molecules, torch.ones(16))
    learner = built("adkf")
    near = logits(learner, actives, support.molecules)
    assert near.min() > logits(learner, actives, far_away(query.molecules)).max()


def test_the_uncertainty_is_lowest_at_what_was_measured():
    support, query = episode()
    predictor = built("adkf").adapt(support)
    far = predictor.uncertainty(far_away(query.molecules))
    assert predictor.uncertainty(support.molecules).max() < far.min()


def test_fingerprints_are_read_for_further_kernels_alone():
    assert built("adkf").featurizers == ("descriptors",)
    several = built("adkf", further="morgan+linear+torsions")
    assert several.featurizers == ("descriptors", "morgan", "torsions")


def test_further_kernels_are_the_inner_product_and_the_similarity_of_each_fingerprint():
    rng = np.random.default_rng(0)
    vectors = torch.from_numpy(rng.normal(size=(5, 8)))
    sizes = {"morgan": 2048, "torsions": 4096}
    bits = [torch.from_numpy(rng.random((5, n)) < 0.1) for n in sizes.values()]
    learner = built("adkf", further="+".join(["linear", *sizes]))
    view = learner.inputs(torch.cat([vectors, *bits], dim=1))
    product, *similar = learner.pairs(view, view).further
    for i, j in np.ndindex(5, 5):
        assert product[i, j].item() == pytest.approx(float(vectors[i] @ vectors[j]))
        for found, b in zip(similar, bits, strict=True):
            expected = (b[i] & b[j]).sum() / (b[i] | b[j]).sum()
            assert found[i, j].item() == pytest.approx(float(expected))
    for own, whole in zip(learner.self_pairs(view).further, (product, *similar), strict=True):
        torch.testing.assert_close(own[:, 0], whole.diagonal())


def test_an_objective_that_is_unknown_is_refused():
    with pytest.raises(ConfigError, match="objective is unknown; got 'likelihood'"):
        ADKF(Layer(), objective="likelihood")


def test_the_answer_is_that_of_classes_that_can_be_told_apart():
    """The plane that decides is all that the encoder sees, so that few errors are left."""
    learner = built("adkf")
    weight = torch.zeros(8, 12)
    weight[:SIGNAL, :SIGNAL] = torch.eye(SIGNAL)
    learner.encoder.layer.weight.data = weight
    support, query = episode(n_support=32)
    found = logits(learner, support, query.molecules) > 0
    assert (found == (query.labels > 0.5)).float().mean() > 0.9
