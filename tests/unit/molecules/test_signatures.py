"""Numbers that stand for features, some of which are written into model files."""

import numpy as np
import pytest
import torch
from zoo import DRUGS

from molmeta.molecules.blocks import Bits, Vectors
from molmeta.molecules.signatures import signatures, splitmix64
from molmeta.molecules.store import featurize


def test_splitmix64_gives_the_published_sequence():
    """The first three outputs of the reference implementation with seed 0."""
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert splitmix64(np.arange(1, 4)).tolist() == published


def test_the_signature_of_bits_is_the_sum_of_their_outputs():
    bits = Bits(torch.tensor([0, 2], dtype=torch.int16), torch.tensor([0, 2, 2]), 8)
    expected = splitmix64(np.array([1, 3])).sum(dtype=np.uint64)
    assert signatures(bits).numpy().view(np.uint64).tolist() == [expected, 0]


@pytest.mark.parametrize("name", ["morgan", "graph", "descriptors"])
def test_different_drugs_have_different_signatures(name):
    numbers = signatures(featurize(DRUGS, (name,)).blocks[name])
    assert len(set(numbers.tolist())) == len(DRUGS)


def test_the_order_of_the_atoms_does_not_matter():
    numbers = signatures(featurize(["OCC", "C(O)C"], ("graph",)).blocks["graph"])
    assert len(set(numbers.tolist())) == 1


def test_the_order_of_a_vector_matters():
    numbers = signatures(Vectors(torch.tensor([[1.0, 2.0], [2.0, 1.0]])))
    assert len(set(numbers.tolist())) == 2


def test_salts_make_other_signatures():
    bits = featurize(["CCO"], ("morgan",)).block("morgan", Bits)
    assert signatures(bits, 0) != signatures(bits, 1)
