"""What assays measured, by compound: nothing is lost, and every measurement counts the same."""

from collections import Counter

import numpy as np
import pytest
from toy_training import assays

from molmeta.assays.measurements import Measurements


@pytest.fixture
def whole():
    return Measurements.of(assays(), [assay.labels for assay in assays()])


def triples(found):
    return sorted(zip(found.rows[found.compounds], found.assays, found.aims, strict=True))


def test_every_measurement_is_kept(whole):
    expected = [
        (row, number, label)
        for number, assay in enumerate(assays())
        for row, label in zip(assay.rows, assay.labels, strict=True)
    ]
    assert triples(whole) == sorted(expected)
    assert (np.diff(whole.compounds) >= 0).all()


def test_what_has_no_aim_is_left_out():
    aims = [np.where(assay.labels > 0, assay.labels, np.nan) for assay in assays()]
    found = Measurements.of(assays(), aims)
    assert len(found.aims) == sum(assay.n_active for assay in assays())
    assert len(found.rows) == len(np.unique(found.rows[found.compounds]))


def test_a_pass_has_a_compound_as_often_as_it_was_measured_in_an_order_of_its_own(whole):
    n = len(whole.compounds)
    passes = [np.concatenate([whole.drawn(step, 1, 0) for step in steps])
              for steps in (range(1, n + 1), range(n + 1, 2 * n + 1))]  # fmt: skip
    assert all(sorted(one) == sorted(whole.compounds) for one in passes)
    assert not np.array_equal(*passes)


def test_every_measurement_counts_the_same_over_a_pass(whole):
    drawn = whole.select(whole.drawn(1, len(whole.compounds), 0))
    counted = Counter()
    for measurement, share in zip(
        zip(drawn.rows[drawn.compounds], drawn.assays, strict=True), drawn.shares(), strict=True
    ):
        counted[measurement] += share
    assert len(counted) == len(whole.compounds) > len(whole.rows)
    assert list(counted.values()) == pytest.approx([1.0] * len(counted))


def test_a_batch_depends_on_step_and_seed_alone(whole):
    n = len(whole.rows) - 1
    first, again, other = (whole.drawn(step, n, 3) for step in (2, 2, 3))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, whole.drawn(2, n, 4))


def test_a_batch_has_all_measurements_of_its_compounds(whole):
    drawn = whole.select(np.unique(whole.drawn(1, 3, 0)))
    assert triples(drawn) == [one for one in triples(whole) if one[0] in set(drawn.rows)]
