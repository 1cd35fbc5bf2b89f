"""The page on tables names what a user can decide."""

import re

import pytest
from paths import ROOT

from molmeta.cli._options import TABLE

PAGE = (ROOT / "docs/tables.md").read_text()


@pytest.mark.parametrize("option", TABLE)
def test_every_option_of_a_table_is_on_the_page(option):
    assert f"--{option.replace('_', '-')}" in PAGE


def test_every_option_on_the_page_exists():
    named = set(re.findall(r"--([a-z][a-z-]+)", PAGE.split("## Questions")[1]))
    known = {name.replace("_", "-") for name in TABLE} | {"assay", "lower-is-active"}
    assert named - known == set()
