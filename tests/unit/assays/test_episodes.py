"""Draws: whose share they keep, what they refuse, and that a seed is all that decides."""

import numpy as np
import pytest
import torch

from molmeta.assays.assay import Assay
from molmeta.assays.episodes import Draw, Episode, draw_episode
from molmeta.errors import EpisodeError
from molmeta.molecules.blocks import Molecules, Vectors
from molmeta.runtime.seeds import generator


def assay(n=40, n_active=16):
    labels = np.zeros(n, dtype=np.float32)
    labels[:n_active] = 1
    rows = np.arange(n, dtype=np.int64) + 100
    return Assay("a", "", "a", ("C",) * n, rows, labels, np.full(n, np.nan, dtype=np.float32))


def draw(found=None, *, seed=0, scaffolds=None, **options):
    found = assay() if found is None else found
    return draw_episode(found, Draw(**options), generator(seed), scaffolds=scaffolds)


def test_a_draw_keeps_the_share_of_the_assay():
    assert draw(n_support=10).support_labels.sum() == 4


def test_a_draw_rounds_to_the_nearest_count():
    assert draw(assay(40, 15), n_support=10).support_labels.sum() == 4


def test_a_draw_at_half_is_balanced():
    assert draw(n_support=10, share=0.5).support_labels.sum() == 5


def test_a_draw_at_a_share_has_that_share():
    assert draw(n_support=20, share=0.1).support_labels.sum() == 2


def test_a_share_too_small_for_one_active_still_has_one():
    assert draw(n_support=4, share=0.01).support_labels.sum() == 1


def test_a_share_too_large_for_one_inactive_still_has_one():
    assert draw(n_support=4, share=0.99).support_labels.sum() == 3


def test_the_query_is_all_that_the_support_left():
    episode = draw(n_support=10)
    together = np.concatenate([episode.support, episode.query])
    assert sorted(together) == list(range(40))


def test_labels_are_those_of_the_assay():
    episode = draw(n_support=10)
    labels = assay().labels
    assert np.array_equal(episode.query_labels, labels[episode.query])


def test_a_smaller_query_keeps_the_share_of_what_is_left():
    episode = draw(n_support=10, n_query=10)
    assert (len(episode.query), episode.query_labels.sum()) == (10, 4)


def test_a_query_of_two_holds_one_of_each():
    episode = draw(assay(40, 3), n_support=10, n_query=2)
    assert episode.query_labels.sum() == 1


def test_a_larger_query_than_there_is_takes_all():
    assert len(draw(n_support=10, n_query=1000).query) == 30


def test_the_same_seed_draws_the_same_episode():
    assert draw(n_support=10).digest == draw(n_support=10).digest


def test_another_seed_draws_another_episode():
    assert draw(n_support=10).digest != draw(n_support=10, seed=1).digest


def test_a_draw_is_the_same_on_every_machine():
    """Drawn once on Linux with numpy 2.4; numpy keeps the streams of PCG64 and `permutation`."""
    assert list(draw(n_support=6).support) == [7, 9, 16, 24, 28, 37]


def test_a_scaffold_draw_shares_no_scaffold():
    scaffolds = [str(place % 8) for place in range(40)]
    episode = draw(n_support=10, scaffolds=scaffolds)
    support, query = ({scaffolds[p] for p in part} for part in (episode.support, episode.query))
    assert not support & query


def test_a_scaffold_draw_has_the_size_asked_for():
    scaffolds = [str(place % 8) for place in range(40)]
    assert len(draw(n_support=10, scaffolds=scaffolds).support) == 10


def test_one_scaffold_for_all_leaves_no_query():
    with pytest.raises(EpisodeError, match="after a support of 10"):
        draw(n_support=10, scaffolds=["c1ccccc1"] * 40)


@pytest.mark.parametrize("n_support", [40, 41, 10**6])
def test_a_support_as_large_as_the_assay_is_refused(n_support):
    with pytest.raises(EpisodeError, match=f"assay 'a': too few .* a support of {n_support}; got"):
        draw(n_support=n_support)


def test_a_support_that_needs_all_actives_is_refused():
    with pytest.raises(EpisodeError, match="got 16 active of 40, expected more than 16"):
        draw(n_support=32, share=0.5)


def test_a_support_that_needs_all_inactives_is_refused():
    with pytest.raises(EpisodeError, match="got 16 inactive of 40, expected more than 16"):
        draw(assay(40, 24), n_support=32, share=0.5)


@pytest.mark.parametrize("n_active", [0, 40])
def test_an_assay_of_one_class_is_refused(n_active):
    with pytest.raises(EpisodeError, match="too few"):
        draw(assay(40, n_active), n_support=10)


@pytest.mark.parametrize("n_support", [0, 1])
def test_a_support_too_small_for_two_classes_is_refused(n_support):
    with pytest.raises(EpisodeError, match="too few"):
        draw(n_support=n_support)


def test_an_assay_of_five_compounds_says_its_size():
    with pytest.raises(EpisodeError, match="got 2 active of 5"):
        draw(assay(5, 2), n_support=16)


def test_at_gives_rows_for_positions():
    episode = draw(n_support=10)
    assert np.array_equal(episode.at(assay().rows).query, episode.query + 100)


def test_at_keeps_the_labels():
    episode = draw(n_support=10)
    assert np.array_equal(episode.at(assay().rows).query_labels, episode.query_labels)


def test_labelled_molecules_are_those_of_the_rows():
    molecules = Molecules({"place": Vectors(torch.arange(40.0).unsqueeze(1))})
    episode = draw(n_support=10)
    support, _ = episode.labelled(molecules)
    assert support.molecules.block("place", Vectors).values[:, 0].tolist() == list(episode.support)


def test_labelled_molecules_keep_their_labels():
    molecules = Molecules({"place": Vectors(torch.arange(40.0).unsqueeze(1))})
    episode = draw(n_support=10)
    _, query = episode.labelled(molecules)
    assert query.labels.tolist() == list(episode.query_labels)


def test_a_digest_tells_support_from_query():
    """The same rows, one of them moved from support to query."""
    parts = [np.array(rows, dtype=np.int64) for rows in ([0, 1], [2, 3], [0, 1, 2], [3])]
    labels = np.zeros(3, dtype=np.float32)
    first, second = (Episode("a", s, labels, q, labels) for s, q in (parts[:2], parts[2:]))
    assert first.digest != second.digest
