"""What docs/screening/measure_hits.py says of one screen, on probabilities with known answers."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from molmeta.expecting import (
    LIBRARY_POWER,
    LIBRARY_SPREAD,
    SPREAD,
    TOPS,
    expected_hits,
    library_hits,
)

SCRIPT = Path(__file__).parents[2] / "docs" / "screening" / "measure_hits.py"
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


def test_calibrated_probabilities_give_back_the_share_of_actives(script):
    rng = np.random.default_rng(0)
    active = rng.random(20_000) < 0.05
    ratios = rng.normal(np.where(active, 2.0, -2.0), 2.0)
    p_at_a_half = 1 / (1 + np.exp(-ratios))
    assert script.estimated(p_at_a_half, 0.5) == pytest.approx(active.mean(), rel=0.1)


def test_probabilities_that_say_inactive_of_all_give_no_prevalence(script):
    assert script.estimated(np.full(100, 0.1), 0.5) == 1e-6


def test_what_is_shipped_for_libraries_is_one_of_the_ways_that_were_tried(judged):
    p, active, prevalence = screen(10)
    for row, one in zip(
        judged(p, active, prevalence), library_hits(p, prevalence=prevalence), strict=True
    ):
        assert row[f"expected {LIBRARY_POWER} {LIBRARY_SPREAD}"] == pytest.approx(one.hits)
