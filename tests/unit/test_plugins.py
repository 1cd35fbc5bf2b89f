"""Learners, encoders and featurizers of the user's own: from a file, or from an entry point."""

import sys

import pytest
import torch
from drop_in import forget, plugin
from zoo import DRUGS

from molmeta import encoders, learners, registry
from molmeta.errors import ConfigError, ModelError
from molmeta.models.files import load, save
from molmeta.models.model import Model
from molmeta.models.recipes import Recipe
from molmeta.molecules.blocks import Vectors
from molmeta.molecules.featurizers import FEATURIZERS
from molmeta.molecules.store import featurize

MINE = '''
"""Predicts the number of atoms."""
import numpy as np

from molmeta.encoders import Encoder
from molmeta.learners import MetaLearner
from molmeta.molecules.blocks import Vectors
from molmeta.molecules.featurizers import featurizer


@featurizer("vector", size=1)
def atoms(mol):
    return np.array([mol.GetNumAtoms()], np.float32)


class Count(Encoder):
    reads = ("atoms",)
    width = 1

    def forward(self, molecules):
        return molecules.block("atoms", Vectors).values


class CountLearner(MetaLearner):
    def adapt(self, support):
        return lambda molecules: self.encoder(molecules)[:, 0]
'''
RECIPE = Recipe("mine", "mine")


def forget_installed():
    registry._installed.clear()
    sys.modules.pop("my_package", None)
    FEATURIZERS.pop("atoms", None)


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    with plugin(path, MINE):
        yield path


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """An installed package with entry points for all three groups."""
    (tmp_path / "my_package.py").write_text(MINE)
    about = tmp_path / "my_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[molmeta.learners]\nmine = my_package:CountLearner\n"
        "[molmeta.encoders]\nmine = my_package\n"
        "[molmeta.featurizers]\natoms = my_package:atoms\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(FEATURIZERS)
    registry.entry_points.cache_clear()
    yield
    registry.entry_points.cache_clear()
    forget_installed()
    FEATURIZERS.clear()
    FEATURIZERS.update(before)


@pytest.fixture
def saved(mine, tmp_path):
    """A model that was trained with the plugin, in a process that has not loaded it."""
    path = tmp_path / "model.safetensors"
    save(Model(RECIPE.build(0), RECIPE, {}), path)
    forget(mine)
    return path


@pytest.mark.usefixtures("mine")
def test_a_learner_and_an_encoder_have_the_name_of_their_file():
    assert "mine" in learners.names()
    assert "mine" in encoders.names()
    assert learners.get("mine").__name__ == "CountLearner"
    assert encoders.get("mine").__name__ == "Count"


@pytest.mark.usefixtures("mine")
def test_a_featurizer_has_the_name_of_its_function():
    values = featurize(DRUGS[:2], ["atoms"]).block("atoms", Vectors).values
    assert values.flatten().tolist() == [13, 14]


@pytest.mark.usefixtures("mine")
def test_a_plugin_predicts():
    predictor = Model(RECIPE.build(0), RECIPE, {}).adapt(["CCO", "CCN"], [1, 0])
    assert predictor.predict(["C"]) == pytest.approx(torch.tensor(1.0).sigmoid().item())


def test_a_plugin_can_be_loaded_twice(mine):
    registry.load_plugin(mine)
    assert registry.loaded_plugins()["mine.py"] == str(mine)


@pytest.mark.usefixtures("mine")
def test_two_plugins_of_one_file_name_are_refused(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.py").write_text("")
    with pytest.raises(ConfigError, match=r"mine\.py"):
        registry.load_plugin(tmp_path / "other" / "mine.py")


def test_a_plugin_with_the_name_of_a_learner_is_refused(tmp_path):
    text = MINE.replace('"atoms"', '"others"').replace("def atoms", "def others")
    with plugin(tmp_path / "protonet.py", text), pytest.raises(ConfigError, match="protonet"):
        learners.get("protonet")


@pytest.mark.parametrize(("text", "error"), [("1 +", "SyntaxError"), ("1 / 0", "ZeroDivision")])
def test_a_plugin_that_cannot_be_imported_is_refused(tmp_path, text, error):
    (tmp_path / "broken.py").write_text(text)
    with pytest.raises(ConfigError, match=rf"broken.py.*{error}"):
        registry.load_plugin(tmp_path / "broken.py")
    assert "molmeta_plugin_broken" not in sys.modules


def test_a_plugin_that_runs_out_of_memory_is_not_taken_for_a_broken_one(tmp_path):
    (tmp_path / "large.py").write_text("raise MemoryError")
    with pytest.raises(MemoryError):
        registry.load_plugin(tmp_path / "large.py")
    assert "molmeta_plugin_large" not in sys.modules


@pytest.mark.parametrize("source", ["absent.py", "absent"])
def test_a_plugin_that_is_missing_is_refused(source):
    with pytest.raises(ConfigError, match="absent"):
        registry.load_plugin(source)


@pytest.mark.usefixtures("mine")
def test_a_model_file_records_its_plugin(tmp_path):
    save(Model(RECIPE.build(0), RECIPE, {}), tmp_path / "model.safetensors")
    assert load(tmp_path / "model.safetensors").recipe == RECIPE


def test_a_model_whose_plugin_is_missing_names_it(saved):
    with pytest.raises(ModelError, match=r"--plugin mine\.py") as caught:
        load(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("installed")
def test_entry_points_are_listed_without_importing_them():
    assert "mine" in learners.names()
    assert "my_package" not in sys.modules


@pytest.mark.usefixtures("installed")
def test_entry_points_are_imported_when_they_are_named():
    assert learners.get("mine").__name__ == "CountLearner"
    assert encoders.get("mine").__name__ == "Count"
    assert len(featurize(DRUGS[:2], ["atoms"])) == 2


@pytest.mark.usefixtures("installed")
def test_loading_a_model_does_not_import_an_installed_plugin(tmp_path):
    path = tmp_path / "model.safetensors"
    save(Model(RECIPE.build(0), RECIPE, {}), path)
    forget_installed()
    with pytest.raises(ModelError, match="--plugin mine"):
        load(path)
    assert "my_package" not in sys.modules


@pytest.mark.usefixtures("installed")
def test_a_model_that_hides_its_plugin_does_not_import_it_either(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    model = Model(RECIPE.build(0), RECIPE, {})
    monkeypatch.setattr(registry, "plugin_of", lambda _: "")
    save(model, path)
    forget_installed()
    with pytest.raises(ModelError, match="mine"):
        load(path)
    assert "my_package" not in sys.modules


@pytest.mark.usefixtures("installed")
def test_a_model_is_loaded_once_its_installed_plugin_is_named(tmp_path):
    path = tmp_path / "model.safetensors"
    save(Model(RECIPE.build(0), RECIPE, {}), path)
    forget_installed()
    registry.load_plugin("mine")
    assert load(path).recipe == RECIPE
