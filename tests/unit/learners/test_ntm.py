"""The Neural Turing machine against its equations, written out slot by slot in plain loops."""

from dataclasses import fields
from math import exp, log, sqrt, tanh

import numpy as np
import pytest
import torch

from molmeta.encoders.base import Encoder
from molmeta.learners._parents.memory import MemoryState
from molmeta.learners.ntm import NTM, Aim, NTMCell, address, changed
from molmeta.runtime.seeds import torch_seed

W, HIDDEN, SLOTS, WIDTH, HEADS = 5, 7, 6, 4, 2
PARTS = [part.name for part in fields(MemoryState)]
RAW = WIDTH + 6


class Nothing(Encoder):
    width = W

    def forward(self, molecules):
        raise NotImplementedError


def learner():
    with torch_seed(0, "ntm"):
        found = NTM(
            Nothing(), controller=HIDDEN, slots=SLOTS, slot_width=WIDTH, heads=HEADS, orders=3
        )
    return found.double().eval()


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def state(n=1, seed=5):
    return MemoryState(
        hidden=drawn(n, HIDDEN, seed=seed),
        cell=drawn(n, HIDDEN, seed=seed + 1),
        read=drawn(n, HEADS * WIDTH, seed=seed + 2),
        weights=drawn(n, 2 * HEADS, SLOTS, seed=seed + 3).softmax(2),
        memory=drawn(n, SLOTS, WIDTH, seed=seed + 4),
    )


def sigmoid(x):
    return 1 / (1 + exp(-x))


def softplus(x):
    return log(1 + exp(x))


def normalised(values):
    return [value / sum(values) for value in values]


def cosine(a, b):
    product = sum(x * y for x, y in zip(a, b, strict=True))
    return product / sqrt(sum(x * x for x in a)) / sqrt(sum(x * x for x in b))


def linear(layer, x):
    found = []
    for row, bias in zip(layer.weight.tolist(), layer.bias.tolist(), strict=True):
        found.append(bias + sum(w * value for w, value in zip(row, x, strict=True)))
    return found


def lstm(cell, x, hidden, memory):
    """Hochreiter and Schmidhuber's cell with a forget gate; torch's order of gates."""
    weights = {name: tensor.detach().numpy() for name, tensor in cell.named_parameters()}
    total = weights["weight_ih"] @ np.array(x) + weights["bias_ih"]
    total = total + weights["weight_hh"] @ np.array(hidden) + weights["bias_hh"]
    enter, forget, new, leave = np.split(total, 4)
    found = [
        sigmoid(f) * m + sigmoid(e) * tanh(n)
        for e, f, n, m in zip(enter, forget, new, memory, strict=True)
    ]
    return [sigmoid(out) * tanh(c) for out, c in zip(leave, found, strict=True)], found


def aimed(memory, before, *, key, beta, g, s, gamma):
    """Graves et al., equations 5 to 9, for one head."""
    content = normalised([exp(beta * cosine(key, row)) for row in memory])
    gated = [g * c + (1 - g) * w for c, w in zip(content, before, strict=True)]
    shifted = [0.0] * len(gated)
    for i in range(len(gated)):
        for share, step in zip(s, (-1, 0, 1), strict=True):
            shifted[i] += gated[(i - step) % len(gated)] * share
    return normalised([w**gamma for w in shifted])


def heads(model, hidden, memory, before):
    """Where each head goes, from what the controller emits."""
    raw, found = linear(model.cell.aims, hidden), []
    for head in range(2 * HEADS):
        beta, g, gamma, *rest = raw[head * RAW : (head + 1) * RAW]
        found.append(
            aimed(
                memory,
                before[head],
                key=rest[3:],
                beta=softplus(beta),
                g=sigmoid(g),
                s=normalised([exp(value) for value in rest[:3]]),
                gamma=1 + softplus(gamma),
            )
        )
    return found


def read(memory, weights):
    return [sum(w * row[j] for w, row in zip(weights, memory, strict=True)) for j in range(WIDTH)]


def looped(model, before, x):
    """One step: the heads aim at the memory as it was, read it, then erase and add."""
    hidden, cell, reads, weights, memory = (getattr(before, part)[0].tolist() for part in PARTS)
    hidden, cell = lstm(model.cell.controller, [*x, *reads], hidden, cell)
    weights = heads(model, hidden, memory, weights)
    reads = [value for head in range(HEADS) for value in read(memory, weights[head])]
    change, new = linear(model.cell.changes, hidden), [list(row) for row in memory]
    for phase in ("erase", "add"):
        for head in range(HEADS):
            own = change[2 * head * WIDTH : 2 * (head + 1) * WIDTH]
            erase, add = [sigmoid(value) for value in own[:WIDTH]], own[WIDTH:]
            for i in range(SLOTS):
                w = weights[HEADS + head][i]
                for j in range(WIDTH):
                    if phase == "erase":
                        new[i][j] *= 1 - w * erase[j]
                    else:
                        new[i][j] += w * add[j]
    return dict(zip(PARTS, (hidden, cell, reads, weights, new), strict=True))


def stepped(model, before, x):
    found = looped(model, before, x).items()
    return MemoryState(**{part: torch.tensor([value]).double() for part, value in found})


def aim(**parts):
    """One head that stays where it is, unless told otherwise."""
    found = {"key": [1.0, 0, 0, 0], "strength": [1.0], "gate": [0.0], "shift": [0, 1.0, 0]}
    found = {**found, "sharpness": [1.0], **parts}
    return Aim(*(torch.tensor([[found[part]]]).double() for part in Aim._fields))


def at(slot):
    return torch.eye(SLOTS, dtype=torch.float64)[slot].view(1, 1, SLOTS)


@pytest.mark.parametrize("part", PARTS)
def test_a_step_is_that_of_the_equations(part):
    model, x = learner(), drawn(W + 1)
    found = model.cell.write(state(), x.unsqueeze(0))
    expected = stepped(model, state(), x.tolist())
    torch.testing.assert_close(getattr(found, part).detach(), getattr(expected, part))


@pytest.mark.parametrize("part", ["memory", "weights", "read"])
def test_many_steps_are_those_of_the_equations(part):
    model, inputs = learner(), drawn(8, W + 1)
    found = expected = state()
    for x in inputs:
        found = model.cell.write(found, x.unsqueeze(0))
        expected = stepped(model, expected, x.tolist())
    torch.testing.assert_close(getattr(found, part).detach(), getattr(expected, part))


def test_a_query_is_answered_as_the_equations_say():
    model, queries, before = learner(), drawn(3, W), state()
    expected = []
    for query in model.norm(queries).tolist():
        after = looped(model, before, [*query, 0.0])
        expected.append(linear(model.out, [*after["hidden"], *after["read"]]))
    found = model.recall(before, queries.unsqueeze(0))[0]
    torch.testing.assert_close(found.detach(), torch.tensor(expected).double().squeeze(1))


def test_interpolation_keeps_the_place_where_the_gate_is_closed():
    found = address(state().memory, at(2), aim(gate=[0.0]))
    torch.testing.assert_close(found, at(2))


def test_interpolation_follows_the_content_where_the_gate_is_open():
    memory = state().memory
    found = address(memory, at(2), aim(key=memory[0, 4].tolist(), strength=[200.0], gate=[1.0]))
    torch.testing.assert_close(found, at(4))


@pytest.mark.parametrize(("step", "place"), [(0, 4), (1, 5), (2, 0)])
def test_a_shift_moves_a_head_by_one_slot_round_the_end(step, place):
    shift = [float(step == i) for i in range(3)]
    torch.testing.assert_close(address(state().memory, at(5), aim(shift=shift)), at(place))


def test_sharpening_raises_shares_to_a_power():
    before = torch.tensor([[[0.5, 0.3, 0.2, 0, 0, 0]]]).double()
    found = address(state().memory, before, aim(sharpness=[2.0]))
    expected = torch.tensor([[[0.25, 0.09, 0.04, 0, 0, 0]]]).double() / 0.38
    torch.testing.assert_close(found, expected)


def test_the_sharpest_head_is_finite():
    even = torch.full((1, 1, SLOTS), 1 / SLOTS, dtype=torch.float32)
    parts = Aim(*(part.float() for part in aim(sharpness=[1000.0])))
    found = address(state().memory.float(), even, parts)
    torch.testing.assert_close(found, even)


def test_slots_where_no_head_can_be_leave_a_finite_gradient():
    before = at(2).requires_grad_()
    address(state().memory, before, aim(gate=[0.0])).square().sum().backward()
    assert torch.isfinite(before.grad).all()


def test_a_full_erase_leaves_what_is_added():
    add = torch.tensor([[[3.0, -1, 2, 0]]]).double()
    found = changed(state().memory, at(1), torch.ones(1, 1, WIDTH).double(), add)
    expected = state().memory.clone()
    expected[0, 1] = add[0, 0]
    torch.testing.assert_close(found, expected)


def test_heads_copy_a_sequence_when_they_are_told_to():
    """Write with steps of one, find the first row by its content, read with steps of one."""
    sequence, full = drawn(4, WIDTH), torch.ones(1, 1, WIDTH).double()
    memory, head = 0.01 * state().memory, at(1)
    for x in sequence:
        memory = changed(memory, head, full, x.view(1, 1, -1))
        head = address(memory, head, aim(shift=[0, 0, 1.0]))
    head = address(memory, head, aim(key=sequence[0].tolist(), strength=[200.0], gate=[1.0]))
    found = []
    for _ in sequence:
        found.append((head @ memory)[0, 0])
        head = address(memory, head, aim(shift=[0, 0, 1.0]))
    torch.testing.assert_close(torch.stack(found), sequence)


def test_labels_enter_one_step_after_their_molecules():
    model, vectors = learner(), drawn(1, 3, W)
    expected = model.cell.blank(1)
    for place, sign in enumerate([0.0, 1.0, -1.0, 1.0]):
        x = model.norm(vectors[:, place]) if place < 3 else torch.zeros(1, W).double()
        inputs = torch.cat([x, torch.full((1, 1), sign).double()], dim=1)
        expected = model.cell.write(expected, inputs)
    found = model.memorise(vectors, torch.tensor([[1.0, 0.0, 1.0]]).double())
    torch.testing.assert_close(found.memory, expected.memory)
    torch.testing.assert_close(found.hidden, expected.hidden)


def test_every_support_starts_from_the_stored_memory():
    model = learner()
    assert torch.equal(model.cell.blank(2).memory[1], model.state_dict()["cell.start"])


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


def test_several_orders_of_the_support_are_averaged():
    model, vectors, query = learner(), drawn(6, W), drawn(2, W, seed=3)
    labels = torch.tensor([1.0, 0, 1, 0, 0, 1]).double()
    logits = []
    for place in range(3):
        order = torch.randperm(6, generator=torch.Generator().manual_seed(place))
        written = model.memorise(vectors[order].unsqueeze(0), labels[order].unsqueeze(0))
        logits.append(model.recall(written, query.unsqueeze(0))[0])
    torch.testing.assert_close(model.head(vectors, labels)(query), torch.stack(logits).mean(0))


def test_two_thousand_steps_leave_finite_numbers():
    with torch_seed(0, "long"):
        cell = NTMCell(W + 1, controller=HIDDEN, slots=SLOTS, slot_width=WIDTH, heads=1)
    found = cell.blank(1)
    with torch.no_grad():
        for x in drawn(2000, 1, W + 1).float():
            found = cell.write(found, x)
    assert torch.isfinite(cell.output(found)).all()
