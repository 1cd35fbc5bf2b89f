"""Tabular foundation models: which columns they get, and which files of weights are refused."""

import os
import socket
import sys

import numpy as np
import pytest
import torch
from tabular_weights import NAMES, checkpoint, tabicl_content, tabpfn_content, weights_for
from toy_assays import CLOSE, built, episode, logits

from molmeta import learners
from molmeta.errors import ConfigError
from molmeta.learners._parents.tabular import _varying_most, plain_checkpoint
from molmeta.models.named import named
from molmeta.molecules.blocks import Bits, Molecules
from molmeta.molecules.labelled import Labelled


class Code:
    """Unpickling it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def molecules(sets, size=64):
    lengths = torch.tensor([0, *map(len, sets)])
    positions = torch.tensor([p for one in sets for p in sorted(one)], dtype=torch.int32)
    return Molecules({"morgan": Bits(positions, lengths.cumsum(0), size)})


def refused(name, **options):
    """The error of a learner, which must be one line."""
    with pytest.raises(ConfigError) as caught:
        learners.get(name)(**options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_both_learners_take_weights_of_the_user():
    assert NAMES == ["tabicl", "tabpfn"]


@pytest.mark.parametrize("name", NAMES)
def test_without_weights_it_says_how_to_name_them(name):
    assert f"Name it, as in {name}:weights=FILE." in refused(name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("weights", ["missing.ckpt", ".", "a" * 5000, "a\0b"])
def test_weights_that_are_not_a_file_are_refused(name, weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "weights cannot be read" in refused(name, weights=weights)


def test_a_misspelled_file_is_corrected(tmp_path):
    (tmp_path / "model.ckpt").touch()
    message = refused("tabicl", weights=str(tmp_path / "modle.ckpt"))
    assert f"Did you mean '{tmp_path / 'model.ckpt'}'?" in message


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("option", ["columns", "estimators"])
def test_options_out_of_range_are_refused(name, option):
    assert f"{option} is out of range" in refused(name, **{option: 0})


@pytest.mark.parametrize("name", NAMES)
def test_a_package_that_is_not_installed_names_its_extra(name, tmp_path, monkeypatch):
    path = tmp_path / "model.ckpt"
    torch.save({}, path)
    monkeypatch.setitem(sys.modules, name, None)
    assert f"pip install 'molmeta[{name}]'" in refused(name, weights=str(path))


def test_code_in_a_file_never_runs(tmp_path):
    path, folder = tmp_path / "model.ckpt", tmp_path / "made"
    torch.save({"state_dict": {}, "config": Code(folder)}, path)
    with pytest.raises(ConfigError, match="Code in a file is never run"):
        plain_checkpoint(path)
    assert not folder.exists()
    # The file is harmful, or the test would prove nothing.
    torch.load(path, weights_only=False)
    assert folder.exists()


@pytest.mark.parametrize("name", NAMES)
def test_code_in_weights_never_runs(name, tmp_path, monkeypatch):
    pytest.importorskip(name)
    # Torch then runs code for callers that do not say what they want.
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    path, folder = tmp_path / "model.ckpt", tmp_path / "made"
    torch.save(torch.load(checkpoint(name), weights_only=True) | {"more": Code(folder)}, path)
    message = refused(name, weights=str(path))
    assert "Code in a file is never run" in message
    assert "weights_only" not in message
    assert not folder.exists()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04"])
def test_other_files_are_refused(name, content, tmp_path):
    pytest.importorskip(name)
    path = tmp_path / "model.ckpt"
    path.write_bytes(content)
    assert "expected a torch file" in refused(name, weights=str(path))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", [{}, [1.0], {"config": {}, "state_dict": {}}])
def test_torch_files_of_something_else_are_refused(name, content, tmp_path):
    pytest.importorskip(name)
    path = tmp_path / "model.ckpt"
    torch.save(content, path)
    assert "cannot use the weights" in refused(name, weights=str(path))


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_another_shape_are_refused(name, tmp_path):
    pytest.importorskip(name)
    content = torch.load(checkpoint(name), weights_only=True)
    key = next(iter(content["state_dict"]))
    content["state_dict"][key] = torch.zeros(3, 5, 7)
    torch.save(content, tmp_path / "model.ckpt")
    assert "cannot use the weights" in refused(name, weights=str(tmp_path / "model.ckpt"))


def test_a_tabicl_checkpoint_for_regression_is_refused(tmp_path):
    pytest.importorskip("tabicl")
    torch.save(tabicl_content(max_classes=0), tmp_path / "model.ckpt")
    assert "cannot use the weights" in refused("tabicl", weights=str(tmp_path / "model.ckpt"))


def test_a_tabpfn_file_of_safetensors_answers_as_one_of_torch(tmp_path):
    pytest.importorskip("tabpfn")
    from tabpfn.checkpoint import save_as_safetensors

    support, query = episode()
    path = tmp_path / "model.safetensors"
    save_as_safetensors(tabpfn_content(), path)
    found = logits(built("tabpfn", weights=str(path)), support, query.molecules)
    assert torch.equal(found, logits(built("tabpfn"), support, query.molecules))


@pytest.mark.parametrize("architecture", ["tabpfn_v2", "tabpfn_v2_6"])
def test_checkpoints_of_other_versions_of_tabpfn_are_read(architecture, tmp_path):
    pytest.importorskip("tabpfn")
    torch.save(tabpfn_content(architecture), tmp_path / "model.ckpt")
    learner, (support, query) = built("tabpfn", weights=str(tmp_path / "model.ckpt")), episode()
    assert torch.isfinite(logits(learner, support, query.molecules)).all()


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_as_the_classifier_of_the_package(name):
    learner, (support, query) = built(name, features="descriptors", estimators=2), episode()
    classifier = learner.classifiers(device="cpu")
    table = support.molecules.blocks["descriptors"].values
    table, asked = (
        (v.sign() * v.abs().log1p()).numpy()
        for v in (table, query.molecules.blocks["descriptors"].values)
    )
    labels = support.labels.numpy().astype(int)
    order = np.lexsort((labels, *table.T))
    expected = classifier.fit(table[order], labels[order]).predict_proba(asked)
    found = logits(learner, support, query.molecules)
    expected = torch.tensor(np.log(expected[:, 1] / expected[:, 0]), dtype=torch.float32)
    torch.testing.assert_close(found, expected, **CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_it_needs_no_network(name, monkeypatch):
    def refuse(*_):
        raise AssertionError("a connection was opened")

    weights = weights_for(name)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    support, query = episode()
    learner = learners.get(name)(**weights)
    assert torch.isfinite(logits(learner, support, query.molecules)).all()


@pytest.mark.parametrize("name", NAMES)
def test_compounds_that_repeat_with_both_labels_give_finite_logits(name):
    same = molecules([{1, 2}, {1, 2}, {1, 3}, {1, 3}])
    support = Labelled(same, torch.tensor([1.0, 0.0, 1.0, 0.0]))
    assert torch.isfinite(logits(built(name), support, same)).all()


@pytest.mark.parametrize("name", NAMES)
def test_equal_compounds_give_the_share_of_actives(name):
    support = Labelled(molecules([set()] * 4), torch.tensor([1.0, 0.0, 0.0, 0.0]))
    found = logits(built(name), support, molecules([set(), {1}]))
    assert torch.sigmoid(found).tolist() == pytest.approx([0.25, 0.25])


def test_columns_that_vary_most_are_kept_in_their_order():
    rows = np.array([[1, 0, 0, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 0, 1, 1]], dtype=np.float32)
    assert _varying_most(rows, 9).tolist() == [1, 2]
    assert _varying_most(rows, 1).tolist() == [2]
    assert _varying_most(rows[:1], 9).tolist() == []


@pytest.mark.parametrize("name", NAMES)
def test_more_molecules_than_a_chunk_are_answered_in_order(name, monkeypatch):
    learner, (support, query) = built(name), episode()
    expected = logits(learner, support, query.molecules)
    monkeypatch.setattr("molmeta.learners._parents.tabular.CHUNK", 5)
    torch.testing.assert_close(logits(learner, support, query.molecules), expected, **CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_named_as_a_model_with_its_weights(name):
    path = weights_for(name)["weights"]
    model = named(f"{name}:weights={path}")
    assert model.recipe.learner_options == {"weights": path}
    assert type(model.learner) is learners.get(name)
