"""Graph encoders on molecules that have little of what a graph needs, and in low precision."""

import logging

import pytest
import torch
from zoo import drugs

from molmeta import encoders
from molmeta.encoders import _precision
from molmeta.encoders._precision import apply_to_rows, bfloat16_is_native
from molmeta.molecules.store import featurize

NAMES = ("gine", "gps", "pna")
CHAIN = "C" * 1000
BARE = ("[He]", "C", "[Na+].[Cl-]", "[U]", "N->[Pt](Cl)Cl", CHAIN)
"""One atom, no bonds, atoms and bonds of unknown types, a thousand atoms."""


def built(name):
    torch.manual_seed(0)
    return encoders.build(name, {"width": 8, "layers": 2})


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("smiles", BARE)
def test_a_batch_of_nothing_else_has_finite_vectors_and_gradients(name, smiles, mode):
    encoder = built(name).train(mode)
    vectors = encoder(featurize([smiles] * 3, ["graph"]))
    vectors.sum().backward()
    assert torch.isfinite(vectors).all()
    gradients = [p.grad for p in encoder.parameters() if p.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("name", NAMES)
def test_training_in_bfloat16_is_close_to_float32(name, monkeypatch):
    encoder = encoders.build(name, {"width": 32, "layers": 2, "dropout": 0.0}).train()
    low = encoder(drugs())
    monkeypatch.setattr("molmeta.encoders._message_passing.bfloat16_is_native", lambda: False)
    high = encoder(drugs())
    assert low.dtype == high.dtype == torch.float32
    assert torch.cosine_similarity(low, high).min() > 0.999


def test_predictions_do_not_depend_on_the_precision_of_training(monkeypatch):
    encoder = built("gine").eval()
    vectors = encoder(drugs())
    monkeypatch.setattr("molmeta.encoders._message_passing.bfloat16_is_native", lambda: False)
    assert torch.equal(encoder(drugs()), vectors)


@pytest.mark.parametrize("name", NAMES)
def test_predictions_in_parts_are_those_of_all_molecules_at_once(name, monkeypatch):
    encoder = built(name).eval()
    at_once = encoder(drugs()).detach()
    monkeypatch.setattr("molmeta.encoders._message_passing.CHUNK", 5)
    with torch.no_grad():
        in_parts = encoder(drugs())
    assert len(drugs()) > 5
    torch.testing.assert_close(in_parts, at_once, rtol=1e-5, atol=1e-6)


def test_a_cpu_without_bfloat16_says_so(monkeypatch, caplog):
    monkeypatch.setattr(_precision.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(_precision.torch.cpu, "get_capabilities", lambda: {"avx2": True})
    bfloat16_is_native.cache_clear()
    with caplog.at_level(logging.INFO):
        assert not bfloat16_is_native()
    bfloat16_is_native.cache_clear()
    assert "training is in float32" in caplog.text


@pytest.mark.parametrize("n", [0, 1, 7, 100, 1025])
def test_padding_of_rows_changes_no_row(n):
    module, x = torch.nn.Linear(4, 3), torch.randn(n, 4)
    with torch.autocast("cpu", torch.bfloat16):
        padded = apply_to_rows(module, x)
        assert padded.shape == (n, 3)
        torch.testing.assert_close(padded, module(x), rtol=0.02, atol=0.02)


def test_rows_come_in_few_sizes():
    sizes = set()
    module = torch.nn.Identity()
    module.register_forward_hook(lambda _, inputs, __: sizes.add(len(inputs[0])))
    with torch.autocast("cpu", torch.bfloat16):
        for n in range(1024, 2048):
            apply_to_rows(module, torch.zeros(n, 1))
    assert len(sizes) <= 9
