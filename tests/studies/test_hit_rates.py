"""Hit rates in studies/notes/enrichment.md: the supports that are drawn, and a row for each."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from paths import ROOT
from screening import measure_hit_rates as script

from molmeta.assays.screens import Screen

PAGE = (ROOT / "studies" / "notes" / "enrichment.md").read_text()


def test_the_page_has_a_row_for_each_screen_and_kind_of_support():
    found = re.findall(r"^\| (\w+), (\d+) \+ (\d+) \|", PAGE, re.MULTILINE)
    kinds = [(str(n), str(size - n)) for size, _, n in script.kinds()]
    assert found == [(screen, *kind) for screen in script.SCREENS for kind in kinds]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_support_has_its_actives_and_all_else_is_the_library(seed):
    labels = np.repeat(np.float32([1, 0]), [5, 40])
    screen = Screen("s", "t", np.arange(45), labels)
    support, rest = script.drawn(screen, 16, 3, seed)
    assert (len(support), labels[support].sum()) == (16, 3)
    assert sorted([*support, *rest]) == list(range(45))


def test_a_cell_has_similarity_search_apart_from_the_best_of_the_others():
    known = pd.DataFrame({"model": ["simsearch", "maml", "clamp"], "n_mols": 10,
                          "hitrate": [0.9, 0.2, 0.3]})  # fmt: skip
    assert list(script.cell({"pretrained": {10: 0.25}}, known, 10)) == [
        "0.250",
        "0.900",
        "0.300 `clamp`",
    ]
