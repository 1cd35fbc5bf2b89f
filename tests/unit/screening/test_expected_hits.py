"""Expected hits against scipy's binomial, simulation and plain sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit

from molmeta.models.prevalence import Estimate, prior_shift
from molmeta.screening.expected_hits import (
    DEFAULT_PREVALENCE,
    LIBRARY_SPREAD,
    SPREAD,
    LibraryScores,
    expected_hits,
    library_hits,
)
from molmeta.screening.prevalence import counted


def test_without_a_common_error_equal_chances_are_binomial():
    (found,) = expected_hits([0.3] * 96, [96], spread=0.0)
    assert (found.low, found.high) == (stats.binom.ppf(0.1, 96, 0.3), stats.binom.ppf(0.9, 96, 0.3))


def test_without_a_common_error_hits_are_the_sum_of_the_chances():
    chances = [0.9, 0.5, 0.2, 0.01]
    assert expected_hits(chances, [3], spread=0.0)[0].hits == pytest.approx(1.6)


def test_common_error_widens_the_interval():
    narrow, wide = (expected_hits([0.3] * 96, [96], spread=s)[0] for s in (0.0, SPREAD))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_interval_covers_simulated_screens():
    rng = np.random.default_rng(0)
    chances = np.sort(rng.beta(1, 4, 96))[::-1]
    error = rng.normal(0, SPREAD, (4000, 1))
    hits = (rng.random((4000, 96)) < expit(logit(chances) + error)).sum(axis=1)
    (found,) = expected_hits(chances, [96])
    assert found.hits == pytest.approx(hits.mean(), abs=0.3)
    assert 0.79 < ((hits >= found.low) & (hits <= found.high)).mean() < 0.87


def test_tops_above_the_number_of_compounds_are_left_out():
    assert [found.top for found in expected_hits([0.5] * 96)] == [10, 96]


def test_nothing_is_expected_of_nothing():
    assert expected_hits([]) == []


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_certain_compounds_give_whole_numbers(chance):
    (found,) = expected_hits([chance] * 10, [10])
    assert (found.low, found.high) == (10 * chance, 10 * chance)


def test_a_library_without_a_prevalence_takes_the_default():
    chances = [0.6, 0.4, 0.3] * 32
    shifted = [*map(prior_shift(DEFAULT_PREVALENCE, 0.4), chances)]
    default = library_hits(chances, prevalence=None, share=0.4)
    assert default == library_hits(shifted, prevalence=DEFAULT_PREVALENCE)


def test_a_support_of_one_class_gives_no_expected_hits():
    assert library_hits([0.5] * 10, prevalence=None, share=1.0) == []


def test_compounds_at_the_prevalence_stay_there():
    found = library_hits([0.01] * 96, [96], prevalence=0.01)
    assert found == expected_hits([0.01] * 96, [96], spread=LIBRARY_SPREAD)


def test_odds_above_those_of_the_prevalence_are_squared():
    three_to_one, nine_to_one = 3 / 4, 9 / 10
    found = library_hits([three_to_one] * 96, [96], prevalence=0.5)
    assert found == expected_hits([nine_to_one] * 96, [96], spread=LIBRARY_SPREAD)


def test_hits_at_an_estimated_prevalence_lie_between_those_at_its_ends():
    p, found = [0.2, 0.1, 0.05] * 32, Estimate(0.01, 0.002, 0.03)
    (one,) = library_hits(p, [96], prevalence=found)
    (there,) = library_hits(p, [96], prevalence=0.01)
    ends = [
        library_hits([*map(prior_shift(end, 0.01), p)], [96], prevalence=end)[0]
        for end in (0.002, 0.03)
    ]
    assert (one.hits, one.low, one.high) == (there.hits, ends[0].low, ends[1].high)
    assert ends[0].low < there.low < there.high < ends[1].high


def test_a_library_that_may_have_no_active_may_give_no_hit():
    (one,) = library_hits([0.5] * 96, [96], prevalence=Estimate(0.01, 0.0, 0.02))
    assert one.low == 0


def test_certain_compounds_of_a_library_give_whole_numbers():
    (found,) = library_hits([1.0] * 10, [10], prevalence=0.01)
    assert (found.hits, found.low, found.high) == (10, 10, 10)


def scores(chances):
    return LibraryScores(counted(chances), len(chances))


def test_a_library_is_not_expected_to_hold_more_actives_than_its_prevalence():
    chances = np.concatenate([np.linspace(0.9, 0.1, 500), np.full(500, 0.01)])
    library = scores(chances)
    (free,) = library_hits(chances, [1000], prevalence=None, share=0.5)
    (bounded,) = library_hits(chances, [1000], prevalence=None, share=0.5, library=library)
    assert free.hits > 10
    assert bounded.hits == pytest.approx(1000 * DEFAULT_PREVALENCE, rel=0.02)


def test_the_bound_does_not_depend_on_the_number_of_candidates_kept():
    chances = np.linspace(0.9, 0.1, 1000)
    (few,) = library_hits(chances[:10], [10], prevalence=None, library=scores(chances))
    (many, *_) = library_hits(chances, [10, 96], prevalence=None, library=scores(chances))
    assert few == many


def test_a_given_prevalence_bounds_hits_as_the_assumed_one_does():
    chances = np.linspace(0.9, 0.1, 1000)
    moved = [*map(prior_shift(DEFAULT_PREVALENCE, 0.4), chances)]
    for library in (None, scores(chances)):
        assumed = library_hits(chances, prevalence=None, share=0.4, library=library)
        given = library_hits(moved, prevalence=DEFAULT_PREVALENCE, share=0.4, library=library)
        assert given == assumed


def test_a_library_with_room_for_all_expected_hits_changes_nothing():
    chances = [0.02] * 96
    room = LibraryScores(counted(chances), 10**6)
    assert library_hits(chances, prevalence=None, library=room) == library_hits(
        chances, prevalence=None
    )
