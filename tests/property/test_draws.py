"""Properties of all episodes drawn from any assay that is large enough."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from molmeta.assays.assay import Assay
from molmeta.assays.episodes import Draw, draw_episode
from molmeta.errors import EpisodeError
from molmeta.runtime.seeds import generator

SEEDS = st.integers(0, 99)
quickly = settings(max_examples=50, deadline=None)
"""No deadline, which a busy machine would miss."""


def assay(n_active, n_inactive, seed):
    labels = np.repeat(np.array([1, 0], dtype=np.float32), [n_active, n_inactive])
    labels = generator(seed, "labels").permutation(labels)
    n, rows = len(labels), np.arange(len(labels), dtype=np.int64)
    return Assay("a", "", "a", ("C",) * n, rows, labels, np.full(n, np.nan, dtype=np.float32))


ALL_REMAINING = st.none()


@st.composite
def cases(sample, *, n_query=ALL_REMAINING):
    """An assay, a draw that leaves both classes for the query, and the support's class counts."""
    counts = [sample(st.integers(2, 40)) for _ in range(2)]
    taken = [sample(st.integers(1, count - 1)) for count in counts]
    draw = Draw(sum(taken), share=taken[0] / sum(taken), n_query=sample(n_query))
    return assay(*counts, sample(SEEDS)), draw, taken


def drawn(found, draw, seed, scaffolds=None):
    return draw_episode(found, draw, generator(seed), scaffolds=scaffolds)


@quickly
@given(cases(), SEEDS)
def test_support_and_query_partition_the_assay(case, seed):
    episode = drawn(*case[:2], seed)
    assert sorted([*episode.support, *episode.query]) == list(range(len(case[0])))


@quickly
@given(cases(n_query=st.integers(2, 40)), SEEDS)
def test_support_and_a_smaller_query_are_disjoint(case, seed):
    episode = drawn(*case[:2], seed)
    together = [*episode.support, *episode.query]
    assert len(set(together)) == len(together)


@quickly
@given(cases(), SEEDS)
def test_class_counts_of_the_support_are_exact(case, seed):
    labels = drawn(*case[:2], seed).support_labels
    assert [labels.sum(), len(labels) - labels.sum()] == case[2]


@quickly
@given(st.integers(4, 40), st.integers(4, 40), st.integers(2, 6), SEEDS)
def test_a_stratified_support_has_the_nearest_share_to_that_of_the_assay(
    n_active, n_inactive, n_support, seed
):
    found = assay(n_active, n_inactive, seed)
    share = found.n_active / len(found)
    labels = drawn(found, Draw(n_support), seed).support_labels
    assert abs(labels.sum() - np.clip(share * n_support, 1, n_support - 1)) <= 0.5


@quickly
@given(cases(n_query=st.integers(2, 40)), SEEDS)
def test_the_query_has_the_requested_size_or_all_remaining_compounds(case, seed):
    found, draw, _ = case
    left = len(found) - draw.n_support
    assert len(drawn(found, draw, seed).query) == min(draw.n_query, left)


@quickly
@given(cases(n_query=st.integers(2, 40)), SEEDS)
def test_the_query_holds_both_classes(case, seed):
    assert set(drawn(*case[:2], seed).query_labels) == {0, 1}


@quickly
@given(cases(n_query=st.integers(2, 40)), SEEDS)
def test_labels_stay_with_their_molecules(case, seed):
    episode = drawn(*case[:2], seed)
    assert np.array_equal(episode.support_labels, case[0].labels[episode.support])
    assert np.array_equal(episode.query_labels, case[0].labels[episode.query])


@quickly
@given(cases(n_query=st.one_of(st.none(), st.integers(2, 40))), SEEDS)
def test_the_same_seed_draws_the_same(case, seed):
    assert drawn(*case[:2], seed).digest == drawn(*case[:2], seed).digest


@quickly
@given(cases(), SEEDS, st.integers(10, 40))
def test_scaffold_draws_share_no_scaffold(case, seed, n_scaffolds):
    names = [str(n) for n in generator(seed).integers(n_scaffolds, size=len(case[0]))]
    try:
        episode = drawn(*case[:2], seed, names)
    except EpisodeError:
        assume(False)
    assert not {names[p] for p in episode.support} & {names[p] for p in episode.query}


@quickly
@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 50), SEEDS)
def test_sizes_alone_decide_whether_a_draw_is_refused(n_active, n_inactive, n_support, seed):
    outcomes = set()
    assume(n_active + n_inactive > 0)
    for other in (seed, seed + 1):
        try:
            drawn(assay(n_active, n_inactive, other), Draw(n_support), other)
            outcomes.add("drawn")
        except EpisodeError:
            outcomes.add("refused")
    assert len(outcomes) == 1
