"""Labels that measured values refine."""

from dataclasses import replace

import pytest
import torch
from toy_assays import built, episode, logits

from molmeta.learners._parts.targets import graded

LABELS = torch.tensor([1.0, 1.0, 0.0, 0.0])
VALUES = torch.tensor([8.0, 7.0, 5.0, 4.0])


def test_without_values_grades_are_labels():
    expected = [1.0, 1.0, -1.0, -1.0]
    missing = torch.full((4,), float("nan"))
    assert graded(LABELS, None).tolist() == expected
    assert graded(LABELS, missing).tolist() == expected


def test_grades_are_halfway_between_labels_and_standardised_values():
    spread = VALUES.double().std(correction=0)
    expected = (LABELS.double() * 2 - 1 + (VALUES.double() - 6) / spread) / 2
    torch.testing.assert_close(graded(LABELS, VALUES), expected)


def test_grades_order_compounds_of_one_class():
    found = graded(LABELS, VALUES)
    assert found.tolist() == sorted(found.tolist(), reverse=True)


def test_a_compound_without_a_value_has_its_label():
    values = torch.tensor([8.0, float("nan"), 5.0, 4.0])
    assert graded(LABELS, values)[1] == 1.0


def test_one_extreme_value_counts_no_more_than_the_limit():
    values = torch.cat([torch.full((40,), 5.0), torch.tensor([500.0])])
    found = graded((values > 6).float(), values)
    assert found.max() < 2


def test_values_that_are_all_equal_give_the_order_of_the_labels():
    found = graded(LABELS, torch.full((4,), 6.0))
    assert found[0] == found[1] > found[2] == found[3]


@pytest.mark.parametrize("name", ["profile_gp", "tanimoto_gp"])
def test_values_count_only_where_they_are_asked_for(name):
    support, query = episode()
    measured = replace(support, values=torch.linspace(4, 8, 16))
    plain, refined = built(name), built(name, graded=True)
    before = logits(plain, support, query.molecules)
    assert torch.equal(logits(plain, measured, query.molecules), before)
    torch.testing.assert_close(logits(refined, support, query.molecules), before)
    assert not torch.allclose(logits(refined, measured, query.molecules), before, atol=1e-3)
