from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm

from molmeta.campaigns import acquisition
from molmeta.campaigns.acquisition import (
    ACQUISITIONS,
    Assessment,
    diverse,
    predicted,
    ranked,
)
from molmeta.errors import ConfigError
from molmeta.molecules.blocks import Molecules, Vectors

RNG = np.random.default_rng(0)
VIEW = Assessment(RNG.random(50), RNG.random(50) / 2, RNG.random(50), 0.6)
PRINTS = np.packbits(RNG.random((50, 64)) < 0.3, axis=1)


def known(values):
    """Molecules whose only feature is their probability."""
    return Molecules({"chance": Vectors(torch.tensor(values)[:, None])})


def chances(molecules):
    return molecules.block("chance", Vectors).values[:, 0]


class Sure:
    """A predictor that says of itself how sure it is."""

    def __call__(self, molecules):
        return torch.logit(chances(molecules))

    def uncertainty(self, molecules):
        return torch.full((len(molecules),), 0.4)


def scored(name, view=VIEW, seed=0):
    return acquisition.get(name).score(view, np.random.default_rng(seed))


def similarity(first, second):
    a, b = np.unpackbits(first), np.unpackbits(second)
    return (a & b).sum() / max((a | b).sum(), 1)


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_every_candidate_gets_a_finite_score(name):
    assert scored(name).shape == (50,)
    assert np.isfinite(scored(name)).all()


def test_upper_bound_is_two_deviations_above_the_mean():
    assert scored("ucb") == pytest.approx(VIEW.probability + 2 * VIEW.uncertainty)


@pytest.mark.parametrize(
    ("name", "field"),
    [("greedy", "probability"), ("uncertainty", "uncertainty"), ("similarity", "similarity")],
)
def test_simple_functions_are_one_column_of_the_view(name, field):
    assert (scored(name) == getattr(VIEW, field)).all()


def test_expected_improvement_is_the_mean_of_what_exceeds_the_incumbent():
    view = Assessment(np.array([0.3, 0.8]), np.array([0.2, 0.1]), np.zeros(2), 0.6)
    grid = np.linspace(-3, 3, 60_001)
    for place, found in enumerate(scored("expected_improvement", view)):
        density = norm.pdf(grid, view.probability[place], view.uncertainty[place])
        expected = np.sum(np.maximum(grid - 0.6, 0) * density) * (grid[1] - grid[0])
        assert found == pytest.approx(expected, rel=1e-4)


def test_expected_improvement_without_uncertainty_is_the_improvement():
    view = Assessment(np.array([0.3, 0.8]), np.zeros(2), np.zeros(2), 0.6)
    assert scored("expected_improvement", view) == pytest.approx([0.0, 0.2])


def test_thompson_draws_around_the_probability_with_its_uncertainty():
    view = Assessment(np.full(20_000, 0.4), np.full(20_000, 0.1), np.zeros(20_000), 0.5)
    draws = scored("thompson", view)
    assert draws.mean() == pytest.approx(0.4, abs=0.005)
    assert draws.std() == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize("name", ["thompson", "random"])
def test_another_seed_draws_other_scores(name):
    assert (scored(name, seed=1) == scored(name, seed=1)).all()
    assert (scored(name, seed=1) != scored(name, seed=2)).any()


def test_chance_and_search_need_no_predictor():
    without = {name for name, one in ACQUISITIONS.items() if not one.predicts}
    assert without == {"random", "similarity"}


def test_an_unknown_function_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="'best' is unknown; expected one of greedy"):
        acquisition.get("best")


def test_a_predictor_s_own_uncertainty_is_halved_to_the_scale_of_probability():
    chance, spread = predicted(Sure(), known([0.2, 0.9]))
    assert chance == pytest.approx([0.2, 0.9])
    assert spread == pytest.approx([0.2, 0.2])


def test_without_its_own_uncertainty_the_variance_of_the_answer_stands_for_it():
    spread = predicted(lambda molecules: torch.logit(chances(molecules)), known([0.2, 0.5]))[1]
    assert spread == pytest.approx([0.16, 0.25])


def test_equal_scores_are_ranked_by_probability_then_place():
    order = ranked(np.array([1.0, 1.0, 2.0, 1.0]), np.array([0.1, 0.3, 0.0, 0.3]))
    assert order.tolist() == [2, 1, 3, 0]


def test_no_two_chosen_are_above_the_cap():
    chosen = diverse(range(50), PRINTS, 50, max_similarity=0.25)
    pairs = [(a, b) for a in chosen for b in chosen if a != b]
    assert 1 < len(chosen) < 50
    assert max(similarity(PRINTS[a], PRINTS[b]) for a, b in pairs) <= 0.25


def test_a_candidate_is_left_out_only_where_a_better_one_is_too_similar():
    chosen = diverse(range(50), PRINTS, 50, max_similarity=0.25)
    for place in set(range(50)) - set(chosen):
        before = [one for one in chosen if one < place]
        assert max(similarity(PRINTS[place], PRINTS[one]) for one in before) > 0.25


def test_a_cap_of_one_takes_the_best():
    same = np.repeat(PRINTS[:1], 5, axis=0)
    assert diverse([4, 2, 0, 1, 3], same, 3) == [4, 2, 0]


def test_what_was_taken_before_counts_for_the_cap_and_is_not_taken_again():
    chosen = diverse(range(50), PRINTS, 50, max_similarity=0.25, taken=[7])
    assert 7 not in chosen
    assert max(similarity(PRINTS[one], PRINTS[7]) for one in chosen) <= 0.25


def test_only_what_is_allowed_is_chosen():
    assert diverse(range(6), PRINTS, 2, allowed=lambda place: place % 2 == 1) == [1, 3]
