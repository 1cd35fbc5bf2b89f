"""The siamese network: its loss and its scores against what a hand works out."""

from math import exp, log, sqrt

import numpy as np
import pytest
import torch
from toy_assays import built, drawn, world

from molmeta.encoders.base import Encoder
from molmeta.errors import ConfigError
from molmeta.learners.siamese import Siamese, contrastive, distances

RIGHT, UP, LEFT = [2.0, 0.0], [0.0, 0.5], [-1.0, 0.0]


class Nothing(Encoder):
    width = 2

    def forward(self, molecules):
        raise NotImplementedError


def tensor(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_distances_are_those_on_the_unit_sphere():
    expected = tensor([0.0, sqrt(2), 2.0])
    torch.testing.assert_close(distances(tensor(RIGHT), tensor(RIGHT, UP, LEFT)), expected)


@pytest.mark.parametrize(
    ("pair", "labels", "margin", "expected"),
    [
        ((RIGHT, UP), (1, 1), 1.0, 2.0),  # like: d^2 = 2
        ((RIGHT, UP), (0, 0), 1.0, 2.0),
        ((RIGHT, UP), (1, 0), 1.0, 0.0),  # unlike, and sqrt(2) lies beyond the margin
        ((RIGHT, UP), (1, 0), 2.0, (2 - sqrt(2)) ** 2),
        ((RIGHT, RIGHT), (1, 0), 1.5, 1.5**2),  # unlike, and at the same place
    ],
)
def test_loss_of_a_pair_is_that_by_hand(pair, labels, margin, expected):
    found = contrastive(tensor(*pair), tensor(*labels), margin)
    assert float(found) == pytest.approx(expected)


def test_loss_is_the_mean_over_all_pairs():
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(7, 2, generator=generator, dtype=torch.float64)
    labels, margin, costs = [1, 0, 0, 1, 1, 0, 1], 1.2, []
    for i in range(7):
        for j in range(i + 1, 7):
            a, b = (vectors[place].numpy() for place in (i, j))
            d = np.linalg.norm(a / np.linalg.norm(a) - b / np.linalg.norm(b))
            y = float(labels[i] != labels[j])
            costs.append((1 - y) * d**2 + y * max(0, margin - d) ** 2)
    found = contrastive(vectors, torch.tensor(labels), margin)
    assert float(found) == pytest.approx(np.mean(costs))


def test_gradient_of_the_loss_is_that_of_central_differences():
    vectors = torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    labels = tensor(1, 0, 0, 1, 0)
    assert torch.autograd.gradcheck(
        lambda v: contrastive(v, labels, 1.2), vectors.requires_grad_(requires_grad=True)
    )


def test_molecules_that_repeat_with_other_labels_leave_a_finite_gradient():
    vectors = tensor(RIGHT).repeat(4, 1).float().requires_grad_()
    contrastive(vectors, torch.tensor([1.0, 0, 1, 0]), 1.0).backward()
    assert torch.isfinite(vectors.grad).all()


def test_logit_is_that_of_the_label_weighted_mean():
    support, labels = tensor(RIGHT, UP, LEFT), tensor(1, 0, 1)
    learner = Siamese(Nothing()).double()
    learner.log_scale.data.fill_(log(0.5))
    weights = [exp(-0.5 * d**2) for d in (sqrt(2), 0.0, sqrt(2))]
    p = (weights[0] + weights[2]) / sum(weights)
    found = learner.head(support, labels)(tensor(UP))
    assert float(found.detach()) == pytest.approx(log(p / (1 - p)))


def test_nearer_to_an_active_is_more_active():
    logits = Siamese(Nothing()).double().head(tensor(RIGHT, LEFT), tensor(1, 0))
    found = logits(tensor(RIGHT, UP, LEFT))
    assert found[0] > found[1] > found[2]


def test_far_queries_with_a_large_scale_leave_finite_logits():
    learner = Siamese(Nothing())
    learner.log_scale.data.fill_(8.0)
    found = learner.head(tensor(RIGHT, LEFT).float(), torch.tensor([1.0, 0]))
    assert torch.isfinite(found(tensor(LEFT, UP, RIGHT).float())).all()


def test_the_encoder_learns_from_the_pairs_alone():
    learner, episode = built("siamese").train(), drawn(0)
    learner.backward([episode], world())
    found = learner.encoder.layer.weight.grad.clone()
    rows = torch.from_numpy(np.concatenate([episode.support, episode.query]))
    labels = np.concatenate([episode.support_labels, episode.query_labels])
    learner.zero_grad()
    contrastive(learner.encode(world().select(rows)), torch.from_numpy(labels), 1.0).backward()
    torch.testing.assert_close(found, learner.encoder.layer.weight.grad)


def test_unequal_supports_are_learnt_from_together():
    learner = built("siamese").train()
    loss = learner.backward([drawn(0, n_support=8), drawn(1, n_support=20)], world())
    assert np.isfinite(loss)


@pytest.mark.parametrize("margin", [0.0, -1.0, 2.5, float("nan")])
def test_a_margin_that_no_pair_can_meet_is_refused(margin):
    with pytest.raises(ConfigError, match="margin is out of range"):
        Siamese(Nothing(), margin=margin)
