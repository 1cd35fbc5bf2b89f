"""The parts of the in-context learner against plain loops."""

import torch
from torch.nn import functional as F
from toy_training import recipe, store
from zoo import drugs

from molmeta.learners.incontext import UNKNOWN, _difference, _Layer
from molmeta.models.recipes import Recipe
from molmeta.molecules.labelled import Labelled
from molmeta.runtime.seeds import torch_seed

WIDTH, HEADS = 6, 2


def layer():
    with torch_seed(0, "incontext"):
        return _Layer(WIDTH, HEADS, 0.0).eval()


def drawn(n, seed):
    return torch.randn(n, WIDTH, generator=torch.Generator().manual_seed(seed))


def looped(part, x, memory):
    """Attention molecule by molecule and head by head, then the small network."""
    size = WIDTH // HEADS
    keys, values = part.key_value(part.norm(memory)).chunk(2, dim=1)
    rows = []
    for state in x:
        query = part.query(part.norm(state))
        read = []
        for head in range(HEADS):
            own = slice(head * size, (head + 1) * size)
            weights = (keys[:, own] @ query[own] / size**0.5).softmax(0)
            read.append(weights @ values[:, own])
        seen = state + part.out(torch.cat(read))
        rows.append(seen + part.body(part.second(seen)))
    return torch.stack(rows)


def test_a_layer_is_attention_head_by_head():
    part, x, memory = layer(), drawn(3, 0), drawn(5, 1)
    torch.testing.assert_close(part(x, memory), looped(part, x, memory))


def test_a_difference_is_the_mean_cosine_with_actives_less_that_with_inactives():
    states, x = drawn(5, 0), drawn(3, 1)
    labels = torch.tensor([1.0, 0, 0, 1, 0])
    cosines = F.cosine_similarity(x.unsqueeze(1), states.unsqueeze(0), dim=2)
    expected = cosines[:, labels == 1].mean(1) - cosines[:, labels == 0].mean(1)
    torch.testing.assert_close(_difference(states, labels)(x), expected)


def test_queries_enter_without_a_label():
    learner = recipe("incontext").build(0).eval()
    molecules = store().molecules
    labels = torch.tensor([1.0, 0.0] * 4)
    support = Labelled(molecules.select(torch.arange(8)), labels)
    query = molecules.select(torch.arange(8, 12))
    before = learner.adapt(support)(query)
    with torch.no_grad():
        learner.labels[UNKNOWN] += 5.0
    assert not torch.allclose(learner.adapt(support)(query), before)


def test_without_fingerprints_it_reads_the_encoder_alone():
    chosen = Recipe(
        "incontext", "gine", {"fingerprints": False, "width": 8, "layers": 1, "heads": 2},
        {"width": 8, "layers": 1},
    )  # fmt: skip
    learner = chosen.build(0).eval()
    molecules = drugs().only(("graph",))
    assert learner.featurizers == ("graph",)
    support = Labelled(molecules.select(torch.arange(6)), torch.tensor([1.0, 0.0] * 3))
    with torch.no_grad():
        found = learner.adapt(support)(molecules)
        prepared = learner.adapt(support)(learner.prepare(molecules))
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found, prepared)
