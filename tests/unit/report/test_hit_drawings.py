"""Drawings and charts of the page of hits, read as the SVG that they are."""

from __future__ import annotations

import re

import numpy as np
import pytest

from molmeta.report.hits.charts import curve_points, hits_curve, score_histogram
from molmeta.report.hits.drawings import hit_drawings
from molmeta.screening.expected_hits import Expected
from molmeta.screening.hits import Support

INDOLE = "c1ccc2[nH]ccc2c1"
ONE, TURNED = "Cc1ccc2[nH]ccc2c1", "c1cc2cc(C)ccc2[nH]1"


def bonds(drawing):
    route = re.search(r'class="bonds" d="([^"]*)"', drawing)[1]
    ends = [re.findall(r"-?[\d.]+", part) for part in route.split("M")[1:]]
    return {
        tuple(
            sorted(
                {(round(float(x)), round(float(y))) for x, y in zip(e[::2], e[1::2], strict=True)}
            )
        )
        for e in ends
    }


def test_one_scaffold_lies_alike_however_the_hit_is_written():
    first, second = hit_drawings([ONE, TURNED], [INDOLE, INDOLE], {})
    assert bonds(first) == bonds(second)


def test_weights_give_spots_in_two_colours_as_strong_as_they_are():
    (drawing,) = hit_drawings(["CCO"], [""], {"CCO": np.array([0.0, -1.0, 2.0])})
    spots = re.findall(r'class="(\w+)" fill-opacity="([\d.]+)"', drawing)
    assert spots == [("against", "0.50"), ("for", "1.00")]


def test_hit_without_weights_has_no_spots():
    assert "circle" not in hit_drawings(["CCO"], [""], {})[0]


def test_hit_that_cannot_be_drawn_is_none():
    assert hit_drawings(["nonsense", "C" * 200], ["", ""], {}) == [None, None]


def test_bars_of_the_histogram_count_every_hit():
    chart = score_histogram(np.array([0.1] * 3 + [0.9]), Support(["C"], [1]), np.array([0.5]))
    heights = sorted(float(h) for h in re.findall(r'class="bar" height="([\d.]+)"', chart))
    assert heights[-2] == pytest.approx(heights[-1] / 3, abs=0.1)


@pytest.mark.parametrize("scores", [[0.0, 1.0], [0.5], [float("nan"), 0.2]])
def test_extreme_scores_are_drawn(scores):
    chart = score_histogram(np.array(scores), Support(["C"], [0]), np.array([0.5]))
    assert "nan" not in chart
    assert "inf" not in chart


def test_curve_says_its_last_point_in_words():
    chart = hits_curve([Expected(1, 0.5, 0, 1), Expected(10, 4.2, 2, 7)])
    assert "4.2 (2 to 7) of the best 10" in chart


@pytest.mark.parametrize(("n", "last"), [(1000, 384), (50, 50), (1, 1)])
def test_curve_ends_where_compounds_do(n, last):
    assert curve_points(n, (10, 96, 384))[-1] == last


def test_curve_of_nothing_has_no_points():
    assert curve_points(0, (10, 96)) == []
