from __future__ import annotations

import shlex

import pytest

from molmeta.errors import TableError
from molmeta.workflow import find_sources, flags


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
    (made,) = [table for _, table in find_sources(folder) if table.startswith("x")]
    assert shlex.quote(made.replace("%", "").replace("~", "")) == made.replace("%", "")
    assert "/" not in made


def test_two_names_never_become_one(folder):
    for name in ("a b", "a%20b", "a+b", "a_b"):
        (folder / "test" / f"{name}.csv").write_text("")
    assert len(find_sources(folder)) == 7


def test_a_table_in_two_splits_is_refused(folder):
    (folder / "test" / "train_1.csv").write_text("")
    with pytest.raises(TableError, match="'train_1' stands in two splits; got it in train too"):
        find_sources(folder)


def test_an_empty_split_is_refused(folder):
    (folder / "test" / "test_1.csv").unlink()
    with pytest.raises(TableError, match="holds no table"):
        find_sources(folder)


@pytest.mark.parametrize("name", ["<b>", "{x}", "a}"])
def test_names_that_snakemake_reads_as_its_own_are_refused(folder, name):
    (folder / "test" / f"{name}.csv").write_text("")
    with pytest.raises(TableError, match="cannot read a file of this name"):
        find_sources(folder)


def test_flags_leave_out_what_is_not_set():
    assert flags({"share": None, "scaffold": False, "seed": 0}) == ["--seed", "0"]


def test_flags_repeat_a_list_and_name_a_switch_alone():
    assert flags({"valid": ["a b", "c"], "scaffold": True}) == [
        "--valid", "a b", "--valid", "c", "--scaffold",
    ]  # fmt: skip
