"""Units and qualifiers are read as people write them and brought to one scale."""

import numpy as np
import pandas as pd
import pytest

from molmeta.curation.units import (
    flip_for_concentrations,
    relations,
    scale_of,
    split_qualifiers,
    to_scale,
)


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (100.0, "nM"), (0.1, "uM"), (0.1, "µM"), (0.1, "μM"), (1e-4, "mM"), (1e-7, "M"),
        (1e5, "pM"), (100.0, " nm "), (100.0, "nmol/L"), (7.0, "pIC50"), (7.0, "pChEMBL"),
        (7.0, "-log10 M"),
    ],
)  # fmt: skip
def test_the_same_potency_in_any_unit_is_px_7(value, unit):
    assert to_scale(pd.Series([value]), pd.Series([unit]))[0] == pytest.approx(7.0, abs=1e-12)


def test_percent_stays_as_it_is():
    assert to_scale(pd.Series([55.0]), pd.Series(["%"]))[0] == 55.0


@pytest.mark.parametrize("unit", ["ug/ml", "", "nmol", "1/s", "nM nM"])
def test_other_units_have_no_scale(unit):
    assert scale_of(unit) == ""


def test_every_spelling_of_a_qualifier_is_one_of_four():
    given = pd.Series(["", "=", "<", "<=", "<<", "≤", ">", ">=", ">>", "≥", "~", "'>'", "?"])
    assert list(relations(given)) == [*"==<<<<>>>>~>", ""]


def test_above_a_concentration_is_below_a_px():
    given = pd.Series([">", "<", "=", "~"])
    assert list(flip_for_concentrations(given, pd.Series(["nM"] * 4))) == ["<", ">", "=", "~"]


@pytest.mark.parametrize("unit", ["pIC50", "%"])
def test_qualifiers_of_other_scales_stay(unit):
    assert list(flip_for_concentrations(pd.Series([">"]), pd.Series([unit]))) == [">"]


def test_a_qualifier_before_the_number_is_taken_off():
    qualifier, number = split_qualifiers(pd.Series([">10000", "<= 3.5", "7", "1e3"]))
    assert (list(qualifier), list(number)) == ([">", "<=", "", ""], [10000.0, 3.5, 7.0, 1000.0])


def test_what_is_no_number_is_nan():
    assert np.isnan(split_qualifiers(pd.Series(["1,5", "ten", "", None]))[1]).all()
