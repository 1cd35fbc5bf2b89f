import numpy as np
import pytest
from scipy.special import expit

from molmeta.errors import ConfigError
from molmeta.models.named import baseline
from molmeta.screening.hits import Support
from molmeta.screening.prevalence import BINS, counted, estimate, left_out

ACTIVE = ["CCOc1ccccc1", "CCNc1ccccc1", "CCCc1ccccc1", "CCSc1ccccc1"]
INACTIVE = ["CC(=O)O", "CCCCN"]


def library(share, apart, n=100_000, seed=0):
    """Return counts of a library, and log odds of 20 known actives."""
    rng = np.random.default_rng(seed)
    active = rng.random(n) < share
    odds = rng.normal(-3 + apart * active, 1.5)
    return counted(expit(odds)), rng.normal(-3 + apart, 1.5, 20)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1])
def test_actives_that_stand_apart_are_estimated_within_a_factor_of_two(share):
    found = estimate(*library(share, apart=8))
    assert share / 2 < found.share < 2 * share
    assert found.low <= share <= found.high < 4 * share


def test_four_intervals_of_five_hold_the_share_of_actives():
    found = [estimate(*library(0.01, apart=7, n=5000, seed=seed)) for seed in range(60)]
    assert np.mean([one.low <= 0.01 <= one.high for one in found]) >= 0.8


def test_scores_that_tell_nothing_apart_leave_it_open_whether_there_is_an_active():
    found = estimate(*library(0.01, apart=0))
    assert found.low == 0
    assert found.high > 0.9


def test_a_library_without_anything_like_the_actives_has_few_if_any():
    found = estimate(counted(np.full(1000, 0.01)), np.array([2.0, 3.0, 4.0, 5.0]))
    assert found.low == 0
    assert 0 < found.share < 0.001 < found.high < 0.02


@pytest.mark.parametrize("seed", range(20))
def test_the_estimate_lies_in_its_interval(seed):
    rng = np.random.default_rng(seed)
    counts, known = counted(rng.random(50)), rng.normal(0, 3, rng.integers(2, 9))
    found = estimate(counts, known)
    assert 0 <= found.low <= found.share <= found.high < 1
    assert found.share > 0


def test_every_probability_is_counted_once():
    p = np.array([0.0, 1e-30, 0.5, 0.5, 1.0])
    counts = counted(p)
    assert (len(counts), counts.sum()) == (BINS, 5)
    assert (counts[0], counts[BINS // 2], counts[-1]) == (2, 2, 1)
    assert (counts == counted(p[:3]) + counted(p[3:])).all()
    assert counted([]).sum() == 0


def test_each_active_is_scored_by_what_is_learnt_from_the_others():
    model, support = baseline("similarity"), Support([*ACTIVE, *INACTIVE], [1] * 4 + [0] * 2)
    others = model.adapt([*ACTIVE[1:], *INACTIVE], [1] * 3 + [0] * 2)
    found = left_out(model, support)
    assert expit(found[0]) == pytest.approx(others.predict(ACTIVE[:1])[0], rel=1e-5)
    assert len(found) == 4


@pytest.mark.parametrize(("n_active", "n_inactive"), [(3, 2), (4, 0)])
def test_too_small_a_support_is_refused(n_active, n_inactive):
    smiles = [*ACTIVE[:n_active], *INACTIVE[:n_inactive]]
    support = Support(smiles, [1] * n_active + [0] * n_inactive)
    with pytest.raises(ConfigError, match="cannot be estimated"):
        left_out(baseline("similarity"), support)
