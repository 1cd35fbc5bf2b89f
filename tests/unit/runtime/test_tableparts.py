"""Parts of a table that a killed run has finished are not made again."""

import pandas as pd
import pytest
from elsewhere import being_written

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


def killed_run(output, **options):
    with pytest.raises(KeyboardInterrupt):
        run(output, until=2, **options)


def test_a_killed_run_resumes_and_gives_the_same_table(output, tmp_path):
    run(tmp_path / "whole.csv")
    killed_run(output)
    assert run(output) == [2, 3]
    assert output.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_run_of_another_kind_starts_again(output):
    killed_run(output)
    assert run(output, kind="b") == [0, 1, 2, 3]


def test_nothing_is_left_next_to_a_complete_table(output):
    run(output)
    assert [path.name for path in output.parent.iterdir()] == ["table.csv"]


def test_parts_stay_when_the_table_cannot_be_written(output):
    output.mkdir()
    with pytest.raises(IsADirectoryError):
        run(output)
    output.rmdir()
    assert run(output) == []


def test_progress_counts_finished_parts_too(output):
    killed_run(output)
    advances = []
    run(output, progress=advances.append)
    assert advances == [1, 1, 1, 1]


def test_progress_counts_the_parts_of_a_table_in_memory():
    advances = []
    with kept(None, "a", advances.append) as keep:
        assert keep(3, lambda: part(3)).equals(part(3))
    assert advances == [1]


def test_a_second_run_is_refused_while_the_first_is_running(output):
    with being_written(output), pytest.raises(OutputError, match=r"table\.csv\.lock"):
        run(output)
