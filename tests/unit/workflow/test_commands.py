from __future__ import annotations

from molmeta.workflow.commands import flags


def test_options_without_a_value_are_left_out():
    assert flags({"share": None, "scaffold": False, "seed": 0}) == ["--seed", "0"]


def test_a_list_repeats_its_option_and_true_is_a_flag_alone():
    assert flags({"valid": ["a b", "c"], "scaffold": True}) == [
        "--valid", "a b", "--valid", "c", "--scaffold",
    ]  # fmt: skip


def test_options_of_a_command_line_have_dashes():
    assert flags({"max_similarity": 0.7}) == ["--max-similarity", "0.7"]


def test_empty_text_leaves_an_option_out():
    assert flags({"split": "", "repeats": 2}) == ["--repeats", "2"]
