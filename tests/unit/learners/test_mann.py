"""The memory network against its equations, written out step by step in plain loops."""

from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from molmeta.encoders.base import Encoder
from molmeta.learners._parents.memory import similarity
from molmeta.learners.mann import DECAY, MANN, State, lrua
from molmeta.runtime.seeds import torch_seed

W, HIDDEN, SLOTS, WIDTH, READS = 5, 7, 6, 4, 2
PARTS = [part.name for part in fields(State)]


class Nothing(Encoder):
    width = W

    def forward(self, molecules):
        raise NotImplementedError


def learner(**options):
    sizes = {"controller": HIDDEN, "slots": SLOTS, "slot_width": WIDTH, "reads": READS}
    with torch_seed(0, "mann"):
        found = MANN(Nothing(), **sizes, orders=3, **options)
    return found.double().eval()


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def state(n=1, seed=5):
    """A state in which no two slots are in equal use, so that nothing is left to chance."""
    return State(
        hidden=drawn(n, HIDDEN, seed=seed),
        cell=drawn(n, HIDDEN, seed=seed + 1),
        read=drawn(n, READS * WIDTH, seed=seed + 2),
        weights=drawn(n, READS, SLOTS, seed=seed + 3).softmax(2),
        usage=drawn(n, SLOTS, seed=seed + 4).abs(),
        memory=drawn(n, SLOTS, WIDTH, seed=seed + 5),
    )


def arrays(before):
    return (getattr(before, part)[0].numpy() for part in PARTS)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


def cosine(a, b):
    return a @ b / (np.sqrt(a @ a) * np.sqrt(b @ b))


def linear(layer, x):
    return layer.weight.detach().numpy() @ x + layer.bias.detach().numpy()


def lstm(cell, x, hidden, memory):
    """Hochreiter and Schmidhuber's cell with a forget gate; torch's order of gates."""
    weights = {name: tensor.detach().numpy() for name, tensor in cell.named_parameters()}
    total = weights["weight_ih"] @ x + weights["bias_ih"]
    total = total + weights["weight_hh"] @ hidden + weights["bias_hh"]
    enter, forget, new, leave = np.split(total, 4)
    memory = sigmoid(forget) * memory + sigmoid(enter) * np.tanh(new)
    return sigmoid(leave) * np.tanh(memory), memory


def looped(model, before, x):
    """One step of Santoro et al., equations 2 to 8, slot by slot and head by head.

    As in the paper's algorithm the least used slot is blanked before the write; a head adds a
    vector of its own, where the paper adds the key.
    """
    hidden, cell, read, weights, memory, usage = arrays(before)
    hidden, cell = lstm(model.cell.controller, np.concatenate([x, read]), hidden, cell)
    keys = np.tanh(linear(model.cell.keys, hidden)).reshape(READS, WIDTH)
    adds = np.tanh(linear(model.cell.adds, hidden)).reshape(READS, WIDTH)
    gates = sigmoid(linear(model.cell.gates, hidden))

    least = sorted(range(SLOTS), key=lambda slot: usage[slot])[:READS]
    written = np.zeros((READS, SLOTS))
    for head in range(READS):
        for slot in range(SLOTS):
            unused = 1.0 if slot == least[head] else 0.0
            written[head, slot] = gates[head] * weights[head, slot] + (1 - gates[head]) * unused

    new = memory.copy()
    new[least[0]] = 0
    for slot in range(SLOTS):
        for head in range(READS):
            new[slot] += written[head, slot] * adds[head]

    reads = np.array([softmax([cosine(key, row) for row in new]) for key in keys])
    vectors = [sum(reads[head, slot] * new[slot] for slot in range(SLOTS)) for head in range(READS)]
    used = 0.95 * usage + reads.sum(0) + written.sum(0)
    return dict(zip(PARTS, (hidden, cell, np.concatenate(vectors), reads, new, used), strict=True))


def stepped(model, before, x):
    """The state that the loop comes to."""
    return State(**{k: torch.from_numpy(v)[None] for k, v in looped(model, before, x).items()})


@pytest.mark.parametrize("part", PARTS)
def test_a_step_is_that_of_the_equations(part):
    model, x = learner(), drawn(W + 1)
    found = model.cell.write(state(), x.unsqueeze(0))
    expected = looped(model, state(), x.numpy())[part]
    np.testing.assert_allclose(getattr(found, part)[0].detach(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("part", ["memory", "usage", "read"])
def test_many_steps_are_those_of_the_equations(part):
    model, inputs = learner(), drawn(8, W + 1)
    found = expected = state()
    for x in inputs:
        found = model.cell.write(found, x.unsqueeze(0))
        expected = stepped(model, expected, x.numpy())
    torch.testing.assert_close(getattr(found, part).detach(), getattr(expected, part))


def test_a_query_is_answered_as_the_equations_say():
    model, x, before = learner(), drawn(W), state()
    normed = model.norm(x).detach().numpy()
    inputs = np.concatenate([normed, [0.0], before.read[0]])
    hidden, _ = lstm(
        model.cell.controller, inputs, before.hidden[0].numpy(), before.cell[0].numpy()
    )
    keys = np.tanh(linear(model.cell.keys, hidden)).reshape(READS, WIDTH)
    memory = before.memory[0].numpy()
    vectors = [softmax([cosine(key, row) for row in memory]) @ memory for key in keys]
    expected = linear(model.out, np.concatenate([hidden, *vectors]))
    np.testing.assert_allclose(
        model.recall(before, x.view(1, 1, -1))[0].detach(), expected, rtol=1e-9
    )


def test_labels_enter_one_step_after_their_molecules():
    model, vectors = learner(), drawn(1, 3, W)
    signs = [0.0, 1.0, -1.0, 1.0]
    expected = model.cell.blank(1)
    for place, sign in enumerate(signs):
        x = model.norm(vectors[:, place]) if place < 3 else torch.zeros(1, W).double()
        inputs = torch.cat([x, torch.full((1, 1), sign).double()], dim=1)
        expected = model.cell.write(expected, inputs)
    found = model.memorise(vectors, torch.tensor([[1.0, 0.0, 1.0]]).double())
    torch.testing.assert_close(found.memory, expected.memory)
    torch.testing.assert_close(found.hidden, expected.hidden)


def test_several_supports_side_by_side_are_each_as_alone():
    model, vectors, labels = learner(), drawn(4, 6, W), (drawn(4, 6, seed=1) > 0).double()
    together = model.memorise(vectors, labels)
    for place in range(4):
        alone = model.memorise(vectors[place : place + 1], labels[place : place + 1])
        for part in PARTS:
            torch.testing.assert_close(getattr(together, part)[place], getattr(alone, part)[0])


def test_queries_leave_the_memory_as_it_was():
    model, before = learner(), state()
    kept = {part: getattr(before, part).clone() for part in PARTS}
    model.recall(before, drawn(1, 5, W))
    assert all(torch.equal(getattr(before, part), kept[part]) for part in PARTS)


def test_a_query_is_answered_alike_whatever_was_asked_before():
    model, before, queries = learner(), state(), drawn(1, 5, W)
    first = model.recall(before, queries)
    backwards = model.recall(before, queries.flip(1)).flip(1)
    torch.testing.assert_close(first, backwards)


def test_several_orders_of_the_support_are_averaged():
    model, vectors, query = learner(), drawn(6, W), drawn(2, W, seed=3)
    labels = torch.tensor([1.0, 0, 1, 0, 0, 1]).double()
    logits = []
    for place in range(3):
        order = torch.randperm(6, generator=torch.Generator().manual_seed(place))
        written = model.memorise(vectors[order].unsqueeze(0), labels[order].unsqueeze(0))
        logits.append(model.recall(written, query.unsqueeze(0))[0])
    torch.testing.assert_close(model.head(vectors, labels)(query), torch.stack(logits).mean(0))


@pytest.mark.parametrize("centred", [True, False])
def test_what_all_vectors_have_in_common_is_subtracted_if_centred(centred):
    model = learner(centred=centred)
    vectors, query, common = drawn(6, W), drawn(2, W, seed=3), drawn(W, seed=4)
    labels = torch.tensor([1.0, 0, 1, 0, 0, 1]).double()
    found = model.head(vectors, labels)(query)
    moved = model.head(vectors + common, labels)(query + common)
    assert torch.allclose(found, moved) == centred
    episodes = 2 * [SimpleNamespace(support_labels=labels.numpy(), query_labels=np.array([0, 1]))]
    losses = model.losses(episodes, [vectors, vectors + common], [query, query + common])
    assert torch.allclose(losses[0], losses[1]) == centred


def test_more_molecules_than_slots_can_be_written():
    found = learner().memorise(drawn(1, 3 * SLOTS, W), torch.ones(1, 3 * SLOTS).double())
    assert torch.isfinite(found.memory).all()


def filled(items):
    """A memory of one head after each item went where least was used."""
    now = State(
        *(torch.zeros(1, 1) for _ in range(3)),
        weights=torch.zeros(1, 1, SLOTS).double(),
        memory=torch.zeros(1, SLOTS, WIDTH).double(),
        usage=torch.zeros(1, SLOTS).double(),
    )
    for item in items:
        memory, where = lrua(now, item.view(1, 1, -1), torch.zeros(1, 1, 1).double())
        now = replace(now, memory=memory, usage=DECAY * now.usage + where.sum(1))
    return now.memory


def test_as_many_items_as_slots_are_each_found_by_their_content():
    items = drawn(SLOTS, WIDTH)
    memory = filled(items)
    nearest = similarity(items.unsqueeze(0), memory)[0].argmax(1)
    torch.testing.assert_close(memory[0, nearest], items)


def test_one_item_more_takes_the_place_of_the_one_used_longest_ago():
    items = drawn(SLOTS + 1, WIDTH)
    memory = filled(items)
    kept = similarity(items.unsqueeze(0), memory)[0].amax(1) > 1 - 1e-9
    assert kept.tolist() == [False] + [True] * SLOTS


def matched(vectors, labels, query, scale):
    """Logit of the share that the actives have in the attention of a query, one query at a time."""
    centre = vectors.mean(0).numpy()
    logits = []
    for x in query.numpy() - centre:
        weights = softmax(np.array([scale * cosine(x, v) for v in vectors.numpy() - centre]))
        share = weights @ labels.numpy()
        logits.append(np.log(share / (1 - share)))
    return torch.tensor(np.array(logits))


def test_with_matching_it_starts_as_a_matching_network():
    model, vectors, query = learner(centred=True, matching=True), drawn(6, W), drawn(2, W, seed=3)
    labels = torch.tensor([1.0, 0, 1, 0, 0, 1]).double()
    expected = matched(vectors, labels, query, 6)
    torch.testing.assert_close(model.head(vectors, labels)(query), expected)
    torch.nn.init.constant_(model.out.bias, 0.5)
    torch.testing.assert_close(model.head(vectors, labels)(query), expected + 0.5)


def test_with_matching_the_loss_is_that_of_what_is_predicted():
    model, query = learner(centred=True, matching=True), drawn(2, W, seed=3)
    labels, vectors = np.array([1.0, 0, 1, 0, 0, 1]), drawn(2, 6, W)
    answers = np.array([0.0, 1.0])
    episodes = 2 * [SimpleNamespace(support_labels=labels, query_labels=answers)]
    losses = model.losses(episodes, list(vectors), [query, query])
    for loss, support in zip(losses, vectors, strict=True):
        logits = model.head(support, torch.tensor(labels))(query)
        torch.testing.assert_close(loss, model.loss(logits, torch.tensor(answers)))
