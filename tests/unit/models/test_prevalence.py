import pytest

from molmeta.errors import ConfigError
from molmeta.models.prevalence import prior_shift


def test_a_shift_multiplies_the_odds_by_the_ratio_of_the_prior_odds():
    shifted = prior_shift(0.01, 0.5)(0.9)
    assert shifted / (1 - shifted) == pytest.approx(9 * (0.01 / 0.99) / (0.5 / 0.5))


def test_no_prevalence_leaves_probabilities_as_they_are():
    assert prior_shift(None, 1.0)(0.3) == 0.3


def test_the_prevalence_of_the_support_itself_moves_nothing():
    assert prior_shift(0.25, 0.25)(0.6) == pytest.approx(0.6)


def test_the_order_of_probabilities_stays():
    moved = [prior_shift(0.001, 0.4)(p / 100) for p in range(101)]
    assert moved == sorted(moved)
    assert (moved[0], moved[-1]) == (0, 1)


@pytest.mark.parametrize("prevalence", [0, 1, -0.1, 50, float("nan")])
def test_what_is_no_share_is_refused(prevalence):
    with pytest.raises(ConfigError, match="prevalence: "):
        prior_shift(prevalence, 0.5)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_support_of_one_class_cannot_be_moved(share):
    with pytest.raises(ConfigError, match="both classes"):
        prior_shift(0.01, share)
