"""The conditional neural process against a plain loop, and its loss against scipy."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import norm
from toy_assays import built, drawn, episode, logits, world

from molmeta.molecules.labelled import Labelled


def plain(learner, support, query):
    """The outputs for each query, by loops over molecules."""
    with torch.no_grad():
        known, asked = learner.encode(support.molecules), learner.encode(query.molecules)
        signs = support.labels * 2 - 1
        said = [learner.enter(torch.cat([z, y[None]])) for z, y in zip(known, signs, strict=True)]
        mean = sum(said) / len(said)
        return torch.stack([learner.decode(torch.cat([z, mean])) for z in asked])


def test_logits_are_those_of_a_loop_over_molecules():
    learner, (support, query) = built("cnp"), episode()
    expected = plain(learner, support, query)[:, 0]
    torch.testing.assert_close(logits(learner, support, query.molecules), expected)


def test_a_support_said_twice_says_the_same():
    learner, (support, query) = built("cnp"), episode()
    rows = torch.arange(16).repeat(2)
    twice = Labelled(support.molecules.select(rows), support.labels.repeat(2))
    expected = logits(learner, support, query.molecules)
    torch.testing.assert_close(logits(learner, twice, query.molecules), expected)


def test_the_loss_of_values_is_a_normal_density_on_the_scale_of_the_support():
    learner, found = built("cnp", target="value"), drawn(0)
    rng = np.random.default_rng(0)
    known, asked = rng.normal(6, 2, size=(2, 16)).astype(np.float32)
    found = replace(found, support_values=known, query_values=asked)
    support, query = found.labelled(world())
    scaled = torch.from_numpy((known - known.mean()) / known.std())
    output = plain(learner, replace(support, labels=(scaled + 1) / 2), query).double()
    spread = 0.1 + 0.9 * np.log1p(np.exp(output[:, 1].numpy()))
    density = norm(output[:, 0].numpy(), spread).logpdf((asked - known.mean()) / known.std())
    assert learner.backward([found], world()) == pytest.approx(-density.mean(), rel=1e-5)
