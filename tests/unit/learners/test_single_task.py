"""The network of one support: its steps, and that nothing but the support decides them."""

import copy
from dataclasses import replace

import pytest
import torch
from toy_training import GRAPHS, store

from molmeta import encoders
from molmeta.errors import ConfigError, EpisodeError
from molmeta.learners._parts.tuning import parted
from molmeta.learners.single_task import SingleTask, in_own_order
from molmeta.molecules.labelled import Labelled
from molmeta.runtime.seeds import torch_seed

WIDTH = {"hidden": 8}
SMALL = {"steps": 20, **WIDTH}


def support(labels=None, first=0):
    labels = [float(row % 3 == 0) for row in range(20)] if labels is None else labels
    rows = (torch.arange(len(labels)) * 7 + first) % len(store())
    return Labelled(store().molecules.select(rows), torch.tensor(labels))


QUERY = store().molecules.select(torch.arange(20, 40))


def part(known, rows):
    return Labelled(known.molecules.select(rows), known.labels[rows])


def predicted(found, known):
    with torch.no_grad():
        return found.adapt(known)(QUERY)


def graphs():
    with torch_seed(0, "graphs"):
        return encoders.build("gine", GRAPHS)


def error(network, known):
    p = torch.sigmoid(network(known.molecules))
    return -(known.labels * p.log() + (1 - known.labels) * (1 - p).log()).mean()


def test_all_steps_are_those_of_adam_where_nothing_can_be_held_out():
    found = SingleTask(graphs(), learning_rate=3e-3, steps=15)
    known, digest = in_own_order(support([1.0, 0.0, 1.0, 0.0]))
    network = found.network(known, digest)
    adam = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(15):
        adam.zero_grad()
        error(network, known).backward()
        adam.step()
    expected = network(QUERY).detach()
    torch.testing.assert_close(predicted(found, known), expected, rtol=1e-3, atol=1e-3)


def test_steps_are_as_many_as_predict_best_what_is_held_out():
    found = SingleTask(graphs(), learning_rate=3e-3, steps=40, patience=40)
    known, digest = in_own_order(support())
    kept, held = (part(known, rows) for rows in parted(torch.arange(20), known.labels))
    network, errors = found.network(known, digest), []
    adam = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(41):
        errors.append(float(error(network, held).detach()))
        adam.zero_grad()
        error(network, kept).backward()
        adam.step()
    steps = found.best_steps(found.network(known, digest), known, known.labels)
    assert steps == 1 + int(torch.tensor(errors[1:]).argmin())
    assert steps < 40


def test_a_step_is_taken_even_where_none_helps():
    """Else the ranking would be that of random weights, whatever the labels."""
    found = SingleTask(learning_rate=1e-9, steps=3, **WIDTH)
    known, digest = in_own_order(support())
    assert found.best_steps(found.network(known, digest), known, known.labels) >= 1


def test_it_learns_what_the_support_shows():
    known = support()
    found = SingleTask(hidden=32, learning_rate=3e-3).adapt(known)(known.molecules).detach()
    active = known.labels == 1
    assert found[active].mean() > found[~active].mean() + 1


def valued(known):
    return replace(known, values=6 + torch.sin(torch.arange(20.0)))


def test_values_are_fitted():
    known = valued(support())
    found = SingleTask(target="value", hidden=32, steps=200, patience=200, learning_rate=3e-3)
    fitted = found.adapt(known)(known.molecules).detach()
    assert (fitted - known.values).square().mean() < 0.5 * known.values.var()


@pytest.mark.parametrize("shift", [1, 7])
def test_the_order_of_values_changes_nothing(shift):
    known, order = valued(support()), torch.arange(20).roll(shift)
    turned = replace(part(known, order), values=known.values[order])
    found = SingleTask(target="value", **SMALL)
    torch.testing.assert_close(predicted(found, turned), predicted(found, known))


@pytest.mark.parametrize("shift", [1, 7])
def test_the_order_of_the_support_changes_no_bit(shift):
    known = support()
    turned = part(known, torch.arange(20).roll(shift))
    assert torch.equal(
        predicted(SingleTask(**SMALL), turned), predicted(SingleTask(**SMALL), known)
    )


def test_random_weights_come_from_the_support():
    digests = [in_own_order(support(first=first))[1] for first in (0, 1)]
    first, second = (SingleTask(**WIDTH).network(support(), digest) for digest in digests)
    assert not torch.equal(first[1].weight, second[1].weight)


def test_labels_are_part_of_what_gives_the_seed():
    turned = [1.0 - label for label in support().labels.tolist()]
    assert in_own_order(support())[1] != in_own_order(support(turned))[1]


def test_another_seed_is_another_network():
    found = [predicted(SingleTask(seed=seed, **SMALL), support()) for seed in (0, 1)]
    assert not torch.equal(*found)


def test_torch_draws_as_if_nothing_had_been_trained():
    before = torch.get_rng_state()
    predicted(SingleTask(**SMALL), support())
    assert torch.equal(torch.get_rng_state(), before)


def test_an_encoder_is_trained_from_its_weights_and_keeps_them():
    encoder = graphs()
    before = copy.deepcopy(encoder.state_dict())
    predicted(SingleTask(encoder, steps=5), support())
    torch.testing.assert_close(dict(encoder.state_dict()), dict(before), rtol=0, atol=0)


def test_an_encoder_brings_its_own_featurizers():
    assert SingleTask(graphs()).featurizers == ("graph", "morgan")


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_single_molecule_is_refused(label):
    with pytest.raises(EpisodeError, match="one class only"):
        SingleTask().adapt(support([label]))


@pytest.mark.parametrize(
    "option",
    [
        {"hidden": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"steps": 0},
        {"patience": 0},
    ],
)
def test_an_option_out_of_its_range_is_refused(option):
    (name,) = option
    with pytest.raises(ConfigError, match=f"single_task: {name} is out of range; got"):
        SingleTask(**option)
