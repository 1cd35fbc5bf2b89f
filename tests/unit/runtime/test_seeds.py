"""Random streams with names."""

import numpy as np
import torch

from molmeta.runtime.seeds import generator, seed_of, torch_seed


def test_a_stream_is_the_same_on_every_machine():
    """The first number by sha256sum on a shell; numpy promises the stream of PCG64 for ever."""
    assert seed_of(0, "evaluate", "CHEMBL1", 16, 0) == 7500028147668655265
    assert generator(0, "weights").integers(1000, size=3).tolist() == [866, 73, 580]


def test_streams_of_other_names_are_other_streams():
    draws = [generator(0, *names).random() for names in (("a",), ("b",), ("a", "b"), ("ab",))]
    assert len(set(draws)) == 4


def test_names_are_kept_apart():
    assert seed_of(0, "a", "b") != seed_of(0, "ab")
    assert seed_of(1, 2) != seed_of(12)


def test_seeds_are_not_negative_and_fit_64_bits():
    seeds = [seed_of(0, place) for place in range(100)]
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_torch_draws_from_the_named_stream():
    draws = []
    for _ in range(2):
        with torch_seed(3, "dropout"):
            draws.append(torch.rand(4))
    assert torch.equal(*draws)


def test_the_state_of_torch_is_put_back():
    before = torch.get_rng_state()
    with torch_seed(0, "weights"):
        torch.rand(5)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_state_of_numpy_is_left_alone():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 - the old global state is the point
    generator(0, "a").random()
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
