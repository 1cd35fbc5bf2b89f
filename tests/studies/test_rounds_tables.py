"""studies/notes/screening.md, rounds: means over replays, from a table of them by hand."""

from __future__ import annotations

import pandas as pd
import pytest
import rounds_tables as script


def replays(policy, *hits):
    """Return one replay of each list of hits: 12 actives, 2 of them at the start."""
    return [
        {
            "assay": "a", "policy": policy, "repeat": repeat, "round": number, "hits": new,
            "n_active": 12, "start_active": 2, "by_chance": 2.0,
            "enrichment": sum(found[: number + 1]) / 2,
        }
        for repeat, found in enumerate(hits)
        for number, new in enumerate(found)
    ]  # fmt: skip


@pytest.fixture
def rows():
    names = ("greedy", "ucb", "one_shot", "similarity", "random")
    return pd.DataFrame([row for name in names for row in replays(name, [0, 3, 1], [0, 5, 3])])


def test_the_last_round_counts(rows):
    assert script.last(rows, "greedy") == (4 / 2 + 8 / 2) / 2


def test_the_most_is_every_active_that_the_start_left(rows):
    assert script.most(rows) == 5.0


@pytest.mark.parametrize(("number", "hits"), [(1, 4.0), (2, 6.0), (10, 6.0)])
def test_hits_are_counted_up_to_a_round(rows, number, hits):
    assert script.mean_hits(rows, number) == hits


def test_a_row_has_memory_and_none_where_there_is_a_model(rows):
    runs = {(name, kind): rows for name in script.SETS for kind in script.KINDS}
    found = list(script.by_policy(runs))
    assert found[2] == "| `greedy` | 3.0 / 3.0 | 3.0 / 3.0 | 3.0 / 3.0 |"
    assert "| similarity search | 3.0 | 3.0 | 3.0 |" in found
    assert list(script.by_round(runs))[2].startswith("| 1 | 4.0 / 4.0 / 4.0 |")
