"""Parts of a table that a killed run has left are not made again."""

import pandas as pd
import pytest

from molmeta.errors import OutputError
from molmeta.runtime.tableparts import kept


def part(number):
    return pd.DataFrame({"number": [number, number], "score": [0.1 * number, float("nan")]})


def run(output, *, kind="a", until=4, made=None, progress=None):
    """Make a table of four parts, killed before part `until`."""
    made = [] if made is None else made

    def make(number):
        if number == until:
            raise KeyboardInterrupt
        made.append(number)
        return part(number)

    with kept(output, kind, progress) as keep:
        tables = [keep(number, lambda number=number: make(number)) for number in range(4)]
        pd.concat(tables).to_csv(output, index=False)
    return made


@pytest.fixture
def output(tmp_path):
    return tmp_path / "table.csv"


def left_by_a_killed_run(output, **options):
    with pytest.raises(KeyboardInterrupt):
        run(output, until=2, **options)


def test_a_killed_run_goes_on_and_gives_the_same_table(output, tmp_path):
    run(tmp_path / "whole.csv")
    left_by_a_killed_run(output)
    assert run(output) == [2, 3]
    assert output.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_run_of_another_kind_starts_anew(output):
    left_by_a_killed_run(output)
    assert run(output, kind="b") == [0, 1, 2, 3]


def test_nothing_stands_beside_a_table_that_is_whole(output):
    run(output)
    assert [path.name for path in output.parent.iterdir()] == ["table.csv"]


def test_parts_stay_when_the_table_cannot_be_written(output):
    output.mkdir()
    with pytest.raises(IsADirectoryError):
        run(output)
    output.rmdir()
    assert run(output) == []


def test_progress_counts_what_was_left_too(output):
    left_by_a_killed_run(output)
    told = []
    run(output, progress=told.append)
    assert told == [1, 1, 1, 1]


def test_a_second_run_is_refused_while_the_first_goes_on(output):
    with kept(output, "a"), pytest.raises(OutputError, match="another run"):
        run(output)
