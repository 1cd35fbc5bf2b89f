from __future__ import annotations

import re
import shlex

import pytest

from molmeta.errors import TableError
from molmeta.workflow.sources import find_sources


@pytest.fixture
def folder(tmp_path):
    for split in ("train", "valid", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / split / f"{split}_1.csv").write_text("smiles,active\n")
    return tmp_path


def test_sources_are_found_by_split_and_name(folder):
    assert find_sources(folder)["valid", "valid_1"] == str(folder / "valid" / "valid_1.csv")


@pytest.mark.parametrize(
    "name", ["a b", "..", "a'b", 'a"b', "$(x)", "a;b", "a&b", "é", "a%20b", "*"]
)
def test_names_are_one_safe_word_and_one_part_of_a_path(folder, name):
    (folder / "test" / f"x{name}.csv").write_text("")
    (safe,) = [table for _, table in find_sources(folder) if table.startswith("x")]
    assert shlex.quote(safe.replace("%", "").replace("~", "")) == safe.replace("%", "")
    assert "/" not in safe


def test_two_names_never_become_one(folder):
    for name in ("a b", "a%20b", "a+b", "a_b"):
        (folder / "test" / f"{name}.csv").write_text("")
    assert len(find_sources(folder)) == 7


def test_a_table_in_two_splits_is_refused(folder):
    (folder / "test" / "train_1.csv").write_text("")
    with pytest.raises(TableError, match=r"test/train_1\.csv: .*'train_1'.*\btrain\b"):
        find_sources(folder)


def test_an_empty_split_is_refused(folder):
    (folder / "test" / "test_1.csv").unlink()
    with pytest.raises(TableError, match="/test: "):
        find_sources(folder)


@pytest.mark.parametrize("name", ["<b>", "{x}", "a}"])
def test_names_that_snakemake_reads_as_its_own_are_refused(folder, name):
    (folder / "test" / f"{name}.csv").write_text("")
    with pytest.raises(TableError, match=re.escape(f"{name}.csv: ")):
        find_sources(folder)
