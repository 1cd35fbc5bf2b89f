"""The finished parts of a run that was killed, or of a machine that went down."""

import pyarrow as pa
import pytest
from elsewhere import being_written

from molmeta.errors import OutputError
from molmeta.runtime.partials import ROWS, Parts


@pytest.fixture
def output(tmp_path):
    return tmp_path / "ranked.csv"


def table(*values):
    return pa.table({"value": pa.array(values, pa.int64())})


def values(parts, number):
    return [value for batch in parts.batches(number) for value in batch["value"].to_pylist()]


def test_a_part_is_read_as_it_was_added(output):
    parts = Parts(output, "run")
    parts.add(3, table(1, 2).replace_schema_metadata({"n": "2"}))
    assert values(parts, 3) == [1, 2]
    assert parts.schema(3).metadata == {b"n": b"2"}


def test_a_large_part_is_read_in_batches(output):
    parts = Parts(output, "run")
    parts.add(0, table(*range(ROWS + 1)))
    assert [len(batch) for batch in parts.batches(0)] == [ROWS, 1]


def test_the_same_run_finds_its_parts(output):
    Parts(output, {"model": "a"}).add(3, table(7))
    again = Parts(output, {"model": "a"})
    assert (again.numbers(), again.restarted, 3 in again, 2 in again) == ([3], False, True, False)


def test_parts_of_another_run_are_removed(output):
    Parts(output, {"model": "a"}).add(3, table(7))
    other = Parts(output, {"model": "b"})
    assert (other.numbers(), other.restarted) == ([], True)
    assert [path.name for path in other.folder.iterdir()] == ["run.json"]


def test_a_first_run_is_not_a_restart(output):
    assert not Parts(output, "run").restarted


@pytest.mark.parametrize("size", [0, 5, 100, -1])
def test_a_truncated_part_is_removed(output, size):
    parts = Parts(output, "run")
    parts.add(0, table(1))
    parts.add(1, table(2))
    path = next(parts.folder.glob("00000001*"))
    path.write_bytes(path.read_bytes()[:size])
    assert Parts(output, "run").numbers() == [0]
    assert not path.exists()


def test_a_part_with_a_flipped_bit_is_removed(output):
    parts = Parts(output, "run")
    parts.add(0, table(1))
    path = next(parts.folder.glob("0*"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert Parts(output, "run").numbers() == []


def test_runs_that_add_the_same_part_agree(output):
    first, second = Parts(output, "run"), Parts(output, "run")
    first.add(0, table(1))
    second.add(0, table(1))
    assert Parts(output, "run").numbers() == [0]


def test_clearing_removes_the_folder(output):
    parts = Parts(output, "run")
    parts.add(0, table(1))
    parts.clear()
    parts.clear()
    assert list(output.parent.iterdir()) == []


def test_parts_are_claimed_by_one_run_at_a_time(output, monkeypatch):
    monkeypatch.setattr("molmeta.runtime.partials.CLAIM_TIMEOUT", 0)
    with being_written(output.with_name("ranked.csv.parts")), pytest.raises(OutputError):
        Parts(output, "run")
