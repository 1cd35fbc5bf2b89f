"""Numbers that must not move unnoticed; `golden_values.py` beside this file writes them anew."""

import json

import golden_values
import pytest

GOLDEN = json.loads(golden_values.PATH.read_text())


def test_draws_are_those_of_every_release():
    assert golden_values.episodes() == GOLDEN["episodes"]


def test_features_are_those_of_every_release():
    assert golden_values.features() == GOLDEN["features"]


@pytest.mark.parametrize("name", golden_values.BASELINES)
def test_baselines_predict_as_ever(name):
    """To 1e-4: iterations of a solver stop where the processor's rounding lets them."""
    assert golden_values.predictions()[name] == pytest.approx(GOLDEN["predictions"][name], rel=1e-4)


@pytest.mark.parametrize("name", golden_values.LEARNERS)
def test_training_begins_as_ever(name):
    """To 1e-3: four optimiser steps in float32, whose sums are ordered by the processor."""
    assert golden_values.losses()[name] == pytest.approx(GOLDEN["losses"][name], rel=1e-3)
