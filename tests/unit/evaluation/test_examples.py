"""What the report draws of an evaluation: one support an assay, and the best of its query."""

import pytest
import torch
from toy_store import PLAN, assay, assays, store

from molmeta.assays.episodes import Draw, draw_episode
from molmeta.evaluation.examples import COLUMNS, examples
from molmeta.learners.similarity import Similarity
from molmeta.runtime.seeds import generator


def shown(found=None, support=8, **named):
    found = assays() if found is None else found
    return examples(Similarity(), found, store(), plan=PLAN, model="m", support=support, **named)


def test_examples_have_the_columns_of_the_format():
    assert tuple(shown().columns) == COLUMNS


def test_examples_hold_the_support_and_the_query():
    counts = shown().groupby(["assay", "role"]).size().to_dict()
    assert counts == {(n, r): k for n in "ab" for r, k in (("support", 8), ("query", 52))}


def test_examples_are_those_of_repeat_0():
    first = assays()[0]
    episode = draw_episode(first, Draw(8), generator(3, "evaluate", "a", 8, 0))
    table = shown([first]).query("role == 'support'")
    assert sorted(table["smiles"]) == sorted(first.smiles[p] for p in episode.support)


def test_examples_show_the_actives_of_the_support_first():
    table = shown(assays()[:1]).query("role == 'support'")
    assert list(table["active"]) == [1, 1, 1, 0, 0, 0, 0, 0]


def test_examples_give_no_probability_to_what_was_known():
    assert shown().query("role == 'support'")["probability"].isna().all()


def test_the_query_is_ranked():
    first = assays()[0]
    episode = draw_episode(first, Draw(8), generator(3, "evaluate", "a", 8, 0))
    support, query = episode.at(first.rows).labelled(store())
    p = torch.sigmoid(Similarity().adapt(support)(query.molecules).double())
    best = p.sort(descending=True).values
    assert shown([first]).query("role == 'query'")["probability"].to_numpy() == pytest.approx(best)


def test_examples_give_each_molecule_its_own_label():
    first = assays()[0]
    known = set(zip(first.smiles, first.labels, strict=True))
    table = shown([first])
    assert set(zip(table["smiles"], table["active"], strict=True)) <= known


def test_examples_count_ranks_from_one_in_each_role():
    ranks = shown(assays()[:1])["rank"]
    assert list(ranks) == [*range(1, 9), *range(1, len(ranks) - 7)]


def test_examples_leave_out_what_cannot_be_drawn():
    small = assay("small", range(6), 3)
    assert set(shown([small, *assays()])["assay"]) == {"a", "b"}


def test_no_examples_are_an_empty_table():
    assert tuple(shown([]).columns) == COLUMNS
