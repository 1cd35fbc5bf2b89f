"""The quadratic probe against d x d inverses, finite differences and a loop of its own."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from toy_training import assays, recipe, store, task

from molmeta.assays.episodes import Draw, draw_episode
from molmeta.assays.training_data import TrainingData
from molmeta.errors import ConfigError, EpisodeError
from molmeta.learners.quadratic_probe import (
    Distances,
    QuadraticProbe,
    descend,
    published_epochs,
)
from molmeta.models.recipes import Recipe
from molmeta.molecules.blocks import Vectors
from molmeta.molecules.labelled import Labelled
from molmeta.runtime.seeds import generator
from molmeta.training.loop import train

WIDTH, SHRINKAGE = 6, 0.2
SIZES = [(1, 6), (2, 6), (5, 6), (40, 6)]


def probe(**options):
    return QuadraticProbe(Encoderless(), assays=3, **options).eval()


class Encoderless(torch.nn.Module):
    """What a probe on given vectors knows of an encoder: how long they are."""

    width = WIDTH
    featurizers = ()


def points(n, width=WIDTH, seed=0):
    values = np.random.default_rng(seed).normal(size=(n, width))
    return torch.from_numpy(values)


def problem(n=20, seed=0):
    labels = torch.tensor([float(place % 3 == 0) for place in range(n)])
    vectors = points(n, seed=seed)
    vectors[labels == 1, 0] += 1.0
    return F.normalize(vectors, dim=1), labels


def metric(known, centre, shrinkage=SHRINKAGE):
    """The inverse of the shrunk covariance, as the paper writes it."""
    return torch.linalg.inv(covariance(known, centre, shrinkage))


def covariance(known, centre, shrinkage=SHRINKAGE):
    apart = known - centre
    spread = apart.T @ apart / max(len(known) - 1, 1)
    return (1 - shrinkage) * spread + shrinkage * torch.eye(known.shape[1]).to(known)


def plain_distance(known, query, centre):
    found = metric(known, centre)
    return torch.stack([(q - centre) @ found @ (q - centre) for q in query])


def plain_logits(vectors, labels, query, centres):
    both = [plain_distance(vectors[labels == k], query, centres[k]) for k in (0, 1)]
    return both[0] - both[1]


def plain_loss(vectors, labels, centres):
    logits = plain_logits(vectors, labels, vectors, centres)
    p = torch.sigmoid(logits)
    return -(labels * p.log() + (1 - labels) * (1 - p).log()).mean()


def start(vectors, labels):
    return torch.stack([F.normalize(vectors[labels == k].mean(0), dim=0) for k in (0, 1)])


def losses(vectors, labels, rate, steps=8):
    logits, known = probe().logits(vectors, labels, vectors), labels.double()

    def loss(centres):
        return F.binary_cross_entropy_with_logits(logits(centres), known)

    reached = (descend(loss, start(vectors, labels), steps=n, rate=rate) for n in range(steps + 1))
    return [float(loss(centres)) for centres in reached]


@pytest.mark.parametrize(("n", "width"), SIZES)
def test_distances_equal_those_of_the_full_inverse(n, width):
    known, query, centre = points(n, width), points(7, width, 1), points(1, width, 2)[0]
    found = Distances(known, query, SHRINKAGE)(centre)
    torch.testing.assert_close(found, plain_distance(known, query, centre))


def test_a_shrinkage_of_one_leaves_euclidean_distances():
    known, query, centre = points(5), points(7, seed=1), points(1, seed=2)[0]
    found = Distances(known, query, 1.0)(centre)
    torch.testing.assert_close(found, (query - centre).square().sum(1))


def test_the_metric_minimises_the_likelihood_that_the_docstring_names():
    known, centre = points(5), points(1, seed=2)[0]
    unit = torch.eye(WIDTH, dtype=torch.float64)
    pairs = (unit.unsqueeze(0) + unit.unsqueeze(1)).reshape(-1, WIDTH)
    single = Distances(known, centre + unit, SHRINKAGE)(centre)
    double = Distances(known, centre + pairs, SHRINKAGE)(centre).reshape(WIDTH, WIDTH)
    found = (double - single.unsqueeze(0) - single.unsqueeze(1)) / 2
    spread = covariance(known, centre)

    def objective(m):
        return float(torch.trace(m @ spread) - torch.logdet(m))

    for seed in range(20):
        away = points(WIDTH, seed=seed)
        assert objective(found) < objective(found + 0.003 * (away + away.T))


@pytest.mark.parametrize("rate", [1e-3, 0.05, 1.0, 30.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_descent_never_raises_its_loss(rate, seed):
    found = losses(*problem(seed=seed), rate)
    assert all(after <= before for before, after in pairwise(found))


@pytest.mark.parametrize("rate", [1e-3, 0.05])
def test_the_descent_lowers_its_loss(rate):
    found = losses(*problem(), rate)
    assert found[-1] < found[0]


def test_the_loss_goes_down_the_gradient_through_the_metric():
    """A first step of Adam goes a whole rate against the sign of each part of the gradient."""
    vectors, labels = problem()
    begin = start(vectors, labels)
    centres = probe(epochs=1).centres(vectors, labels)
    slope = torch.zeros_like(begin)
    for place in np.ndindex(*begin.shape):
        step = torch.zeros_like(begin)
        step[place] = 1e-6
        ends = [plain_loss(vectors, labels, begin + sign * step) for sign in (1, -1)]
        slope[place] = (ends[0] - ends[1]) / 2e-6
    torch.testing.assert_close(centres, begin - 1e-3 * slope.sign(), rtol=0, atol=1e-7)


def test_the_head_equals_a_loop_written_from_the_paper():
    raw, labels, query = points(20).float(), problem()[1], points(9, seed=1).float()
    vectors, asked = (F.normalize(x - raw.mean(0), dim=1).double() for x in (raw, query))
    centres = start(vectors, labels).requires_grad_()
    optimizer = torch.optim.Adam([centres], lr=1e-3)
    for _ in range(published_epochs(20)):
        optimizer.zero_grad()
        plain_loss(vectors, labels, centres).backward()
        optimizer.step()
    expected = 2.5 * plain_logits(vectors, labels, asked, centres).detach().float()
    found = probe(temperature=2.5).head(raw, labels)(query)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_without_steps_the_centres_are_the_class_means_at_length_one():
    vectors, labels = problem()
    torch.testing.assert_close(probe(epochs=0).centres(vectors, labels), start(vectors, labels))


@pytest.mark.parametrize(
    ("size", "steps"),
    [(2, 10), (16, 10), (32, 33), (64, 37), (128, 64), (256, 64), (23, 22), (91, 51)],
)
def test_steps_are_published_ones_and_lie_between_them_elsewhere(size, steps):
    assert published_epochs(size) == steps


def labelled(vectors, labels):
    molecules = store().molecules.select(torch.arange(len(vectors)))
    return Labelled(molecules.with_block("embedding", Vectors(vectors)), torch.tensor(labels))


@pytest.mark.parametrize(
    "vectors",
    [torch.ones(6, WIDTH), torch.zeros(6, WIDTH), torch.eye(6, WIDTH)[[0, 0, 1, 1, 2, 2]]],
    ids=["one point", "no length", "pairs"],
)
def test_molecules_that_repeat_with_both_labels_are_equally_likely_either(vectors):
    support = labelled(vectors, [0.0, 1.0] * 3)
    found = probe().adapt(support)(support.molecules)
    torch.testing.assert_close(found, torch.zeros(6))


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_single_molecule_is_refused(label):
    with pytest.raises(EpisodeError, match="one class only"):
        probe().adapt(labelled(torch.ones(1, WIDTH), [label]))


@pytest.mark.parametrize(
    "option",
    [
        {"shrinkage": 0.0},
        {"shrinkage": 1.5},
        {"temperature": 0.0},
        {"temperature": float("inf")},
        {"learning_rate": -1.0},
        {"learning_rate": float("nan")},
        {"epochs": -1},
    ],
)
def test_an_option_out_of_its_range_is_refused(option):
    (name,) = option
    with pytest.raises(ConfigError, match=f"quadratic_probe: {name} is out of range; got"):
        probe(**option)


def test_it_learns_no_values():
    assert not QuadraticProbe.regression
    with pytest.raises(TypeError, match="target"):
        probe(target="value")


def test_it_is_trained_as_the_multitask_network_is():
    assay = assays()[1]
    episode = draw_episode(assay, Draw(8, n_query=8), generator(0, "probe")).at(assay.rows)
    found = []
    for name in ("multitask", "quadratic_probe"):
        learner = Recipe(name, "fingerprint", {"assays": 3}, {"dropout": 0.0}).build(0).eval()
        learner.fit(TrainingData(store().molecules, assays()[:3]))
        found.append(learner.backward([episode], store().molecules))
    assert found[0] == found[1]


def test_it_starts_from_a_trained_multitask_network_and_can_stay_there():
    first, _ = train(task(recipe("multitask"), steps=2))
    chosen = task(recipe("quadratic_probe"), init=[first], steps=1, learning_rate=0.0)
    found, log = train(chosen)
    expected = first.learner.encoder.state_dict()
    torch.testing.assert_close(dict(found.learner.encoder.state_dict()), dict(expected))
    assert log["valid"].notna().tolist() == [True]
