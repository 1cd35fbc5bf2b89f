import random
import resource
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pytest

from molmeta.libraries.lines import Record
from molmeta.runtime.partials import ROWS
from molmeta.screening import shards as screening_shards
from molmeta.screening.hits import ScoredCompound
from molmeta.screening.shards import Shard, Shards

SCORES = np.arange(5)
BAD = [Record(7, "x", "\0=bad", "no SMILES"), Record(9, "y", "", "also bad")]


def hits(n, seed=0):
    rng = random.Random(seed)
    found = [
        ScoredCompound(rng.randrange(50) / 50, -(seed * 10**6 + i + 1), f"n{i}", "C")
        for i in range(n)
    ]
    return sorted(found, reverse=True)


@pytest.fixture
def output(tmp_path):
    return tmp_path / "ranked.csv"


@pytest.fixture
def shards(output):
    return Shards(output, "run")


def test_a_shard_comes_back_as_it_was(shards):
    shards.add(0, Shard(hits(5), BAD, 9, 1, 0, SCORES))
    assert list(shards.hits(None)) == hits(5)
    assert list(shards.rejected()) == BAD
    assert shards.counts() == (9, 1, 0)
    assert (shards.scores() == SCORES).all()


def test_scores_of_all_shards_are_counted_together(shards):
    for number in range(3):
        shards.add(number, Shard([], [], 0, 0, 0, SCORES))
    assert (shards.scores() == 3 * SCORES).all()


@pytest.mark.parametrize("top", [1, 7, 1000, None])
@pytest.mark.parametrize("fan", [2, 3, 32])
def test_the_best_of_all_shards_are_the_head_of_everything(shards, top, fan, monkeypatch):
    monkeypatch.setattr(screening_shards, "FAN", fan)
    everything = []
    for number in range(7):
        shards.add(number, Shard(hits(30, number), BAD, 32, 0, 0, SCORES))
        everything += hits(30, number)
    assert list(shards.hits(top)) == sorted(everything, reverse=True)[:top]


def test_merging_many_shards_holds_few_of_their_compounds(shards, monkeypatch):
    monkeypatch.setattr(screening_shards, "FAN", 4)
    for number in range(64):
        shards.add(number, Shard(hits(500, number), [], 500, 0, 0, SCORES))
    before = pyarrow.total_allocated_bytes()
    largest = []
    original = Shards._best

    def watched(self, numbers, top):
        table = original(self, numbers, top)
        largest.append(pyarrow.total_allocated_bytes() - before)
        return table

    monkeypatch.setattr(Shards, "_best", watched)
    assert len(list(shards.hits(100))) == 100
    # Three levels of four tables of 100 rows of some 50 bytes, where all rows are 1.6 MB.
    assert max(largest) < 200_000


def test_a_shard_of_many_rows_is_read_completely(shards):
    shards.add(0, Shard(hits(ROWS + 10), BAD, 0, 0, 0, SCORES))
    assert len(list(shards.hits(None))) == ROWS + 10
    assert list(shards.rejected()) == BAD


def test_an_empty_shard_counts_as_a_shard(shards):
    shards.add(3, Shard([], [], 0, 0, 0, SCORES))
    assert 3 in shards
    assert list(shards.hits(None)) == []


def test_the_same_run_finds_its_shards(shards, output):
    shards.add(2, Shard(hits(3), [], 3, 0, 0, SCORES))
    again = Shards(output, "run")
    assert (2 in again, 1 in again, len(again)) == (True, False, 1)


def test_another_run_starts_again(shards, output):
    shards.add(2, Shard(hits(3), [], 3, 0, 0, SCORES))
    assert len(Shards(output, "another run")) == 0


def test_hits_by_line_are_in_the_order_of_the_library(shards):
    shards.add(1, Shard(hits(9, 1), BAD, 9, 0, 0, SCORES))
    shards.add(0, Shard(hits(9, 0), BAD, 9, 0, 0, SCORES))
    lines = [-hit.minus_line for part in shards.by_line() for hit in part]
    assert lines == sorted(lines)
    assert len(lines) == 18


def test_cleared_shards_are_gone(shards, output):
    shards.add(0, Shard(hits(3), [], 3, 0, 0, SCORES))
    shards.clear()
    assert list(output.parent.iterdir()) == []


@pytest.fixture
def few_open_files():
    """Room for 32 more open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    last = max(int(path.name) for path in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (last + 32, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_open_files")
def test_all_hits_of_more_shards_than_files_can_be_open_are_read(shards, tmp_path):
    for number in range(100):
        shards.add(number, Shard(hits(5, number), BAD, 7, 0, 0, SCORES))
    found = list(shards.hits(None))
    assert found == sorted(found, reverse=True)
    assert (len(found), len(list(shards.rejected()))) == (500, 200)
    screening_shards.write_scores(tmp_path / "scores", shards.by_line())
    assert len(pd.read_parquet(tmp_path / "scores")) == 500
