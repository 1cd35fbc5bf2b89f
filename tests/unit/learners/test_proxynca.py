"""Proxies: the loss by hand, one proxy a target, and what inactives do to it: nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_assays import Layer, assay, built, drawn, episode, logits, world

from molmeta.assays.training_data import TrainingData
from molmeta.errors import ConfigError
from molmeta.learners.proxynca import ProxyNCA
from molmeta.molecules.blocks import Vectors


def learner():
    found = ProxyNCA(Layer(4), targets=8)
    assays = [replace(assay(place), target=target) for place, target in enumerate("baa")]
    found.fit(TrainingData(world(), assays))
    return found.eval()


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@torch.no_grad()
def by_hand(model, episodes):
    """The mean over episodes of the mean over their actives of -log p(target)."""
    sharpness, proxies = model.log_sharpness.exp().item(), unit(model.proxies.numpy())[:2]
    place = {"0": 1, "1": 0, "2": 0}
    values = world().block("descriptors", Vectors).values
    of_episodes = []
    for one in episodes:
        rows = np.concatenate([one.support, one.query])
        labels = np.concatenate([one.support_labels, one.query_labels])
        costs = []
        for row in rows[labels == 1]:
            vector = model.encoder.layer(values[row]).numpy()
            powers = np.exp(sharpness * (proxies @ (vector / np.linalg.norm(vector))))
            costs.append(-np.log(powers[place[one.assay]] / powers.sum()))
        of_episodes.append(np.mean(costs))
    return np.mean(of_episodes)


def test_the_loss_is_that_of_a_loop_over_actives():
    model, episodes = learner(), [drawn(place) for place in range(3)]
    assert model.backward(episodes, world()) == pytest.approx(by_hand(model, episodes), rel=1e-5)


def test_assays_of_one_target_share_a_proxy_and_others_have_their_own():
    proxy = learner().proxy_of_assay
    assert proxy["1"] == proxy["2"] != proxy["0"]


def test_an_assay_without_a_target_is_one_of_its_own():
    model = learner()
    model.fit(TrainingData(world(), [assay(0), assay(1)]))
    assert sorted(model.proxy_of_assay.values()) == [0, 1]


def test_inactives_are_not_looked_at():
    model, one = learner(), drawn(0)
    query = np.where(one.query_labels == 1, one.query, one.query[0])
    before = model.backward([one], world())
    other = replace(one, query=np.where(one.query_labels == 1, query, (query + 7) % 300))
    assert model.backward([other], world()) == pytest.approx(before, rel=1e-6)


def test_a_query_is_scored_by_attention_to_the_labels():
    model, (support, query) = learner(), episode()
    with torch.no_grad():
        known, asked = (unit(model.encoder(part.molecules).numpy()) for part in (support, query))
        powers = np.exp(model.log_sharpness.exp().item() * (asked @ known.T))
    active = support.labels.numpy() == 1
    expected = np.log(powers[:, active].sum(1) / powers[:, ~active].sum(1))
    found = logits(model, support, query.molecules)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_more_targets_than_there_is_room_for_are_refused():
    with pytest.raises(ConfigError, match="has room for 2 targets; got 100"):
        built("proxynca", targets=2)


def test_no_room_is_refused():
    with pytest.raises(ConfigError, match="targets is out of range"):
        ProxyNCA(Layer(), targets=0)
