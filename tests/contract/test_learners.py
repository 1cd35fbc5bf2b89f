"""What every learner in the folder must hold to; a new file is tested without an edit here."""

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from molmeta import learners, metrics
from molmeta.assays import Assay
from molmeta.blocks import Bits, Molecules, Vectors
from molmeta.encoders.base import Encoder
from molmeta.episodes import Draw, draw_episode
from molmeta.errors import EpisodeError
from molmeta.learners.base import Labelled
from molmeta.seeds import generator, torch_seed

NAMES = learners.names()
META_TRAINED = [name for name in NAMES if learners.get(name).meta_trained]
OPPONENTS = [name for name in NAMES if not learners.get(name).meta_trained]


@dataclass(frozen=True)
class Budget:
    """Until when a learner must beat its untrained self on the toy assays."""

    steps: int = 150
    rate: float = 1e-2
    options: dict[str, int] = field(default_factory=dict)


BUDGETS = {
    "incontext": Budget(60, 3e-3, {"width": 32, "layers": 1, "heads": 4}),
    "mann": Budget(300, 3e-3, {"controller": 64, "slots": 32, "slot_width": 16, "reads": 2}),
}
"""The learners that need another budget than the usual one."""
EPISODES, GAIN = 8, 0.1
"""Episodes a step, and by how much a trained learner is better, in mean delta-AUPRC."""

TRAINING_ASSAYS = 100
N, DIMENSIONS, SIGNAL, BITS = 300, 12, 2, 64
CLOSE = {"rtol": 1e-3, "atol": 1e-4}
"""Logits in float32, summed in another order."""


class Layer(Encoder):
    """The smallest encoder: one linear layer on vectors."""

    reads = ("descriptors",)

    def __init__(self, width=8):
        super().__init__()
        self.width = width
        self.layer = nn.Linear(DIMENSIONS, width)

    def forward(self, molecules):
        return self.layer(molecules.block("descriptors", Vectors).values)


@cache
def world():
    """Molecules whose first two dimensions decide every assay; the others are louder noise."""
    values = generator(0, "world").normal(size=(N, DIMENSIONS)).astype(np.float32)
    values[:, SIGNAL:] *= 3
    on = np.sort(2 * np.arange(DIMENSIONS) + (values > 0), axis=1)
    extra = generator(0, "bits").integers(2 * DIMENSIONS, BITS, size=(N, 1))
    positions = torch.tensor(np.hstack([on, extra]), dtype=torch.int32)
    offsets = torch.arange(N + 1) * positions.shape[1]
    bits = Bits(positions.flatten(), offsets, BITS)
    return Molecules({"morgan": bits, "descriptors": Vectors(torch.from_numpy(values))})


def assay(place):
    """The assay of one direction in the plane of the two dimensions."""
    angle = generator(place, "assay").uniform(0, 2 * np.pi)
    plane = world().block("descriptors", Vectors).values[:, :SIGNAL].numpy()
    labels = (plane @ [np.cos(angle), np.sin(angle)] > 0).astype(np.float32)
    rows = np.arange(N, dtype=np.int64)
    return Assay(str(place), "", "", ("C",) * N, rows, labels, np.full(N, np.nan))


def drawn(place, n_support=16, n_query=16, share=None, of=None):
    draw = Draw(n_support, share=share, n_query=n_query)
    return draw_episode(assay(place if of is None else of), draw, generator(place, "draw"))


def episode(place=0, **options):
    return drawn(place, **options).labelled(world())


def built(name, seed=0, **options):
    cls = learners.get(name)
    with torch_seed(seed, "contract"):
        learner = cls(Layer(), **options) if cls.meta_trained else cls(**options)
        learner.fit(world(), [str(place) for place in range(TRAINING_ASSAYS)])
    return learner.eval()


def in_training(name):
    """In training mode, and the same at every call: without dropout."""
    learner = built(name).train()
    for module in learner.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return learner


def logits(learner, support, molecules):
    with torch.no_grad():
        return learner.adapt(support)(molecules)


def permuted(support, order):
    return Labelled(support.molecules.select(order), support.labels[order])


def gradients(learner, episodes):
    learner.zero_grad()
    loss = learner.backward(episodes, world())
    named = learner.named_parameters()
    return loss, {n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in named}


@pytest.mark.parametrize("name", NAMES)
def test_a_predictor_gives_one_finite_logit_a_molecule(name):
    support, query = episode()
    found = logits(built(name), support, query.molecules)
    assert found.shape == (16,)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_predictor_gives_float32(name):
    support, query = episode()
    assert logits(built(name), support, query.molecules).dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
def test_no_molecules_give_no_logits(name):
    support, query = episode()
    nothing = query.molecules.select(torch.tensor([], dtype=torch.int64))
    assert logits(built(name), support, nothing).shape == (0,)


@pytest.mark.parametrize("share", [1 / 16, 15 / 16])
@pytest.mark.parametrize("name", NAMES)
def test_one_molecule_of_a_class_gives_finite_logits(name, share):
    support, query = episode(share=share)
    assert torch.isfinite(logits(built(name), support, query.molecules)).all()


@pytest.mark.parametrize("name", NAMES)
def test_one_molecule_of_each_class_gives_finite_logits(name):
    support, query = episode(n_support=2)
    assert torch.isfinite(logits(built(name), support, query.molecules)).all()


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("name", NAMES)
def test_a_support_of_one_class_is_refused(name, label):
    support, _ = episode()
    one = Labelled(support.molecules, torch.full_like(support.labels, label))
    with pytest.raises(EpisodeError, match="support: one class only"):
        built(name).adapt(one)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_support_is_refused(name):
    support, _ = episode()
    with pytest.raises(EpisodeError, match="got 0 active of 0"):
        built(name).adapt(permuted(support, torch.tensor([], dtype=torch.int64)))


@pytest.mark.parametrize("name", NAMES)
def test_adapting_changes_nothing_on_the_learner(name):
    learner, (support, query) = built(name), episode()
    before, state = repr(vars(learner)), safetensors.torch.save(learner.state_dict())
    learner.adapt(support)(query.molecules)
    assert repr(vars(learner)) == before
    assert safetensors.torch.save(learner.state_dict()) == state


@pytest.mark.parametrize("name", NAMES)
def test_adapting_leaves_no_gradient_on_the_learner(name):
    learner, (support, query) = built(name), episode()
    learner.adapt(support)(query.molecules)
    assert all(p.grad is None for p in learner.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_a_second_assay_leaves_the_first_predictor_as_it_was(name):
    learner, (support, query), (other, _) = built(name), episode(), episode(1)
    first = learner.adapt(support)
    before = first(query.molecules)
    learner.adapt(other)(query.molecules)
    assert torch.equal(first(query.molecules), before)


@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_the_same_without_gradients(name):
    learner, (support, query) = built(name), episode()
    found = learner.adapt(support)(query.molecules).detach()
    torch.testing.assert_close(logits(learner, support, query.molecules), found, **CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_molecules_of_a_query_do_not_influence_each_other(name):
    learner, (support, query) = built(name), episode()
    together = logits(learner, support, query.molecules)
    single = [query.molecules.select(torch.tensor([row])) for row in range(4)]
    alone = torch.cat([logits(learner, support, molecule) for molecule in single])
    torch.testing.assert_close(alone, together[:4], **CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_support_matters_as_declared(name):
    learner, (support, query) = built(name), episode()
    found = logits(learner, support, query.molecules)
    other = logits(learner, permuted(support, torch.arange(16).flip(0)), query.molecules)
    assert torch.allclose(found, other, **CLOSE) == learner.order_invariant


@pytest.mark.parametrize("name", NAMES)
def test_labels_matter(name):
    learner, (support, query) = built(name), episode()
    turned = Labelled(support.molecules, 1 - support.labels)
    found = logits(learner, support, query.molecules)
    assert not torch.allclose(logits(learner, turned, query.molecules), found, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_prepared_molecules_are_predicted_as_others(name):
    learner, found = built(name), drawn(0)
    with torch.no_grad():
        support, query = found.labelled(learner.prepare(world()))
        prepared = learner.adapt(support)(query.molecules)
    support, query = found.labelled(world())
    torch.testing.assert_close(logits(learner, support, query.molecules), prepared, **CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_the_declared_featurizers_are_all_it_reads(name):
    learner, (support, query) = built(name), episode()
    read = learner.featurizers
    bare = Labelled(support.molecules.only(read), support.labels)
    found = logits(learner, bare, query.molecules.only(read))
    assert torch.equal(found, logits(learner, support, query.molecules))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_numbers(name):
    support, query = episode()
    first, second = (logits(built(name), support, query.molecules) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_learner_predicts_as_before(name):
    learner, other, (support, query) = built(name), built(name, seed=1), episode()
    other.load_state_dict(safetensors.torch.load(safetensors.torch.save(learner.state_dict())))
    found = logits(other, support, query.molecules)
    assert torch.equal(found, logits(learner, support, query.molecules))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", NAMES)
def test_a_gpu_predicts_as_a_processor(name):
    learner, (support, query) = built(name), episode()
    expected = logits(learner, support, query.molecules)
    there = torch.device("cuda")
    moved = Labelled(support.molecules.to(there), support.labels.to(there))
    found = logits(learner.to(there), moved, query.molecules.to(there))
    assert found.device.type == "cuda"
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("name", OPPONENTS)
def test_what_is_not_meta_trained_has_no_parameters(name):
    assert not list(built(name).parameters())


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
        learner.backward([drawn(n, of=n % TRAINING_ASSAYS) for n in numbers], world())
        optimizer.step()
    learner.eval()


def judged(learner):
    values = []
    for place in range(10**6, 10**6 + 30):
        support, query = episode(place, n_query=100)
        found = logits(learner, support, query.molecules)
        values.append(metrics.delta_auprc(query.labels.numpy(), found.numpy()))
    return np.mean(values)


@pytest.mark.slow
@pytest.mark.parametrize("name", META_TRAINED)
def test_a_trained_learner_beats_its_untrained_self(name):
    budget = BUDGETS.get(name, Budget())
    learner = built(name, **budget.options)
    before = judged(learner)
    train(learner, budget)
    assert judged(learner) > before + GAIN
