"""studies/notes/enrichment.md: its tables are those of the script, with correct stars."""

import enrichment as script
import marks
import numpy as np
import pandas as pd
import pytest

from molmeta.evaluation.enrichment import METRICS

PAGE = script.PAGE.read_text()
NAMES = ("ChEMBL", "ChEMBL, the half", "gains", "DUD", "MUV", "sarscov2_touret", "ecoli_stokes")
EQUAL = "tanimoto_gp:fingerprints=morgan3"


def rows(levels, targets="abcd", seed=0):
    """Four targets of one support; each model at its own level with a little noise."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame([
        {"model": name, "source": "S", "target": target, "actives": 5, "per_active": 4, "draw": 0}
        | {metric: level + rng.uniform(-0.01, 0.01) for metric in METRICS}
        for name, level in levels.items()
        for target in targets
    ])  # fmt: skip


def cells(**levels):
    named = {
        script.MODEL: levels["model"], script.BLIND: levels["blind"],
        "similarity": 0.2, "tanimoto_gp": levels["plain"], EQUAL: levels["equal"],
    }  # fmt: skip
    last = script.table(rows(named, levels.get("targets", "abcd"))).splitlines()[-1]
    return last.split(" | ")[2].split(" / ")


def test_a_row_has_the_model_its_blind_twin_and_both_baselines():
    found = [float(cell.rstrip("*")) for cell in cells(model=0.8, blind=0.6, plain=0.4, equal=0.5)]
    assert found == pytest.approx([0.8, 0.6, 0.4, 0.5], abs=0.02)


@pytest.mark.parametrize(
    ("plain", "equal", "stars"), [(0.4, 0.5, 2), (0.4, 0.9, 1), (0.9, 0.9, 0), (0.9, 0.4, 0)]
)
def test_a_star_stands_for_the_first_baseline_and_two_for_both(plain, equal, stars):
    assert cells(model=0.8, blind=0.1, plain=plain, equal=equal)[0].count("*") == stars


def test_one_target_has_no_interval_and_no_star():
    assert "*" not in "".join(cells(model=0.8, blind=0.6, plain=0.4, equal=0.5, targets="a"))


def test_gains_are_in_per_cent_of_the_baseline():
    named = {script.MODEL: 0.66, script.BLIND: 0.5, "tanimoto_gp": 0.6, EQUAL: 0.55}
    first, second = script.gains(rows(named)).splitlines()[-1].split(" | ")[1].split(" / ")
    assert float(first.split(" ")[0]) == pytest.approx(10, abs=2)
    assert float(second.split(" ")[0]) == pytest.approx(20, abs=2)


def test_every_second_target_is_left_to_report_on():
    named = {script.MODEL: 0.5}
    assert set(script.second_half(rows(named))["target"]) == {"b", "d"}


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_every_table(name):
    assert marks.between(PAGE, name).count("\n") > 8
