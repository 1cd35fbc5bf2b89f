"""A few thousand generated inputs, and all that ever failed, as small as they could be made."""

from pathlib import Path

import pytest

from tests.fuzz.campaign import campaign, generated
from tests.fuzz.cases import Case, read_case, shrunk
from tests.fuzz.targets import KINDS, run

CASES = {"smiles": 2_000, "table": 250, "library": 300, "binary": 400, "config": 300}
FOUND = sorted(Path(__file__).with_name("found").glob("*.json"))


@pytest.fixture(scope="module")
def tally():
    return campaign(case for kind, n in CASES.items() for case in generated(kind, 0, n))


def test_no_input_of_any_kind_stops_a_run(tally):
    assert not tally.failures


def test_every_kind_of_input_is_sometimes_used_and_sometimes_refused(tally):
    assert set(tally.outcomes) == {
        (kind, outcome) for kind in KINDS for outcome in ("done", "refused")
    }


@pytest.mark.parametrize("path", FOUND, ids=[path.stem for path in FOUND])
def test_an_input_that_once_stopped_a_run_does_not(path):
    assert run(read_case(path)) in ("done", "refused")


def test_a_case_depends_on_its_seed_and_number_alone():
    first, again = ([case.text() for case in generated(kind, 7, 3)] for kind in ("table", "table"))
    assert first == again


def test_what_fails_is_shrunk_to_what_makes_it_fail():
    case = Case("smiles", list("abcXdefYgh"))
    smallest = shrunk(case, lambda other: {"X", "Y"} <= set(other.pieces))
    assert smallest.pieces == ["X", "Y"]
