"""What every learner that is meta-trained must hold to: its gradients, and that they help."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import nn
from toy_assays import (
    CLOSE,
    TRAINING_ASSAYS,
    Layer,
    assay,
    built,
    drawn,
    episode,
    logits,
    training_data,
    world,
)  # fmt: skip

from molmeta import learners
from molmeta.assays.records import hide_own_targets
from molmeta.assays.training_data import TrainingData
from molmeta.evaluation.metrics import ranking

META_TRAINED = [name for name in learners.names() if learners.get(name).meta_trained]


@dataclass(frozen=True)
class Budget:
    """Until when a learner must beat its untrained self on the toy assays."""

    steps: int = 150
    rate: float = 1e-2
    options: dict[str, float] = field(default_factory=dict)


BUDGETS = {
    "incontext": Budget(60, 3e-3, {"width": 32, "layers": 1, "heads": 4}),
    "mann": Budget(300, 3e-3, {"controller": 64, "slots": 32, "slot_width": 16, "reads": 2}),
    "ntm": Budget(300, 1e-2, {"controller": 64, "slots": 32, "slot_width": 16}),
    "proxynca": Budget(300, 3e-2),
    "reptile": Budget(150, 3e-2, {"inner_rate": 0.03, "inner_steps": 10, "evaluation_steps": 20}),
}
"""The learners that need another budget than the usual one."""
EPISODES, GAIN = 8, 0.1
"""Episodes a step, and by how much a trained learner is better, in mean delta-AUPRC."""


def in_training(name):
    """In training mode, and the same at every call: without dropout."""
    learner = built(name).train()
    for module in learner.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return learner


def gradients(learner, episodes):
    learner.zero_grad()
    loss = learner.backward(episodes, world())
    named = learner.named_parameters()
    return loss, {n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in named}


@pytest.mark.parametrize("name", META_TRAINED)
def test_every_parameter_gets_a_gradient(name):
    _, found = gradients(in_training(name), [drawn(place) for place in range(4)])
    assert not [key for key, gradient in found.items() if not gradient.any()]


@pytest.mark.parametrize("name", META_TRAINED)
def test_no_gradient_is_nan(name):
    _, found = gradients(in_training(name), [drawn(place) for place in range(4)])
    assert all(torch.isfinite(gradient).all() for gradient in found.values())


@pytest.mark.parametrize("name", META_TRAINED)
def test_the_loss_of_episodes_is_the_mean_of_their_losses(name):
    learner = in_training(name)
    alone = [gradients(learner, [drawn(place)])[0] for place in range(3)]
    together, _ = gradients(learner, [drawn(place) for place in range(3)])
    assert together == pytest.approx(np.mean(alone), rel=1e-4)


@pytest.mark.parametrize("name", META_TRAINED)
def test_the_gradient_of_episodes_is_the_mean_of_their_gradients(name):
    learner = in_training(name)
    alone = [gradients(learner, [drawn(place)])[1] for place in range(3)]
    _, together = gradients(learner, [drawn(place) for place in range(3)])
    mean = {key: torch.stack([one[key] for one in alone]).mean(0) for key in together}
    torch.testing.assert_close(together, mean, **CLOSE)


class Recorder(Layer):
    """An encoder that keeps what it was fitted to."""

    def fit(self, data):
        self.fitted_to = data


@pytest.mark.parametrize("name", META_TRAINED)
def test_training_data_reaches_the_encoder(name):
    encoder, data = Recorder(), TrainingData(world(), [assay(0)])
    learners.get(name)(encoder).fit(data)
    assert encoder.fitted_to is data


@pytest.mark.parametrize("name", META_TRAINED)
def test_gradients_are_added_to_what_is_there(name):
    learner, episodes = in_training(name), [drawn(0)]
    _, once = gradients(learner, episodes)
    learner.backward(episodes, world())
    twice = {key: p.grad for key, p in learner.named_parameters()}
    torch.testing.assert_close(twice, {key: 2 * g for key, g in once.items()}, **CLOSE)


def train(learner, budget):
    optimizer = torch.optim.Adam(learner.parameters(), lr=budget.rate)
    learner.train()
    for step in range(budget.steps):
        optimizer.zero_grad()
        numbers = range(EPISODES * step, EPISODES * (step + 1))
        episodes = [drawn(n, of=n % TRAINING_ASSAYS) for n in numbers]
        learner.backward(*hide_own_targets(learner, episodes, world()))
        optimizer.step()
    learner.eval()


def judged(learner):
    values = []
    for place in range(10**6, 10**6 + 30):
        support, query = episode(place, n_query=100)
        found = logits(learner, support, query.molecules)
        values.append(ranking.delta_auprc(query.labels.numpy(), found.numpy()))
    return np.mean(values)


@pytest.mark.slow
@pytest.mark.parametrize("name", META_TRAINED)
def test_a_trained_learner_beats_its_untrained_self(name):
    budget = BUDGETS.get(name, Budget())
    learner = built(name, fitted=False, **budget.options)
    before = judged(learner)
    learner.fit(training_data())
    train(learner, budget)
    assert judged(learner) > before + GAIN
