"""The heads of the prototypical network against plain loops and the inverse written out."""

import math

import pytest
import torch

from molmeta.encoders.base import Encoder
from molmeta.errors import ConfigError
from molmeta.learners.protonet import ProtoNet, kernel_points, mahalanobis

W = 6


class Nothing(Encoder):
    """No encoder: the heads are looked at through vectors alone."""

    width = W

    def forward(self, molecules):
        raise NotImplementedError


def vectors(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, W, generator=generator, dtype=torch.float64)


def covariance(rows):
    """The unbiased covariance by plain loops."""
    mean = sum(rows) / len(rows)
    total = torch.zeros(W, W, dtype=torch.float64)
    for row in rows:
        total += torch.outer(row - mean, row - mean)
    return total / (len(rows) - 1)


def inverse(support, members):
    """The W x W precision of one class, as Stanley et al. write it."""
    share = min(len(members) / (len(members) + 1), 0.1) if len(members) > 1 else 0.0
    own = share * covariance(members) if share else 0.0
    return torch.linalg.inv(own + (1 - share) * covariance(support) + 0.1 * torch.eye(W).double())


@pytest.mark.parametrize(("n", "n_class"), [(4, 2), (5, 1), (16, 8), (40, 3)])
def test_mahalanobis_distances_are_those_of_the_inverse(n, n_class):
    support, d = vectors(n), vectors(7, seed=1)
    precision = inverse(support, support[:n_class])
    expected = torch.stack([row @ precision @ row for row in d])
    torch.testing.assert_close(mahalanobis(support, support[:n_class])(d), expected)


def test_one_molecule_of_a_class_adds_no_covariance_of_its_own():
    support, d = vectors(9), vectors(3, seed=1)
    alone = mahalanobis(support, support[:1])(d)
    precision = torch.linalg.inv(covariance(support) + 0.1 * torch.eye(W).double())
    torch.testing.assert_close(alone, (d @ precision * d).sum(1))


def test_mahalanobis_logits_compare_the_distances_to_both_classes():
    support, query = vectors(10), vectors(4, seed=1)
    labels = torch.tensor([1.0] * 4 + [0.0] * 6)
    actives, inactives = support[:4], support[4:]
    expected = []
    for q in query:
        distances = []
        for members in (inactives, actives):
            d = q - members.mean(0)
            distances.append(d @ inverse(support, members) @ d)
        expected.append(distances[0] - distances[1])
    found = ProtoNet(Nothing()).head(support, labels)(query)
    torch.testing.assert_close(found, torch.stack(expected))


def test_euclidean_logits_are_those_of_plain_loops():
    support, query = vectors(10), vectors(4, seed=1)
    labels = torch.tensor([0.0, 1.0] * 5)
    expected = []
    for q in query:
        distances = []
        for label in (0, 1):
            members = [row for row, own in zip(support, labels, strict=True) if own == label]
            mean = sum(members) / len(members)
            distances.append(sum((q[i] - mean[i]) ** 2 for i in range(W)))
        expected.append(distances[0] - distances[1])
    found = ProtoNet(Nothing(), metric="euclidean").head(support, labels)(query)
    torch.testing.assert_close(found, torch.stack(expected))


def test_molecules_that_repeat_leave_finite_logits():
    support = vectors(1).repeat(6, 1)
    labels = torch.tensor([1.0, 0.0] * 3)
    assert torch.isfinite(ProtoNet(Nothing()).head(support, labels)(vectors(3, seed=1))).all()


def test_scaled_vectors_are_seen_from_the_mean_of_the_support():
    support, query = vectors(10), vectors(4, seed=1)
    labels = torch.tensor([0.0, 1.0] * 5)
    scaled, mean = ProtoNet(Nothing(), metric="euclidean", length=2.0), support.mean(0)
    at_length = [2 * (row - mean) / torch.linalg.norm(row - mean) for row in support]
    expected = []
    for q in query:
        point = 2 * (q - mean) / torch.linalg.norm(q - mean)
        means = [sum(at_length[label::2]) / 5 for label in (0, 1)]
        distances = [(point - one).square().sum() for one in means]
        expected.append(distances[0] - distances[1])
    found = scaled.head(support, labels)(query)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-5, atol=1e-5)


def test_scaled_molecules_that_repeat_leave_finite_logits():
    support = vectors(1).repeat(6, 1)
    labels = torch.tensor([1.0, 0.0] * 3)
    found = ProtoNet(Nothing(), length=2.0).head(support, labels)(vectors(3, seed=1))
    assert torch.isfinite(found).all()


def similarity(a, b, support, bandwidth):
    """The Gaussian kernel of two vectors by plain loops."""
    n = len(support)
    squared = sorted(
        float((support[i] - support[j]).square().sum()) for i in range(n) for j in range(i)
    )
    typical = squared[(len(squared) - 1) // 2] / 2
    return math.exp(-float((a - b).square().sum()) / (2 * bandwidth**2 * typical))


def test_products_of_points_with_those_of_the_support_are_the_kernel():
    support, query = vectors(7), vectors(4, seed=1)
    points = kernel_points(support, torch.tensor(0.8))
    found = points(query) @ points(support).T
    expected = [[similarity(q, s, support, 0.8) for s in support] for q in query]
    torch.testing.assert_close(found, torch.tensor(expected).double(), rtol=1e-4, atol=1e-4)


def test_logits_in_a_kernel_are_those_of_its_mean_similarities():
    support, query = vectors(8), vectors(3, seed=1)
    labels = torch.tensor([0.0, 1.0] * 4)
    classes = support[0::2], support[1::2]

    def mean(ones, others):
        pairs = [similarity(a, b, support, 0.6) for a in ones for b in others]
        return sum(pairs) / len(pairs)

    within = [mean(members, members) for members in classes]
    expected = [
        9 * (within[0] - 2 * mean([q], classes[0]) - within[1] + 2 * mean([q], classes[1]))
        for q in query
    ]
    learner = ProtoNet(Nothing(), metric="euclidean", length=3.0, bandwidth=0.6)
    found = learner.head(support, labels)(query)
    torch.testing.assert_close(found, torch.tensor(expected).double(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("repeated", [6, 3])
def test_molecules_that_repeat_leave_finite_logits_and_gradients_in_a_kernel(repeated):
    support = vectors(6 // repeated).repeat(repeated, 1).requires_grad_()
    labels = torch.tensor([1.0, 0.0] * 3)
    learner = ProtoNet(Nothing(), length=2.0, bandwidth=0.5)
    found = learner.head(support, labels)(vectors(3, seed=1))
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(support.grad).all()
    assert torch.isfinite(learner.log_bandwidth.grad)


def test_the_bandwidth_of_a_kernel_is_trained():
    support, labels = vectors(12), torch.tensor([1.0, 0.0, 0.0] * 4)
    learner = ProtoNet(Nothing(), length=2.0, bandwidth=0.5)
    learner.head(support, labels)(vectors(3, seed=1)).square().sum().backward()
    assert learner.log_bandwidth.grad != 0


def test_a_bandwidth_without_a_length_is_refused():
    with pytest.raises(ConfigError, match="'bandwidth' needs the length"):
        ProtoNet(Nothing(), bandwidth=0.5)
