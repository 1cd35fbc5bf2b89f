"""Analogues of the actives among the inactives, in tables and in screening decks."""

from __future__ import annotations

import torch

from molmeta.learners._parts.relatedness import analogue_probability, library_likeness

ACTIVE = torch.tensor([True] * 4 + [False] * 12)


def probabilities(nearest):
    return analogue_probability(torch.tensor([1.0] * 4 + nearest), ACTIVE)[4:]


def test_inactives_near_the_actives_are_analogues():
    assert probabilities([0.7] * 12).min() > 0.9


def test_inactives_far_from_the_actives_are_not():
    assert probabilities([0.1] * 12).max() < 0.1


def test_what_lies_between_follows_the_other_inactives():
    table, deck = probabilities([0.4] + [0.8] * 11), probabilities([0.4] + [0.0] * 11)
    assert table[0] > 0.5 > deck[0]


def test_a_deck_represents_a_library():
    assert library_likeness(torch.full((12,), 0.01)) > 0.9


def test_a_table_of_analogues_does_not():
    assert library_likeness(torch.full((12,), 0.9)) < 0.01


def test_without_inactives_nothing_represents_a_library():
    assert library_likeness(torch.zeros(0)) == 0
