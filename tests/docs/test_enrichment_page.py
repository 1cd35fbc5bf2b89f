"""docs/enrichment.md: its tables are those of the script."""

import enrichment as script
import marks
import pandas as pd
import pytest

from molmeta.evaluation.hidden_actives import METRICS

PAGE = script.PAGE.read_text()
NAMED = [f"{name}, {kind}" for name in script.NAMES for kind in ("levels", "gains", "new")]


def rows(levels, support="series:24"):
    """Two targets; each model at its own level on both."""
    place = {"source": "S", "support": support, "draw": 0, "n_new": 1}
    return pd.DataFrame(
        [
            {"model": name, "target": target, "cluster": target, "top": top, **place}
            | dict.fromkeys(METRICS, level)
            for name, level in levels.items()
            for target, top in (("a", "1 2"), ("b", "2 3"))
        ]
    )


LEVELS = {script.MODEL: 0.8, script.ACTIVES: 0.7, "similarity": 0.4, "tanimoto_gp": 0.5}


def cells(table):
    return [cell.strip() for cell in table.splitlines()[-1].strip("|").split("|")]


def test_a_row_has_both_metrics_of_each_model():
    assert cells(script.levels(rows(LEVELS))) == [
        "`series:24`", "2", ".800; .800", ".700; .700", ".400; .400", ".500; .500",
    ]  # fmt: skip


def test_gains_are_over_the_best_baseline_and_over_actives_alone():
    found = cells(script.gains(rows(LEVELS)))
    assert found[1].startswith("+0.300")
    assert found[4].startswith("+0.100")
    assert found[-2:] == [".500", "1.000"]


def test_only_targets_with_new_actives_count_for_new_compounds():
    known = rows(dict.fromkeys(LEVELS, 0.1)).assign(n_new=0, target="c")
    assert cells(script.new(pd.concat([rows(LEVELS), known])))[1:3] == ["2", ".800"]


@pytest.mark.parametrize("name", [name for name in NAMED if f"figures: {name} " in PAGE])
def test_the_page_has_every_table(name):
    assert marks.between(PAGE, name).count("\n") > 1


def test_the_page_has_levels_of_every_source():
    assert all(f"<!-- figures: {name}, levels -->" in PAGE for name in script.NAMES)
