"""Which episodes a step learns from."""

import numpy as np
import pytest
from toy_training import assay, assays

from molmeta.assays.assay import Assay
from molmeta.errors import EpisodeError
from molmeta.training.sampler import Sampler

ROWS = 100


def sampler(**options):
    return Sampler(**{
        "assays": assays(), "supports": (4, 8), "n_query": 8, "share": None, "seed": 0, **options,
    })  # fmt: skip


def tiny(n, n_active):
    labels = np.zeros(n, np.float32)
    labels[:n_active] = 1
    rows = np.arange(ROWS, ROWS + n)
    return Assay("tiny", "", "", ("C",) * n, rows, labels, labels)


def test_a_step_draws_the_same_episodes_whatever_was_drawn_before():
    fresh, used = sampler(), sampler()
    used.episodes(1, 5)
    assert [e.digest for e in fresh.episodes(7, 3)] == [e.digest for e in used.episodes(7, 3)]


def test_another_step_draws_other_episodes():
    one, other = ({e.digest for e in sampler().episodes(step, 4)} for step in (1, 2))
    assert not one & other


def test_another_seed_draws_other_episodes():
    one, other = ({e.digest for e in sampler(seed=seed).episodes(1, 4)} for seed in (1, 2))
    assert not one & other


def test_all_supports_of_a_step_are_of_one_size():
    sizes = [{len(e.support) for e in sampler().episodes(step, 4)} for step in range(20)]
    assert all(len(found) == 1 for found in sizes)


def test_every_support_size_is_drawn_at_some_step():
    sizes = {len(sampler().episodes(step, 1)[0].support) for step in range(20)}
    assert sizes == {4, 8}


def test_every_assay_is_drawn_at_some_step():
    names = {e.assay for step in range(10) for e in sampler().episodes(step, 4)}
    assert names == {found.name for found in assays()}


def test_queries_hold_no_more_than_was_asked_for():
    assert {len(e.query) for e in sampler().episodes(1, 8)} == {8}


def test_rows_are_those_of_the_store():
    episodes = sampler(assays=[tiny(30, 15)]).episodes(1, 3)
    assert all((e.support >= ROWS).all() and (e.query >= ROWS).all() for e in episodes)


def test_the_share_of_actives_is_the_one_asked_for():
    episodes = sampler(supports=(8,), share=0.25).episodes(1, 6)
    assert {int(e.support_labels.sum()) for e in episodes} == {2}


def test_an_assay_too_small_for_the_support_is_passed_over():
    mixed = sampler(assays=[tiny(6, 3), *assays()], supports=(8,))
    assert "tiny" not in {e.assay for step in range(10) for e in mixed.episodes(step, 4)}


def test_an_assay_is_drawn_from_where_it_is_just_large_enough():
    """Of 4 + 6, a support of 8 takes 3 + 5 and leaves one of each."""
    assert len(sampler(assays=[tiny(10, 4)], supports=(8,)).episodes(1, 1)[0].query) == 2


def test_no_assay_large_enough_is_refused_at_once():
    with pytest.raises(EpisodeError, match="for a support of 400; got 4 assays"):
        sampler(supports=(8, 400))


def test_one_sided_assays_are_not_large_enough():
    with pytest.raises(EpisodeError, match="no assay is large enough"):
        sampler(assays=[tiny(40, 1)])


def test_assays_of_the_toys_are_of_both_classes():
    assert all(0 < found.n_active < len(found) for found in (*assays(), assay("x", "c1ccccc1")))
