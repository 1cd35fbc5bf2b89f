"""Tensors and a header in one file that is never trusted."""

import json
import pickle

import pytest
import torch
from safetensors.torch import save_file

from molmeta.errors import ModelError
from molmeta.runtime.tensorfiles import read_tensors, write_tensors

HEADER = {"kind": "model", "recipe": {"learner": "protonet"}, "score": 0.25}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"weight": torch.arange(6.0).view(2, 3)}, HEADER)
    return path


def test_what_was_written_is_read(path):
    tensors, header = read_tensors(path, "model")
    assert torch.equal(tensors["weight"], torch.arange(6.0).view(2, 3))
    assert header == HEADER


def test_the_same_content_makes_the_same_bytes(path, tmp_path):
    other = tmp_path / "b.safetensors"
    tensors = {"weight": torch.arange(6.0).view(2, 3)}
    write_tensors(other, tensors, dict(reversed(HEADER.items())))
    assert other.read_bytes() == path.read_bytes()


def test_views_and_parameters_are_written_as_what_they_show(tmp_path):
    whole = torch.nn.Parameter(torch.arange(6.0).view(2, 3))
    write_tensors(tmp_path / "a.safetensors", {"turned": whole.t()}, HEADER)
    tensors, _ = read_tensors(tmp_path / "a.safetensors", "model")
    assert torch.equal(tensors["turned"], whole.t())


def test_a_file_that_is_replaced_leaves_what_was_read_as_it_was(path):
    tensors, _ = read_tensors(path, "model")
    write_tensors(path, {"weight": torch.zeros(2, 3)}, HEADER)
    assert torch.equal(tensors["weight"], torch.arange(6.0).view(2, 3))


def refused(path, kind="model"):
    with pytest.raises(ModelError, match=f"expected a molmeta {kind}") as caught:
        read_tensors(path, kind)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_kind_is_refused(path):
    refused(path, "checkpoint")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    refused(tmp_path / "absent.safetensors")
    refused(tmp_path)


@pytest.mark.parametrize("n", [0, 4, 8, 40, -1])
def test_a_truncated_file_is_refused(path, n):
    path.write_bytes(path.read_bytes()[:n])
    refused(path)


def test_a_header_that_claims_to_be_huge_is_refused(path):
    path.write_bytes((2**62).to_bytes(8, "little") + path.read_bytes()[8:])
    refused(path)


def test_a_pickle_is_refused_and_not_run(path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was run",))

    path.write_bytes(pickle.dumps(Bomb()))
    refused(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"kind": ["model"]}', "[" * 100_000])
def test_a_header_of_another_form_is_refused(path, text):
    save_file({"weight": torch.zeros(1)}, path, {"molmeta": text})
    refused(path)


def test_a_file_without_our_header_is_refused(path):
    save_file({"weight": torch.zeros(1)}, path, {"other": json.dumps(HEADER)})
    refused(path)


def test_what_a_killed_run_left_is_removed_by_the_next_one(path):
    left = path.with_name(f".{path.name}.partial{path.suffix}.d")
    left.mkdir()
    (left / ".tmpx").write_bytes(b"half of it")
    write_tensors(path, {"weight": torch.zeros(1)}, HEADER)
    assert [item.name for item in path.parent.iterdir()] == [path.name]
