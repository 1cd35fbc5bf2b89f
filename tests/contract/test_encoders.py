"""What every encoder in the folder, and a join of two, must hold to."""

import pytest
import safetensors.torch
import torch
from torch import nn
from zoo import BLOCKS, ZOO, all_measured, zoo

from molmeta import encoders, registry
from molmeta.molecules.store import featurize
from molmeta.runtime.seeds import torch_seed

SMALL = {"width": 8, "hidden": 8, "layers": 2, "heads": 2, "towers": 2}
NAMES = (*encoders.names(), "gine+fingerprint")
LARGE = list(ZOO).index("peptide")
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
"""Sums in float32 in another order; the attention of GPS is over molecules padded alike."""

every = pytest.mark.parametrize("name", NAMES)


def small(name):
    known = registry.option_defaults(encoders.get(name))
    return {option: value for option, value in SMALL.items() if option in known}


def built(name, seed=0):
    parts = name.split("+")
    options = {part: small(part) for part in parts} if len(parts) > 1 else small(name)
    with torch_seed(seed, "encoder"):
        encoder = encoders.build(name, options)
    encoder.fit(all_measured(zoo()))
    return encoder.eval()


def encoded(encoder, molecules):
    with torch.no_grad():
        return encoder(molecules)


@every
def test_a_molecule_is_one_finite_vector_of_the_declared_width(name):
    encoder = built(name)
    vectors = encoded(encoder, zoo())
    assert vectors.shape == (len(ZOO), encoder.width)
    assert torch.isfinite(vectors).all()


@every
def test_vectors_are_float32(name):
    assert encoded(built(name), zoo()).dtype == torch.float32


@every
def test_a_vector_depends_on_its_own_molecule_alone(name):
    encoder = built(name)
    alone = [encoded(encoder, zoo().select(torch.tensor([row]))) for row in range(len(ZOO))]
    torch.testing.assert_close(torch.cat(alone), encoded(encoder, zoo()), **CLOSE)


@every
def test_the_order_of_the_molecules_is_that_of_the_vectors(name):
    encoder, order = built(name), torch.tensor([4, 0, 9, 9, 2])
    found = encoded(encoder, zoo().select(order))
    torch.testing.assert_close(found, encoded(encoder, zoo())[order], **CLOSE)


@every
def test_an_atom_without_bonds_has_a_finite_vector_when_alone(name):
    encoder, atom = built(name), featurize(["[Xe]"], BLOCKS)
    assert torch.isfinite(encoded(encoder, atom)).all()


@every
def test_no_molecules_have_no_vectors(name):
    encoder = built(name)
    nothing = zoo().select(torch.tensor([], dtype=torch.int64))
    assert encoded(encoder, nothing).shape == (0, encoder.width)


@every
def test_different_molecules_have_different_vectors(name):
    found = encoded(built(name), featurize(["CCO", "c1ccccc1N"], BLOCKS))
    assert not torch.allclose(found[0], found[1], atol=1e-3)


@every
def test_the_declared_blocks_are_all_it_reads(name):
    encoder = built(name)
    found = encoded(encoder, zoo().only(encoder.featurizers))
    assert torch.equal(found, encoded(encoder, zoo()))


@every
def test_a_gradient_reaches_every_parameter(name):
    encoder = built(name).train()
    vectors = encoder(zoo())
    (vectors * torch.linspace(-1, 1, vectors.numel()).view_as(vectors)).sum().backward()
    unreached = [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert not unreached


@every
def test_it_can_be_differentiated_twice(name):
    encoder = built(name)
    weights = list(encoder.parameters())
    loss = encoder(zoo()).square().mean()
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    sum(gradient.square().sum() for gradient in gradients).backward()
    assert all(torch.isfinite(p.grad).all() for p in weights if p.grad is not None)
    assert any(p.grad is not None and p.grad.any() for p in weights)


@every
def test_the_same_seed_gives_the_same_weights(name):
    one, other = built(name).state_dict(), built(name).state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)


@every
def test_another_seed_gives_other_vectors(name):
    assert not torch.allclose(encoded(built(name), zoo()), encoded(built(name, 1), zoo()))


@every
def test_a_saved_encoder_gives_the_same_vectors(name):
    encoder, other = built(name), built(name, seed=1)
    other.load_state_dict(safetensors.torch.load(safetensors.torch.save(encoder.state_dict())))
    assert torch.equal(encoded(other, zoo()), encoded(encoder, zoo()))


@every
def test_nothing_in_it_normalises_over_the_batch(name):
    assert not [m for m in built(name).modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


@every
def test_training_mode_changes_no_buffer(name):
    encoder = built(name).train()
    before = {key: value.clone() for key, value in encoder.named_buffers()}
    encoder(zoo())
    assert all(torch.equal(value, before[key]) for key, value in encoder.named_buffers())
