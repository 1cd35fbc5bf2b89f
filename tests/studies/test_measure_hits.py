"""What `studies/screening/measure_hits.py` says of one screen with known answers."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from paths import ROOT

from molmeta.screening.expected_hits import (
    LIBRARY_POWER,
    LIBRARY_SPREAD,
    SPREAD,
    TOPS,
    expected_hits,
    library_hits,
)

SCRIPT = ROOT / "studies" / "screening" / "measure_hits.py"
PLAIN = f"1.0 {SPREAD}"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("measure_hits", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def judged(script):
    return script.judged


def screen(n_first):
    """Return 1000 compounds, 5 % active, of which the first n are."""
    return np.linspace(0.9, 0.01, 1000), np.arange(1000) < n_first, 0.05


def test_the_first_power_judges_the_probabilities_as_they_are(judged):
    p, active, prevalence = screen(10)
    found = expected_hits(p, TOPS)
    for row, one in zip(judged(p, active, prevalence), found, strict=True):
        assert row[f"expected {PLAIN}"] == pytest.approx(one.hits)
        assert row[f"holds {PLAIN}"] == (one.low <= row["hits"] <= one.high)


def test_more_hits_than_the_interval_are_above_it(judged):
    row = judged(*screen(96))[1]
    assert (row["hits"], row[f"holds {PLAIN}"], row[f"above {PLAIN}"]) == (96, False, True)


def test_fewer_hits_than_the_interval_are_not_above_it(judged):
    row = judged(*screen(0))[1]
    assert (row["hits"], row[f"holds {PLAIN}"], row[f"above {PLAIN}"]) == (0, False, False)


def test_a_higher_power_expects_more_of_what_stands_above_the_prevalence(judged):
    row = judged(*screen(96))[1]
    assert row[f"expected 2.0 {SPREAD}"] > row[f"expected {PLAIN}"] + 5


@pytest.fixture
def ranked(script):
    """2,000 compounds, 200 active, the actives first by far but for 20 of them."""
    p = np.linspace(0.999, 0.001, 2000)
    active = (np.arange(2000) < 180) | (np.arange(2000) >= 1980)
    return script.Ranked(p, active, 0.5, np.array([3.0, 4.0, 5.0, 6.0]))


def test_a_guess_says_whether_its_intervals_hold(script, ranked):
    row = script.guessed(ranked)
    assert row["true"] == pytest.approx(0.1)
    assert row["holds"] == (row["low"] <= 0.1 <= row["high"])
    assert row["hits 96"] == 96
    assert row["holds 96"] == (row["low 96"] <= 96 <= row["high 96"])


def test_a_thinned_library_keeps_its_inactives(ranked):
    thin = ranked.thinned(0.3, np.random.default_rng(0))
    assert (int(thin.active.sum()), int((~thin.active).sum())) == (60, 1800)
    assert (np.diff(thin.p) < 0).all()


def test_what_is_shipped_for_libraries_is_one_of_the_ways_that_were_tried(judged):
    p, active, prevalence = screen(10)
    for row, one in zip(
        judged(p, active, prevalence), library_hits(p, prevalence=prevalence), strict=True
    ):
        assert row[f"expected {LIBRARY_POWER} {LIBRARY_SPREAD}"] == pytest.approx(one.hits)
