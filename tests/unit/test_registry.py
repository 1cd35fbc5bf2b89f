"""Learners and encoders are found by file name, and their options are held against them."""

import re
import sys

import pytest

from molmeta import encoders, learners, registry
from molmeta.errors import ConfigError
from molmeta.learners.base import MetaLearner
from molmeta.learners.protonet import ProtoNet


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of its own, into which a test puts files."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "base.py").write_text("class Thing: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "plugins"]:
        del sys.modules[name]


def thing():
    return __import__("plugins.base", fromlist=["Thing"]).Thing


def test_a_dropped_file_is_found(package):
    (package / "mine.py").write_text("from plugins.base import Thing\nclass Mine(Thing): pass\n")
    assert registry.names("plugins") == ("mine",)
    assert registry.find("plugins", "mine", thing()).__name__ == "Mine"


def test_private_files_and_the_base_are_no_names(package):
    (package / "_shared.py").write_text("")
    assert registry.names("plugins") == ()


def test_an_imported_class_is_not_taken_for_the_files_own(package):
    (package / "one.py").write_text("from plugins.base import Thing\nclass One(Thing): pass\n")
    (package / "two.py").write_text("from plugins.one import One\nclass Two(One): pass\n")
    assert registry.find("plugins", "two", thing()).__name__ == "Two"


def test_what_torch_says_of_packages_that_a_file_imports_is_not_shown(package):
    warning = 'warnings.warn("`torch.jit.script` is deprecated.", FutureWarning)'
    (package / "mine.py").write_text(
        f"import warnings\nfrom plugins.base import Thing\n{warning}\nclass Mine(Thing): pass\n"
    )
    assert registry.find("plugins", "mine", thing()).__name__ == "Mine"


@pytest.mark.parametrize(("body", "n"), [("", 0), ("class A(Thing): pass\nclass B(A): pass\n", 2)])
def test_a_file_with_none_or_several_classes_is_refused(package, body, n):
    (package / "mine.py").write_text(f"from plugins.base import Thing\n{body}")
    with pytest.raises(ConfigError, match=rf"plugins.mine: \w+ {n} public Thing"):
        registry.find("plugins", "mine", thing())


def test_the_learner_of_a_name_is_the_class_of_its_file():
    assert learners.get("protonet") is ProtoNet


def test_all_learners_and_encoders_of_the_plan_are_there():
    assert {"protonet", "maml", "mann", "similarity", "tanimoto_gp"} <= set(learners.names())
    assert {"gine", "pna", "gps", "fingerprint", "descriptors"} <= set(encoders.names())


def test_an_unknown_learner_is_answered_with_the_closest():
    with pytest.raises(ConfigError, match=r"'protonets'.*'protonet'"):
        learners.get("protonets")


def test_a_name_like_no_other_is_answered_with_all_names():
    with pytest.raises(ConfigError, match=r"\bgine\b.*\bgps\b.*\bpna\b"):
        encoders.get("xyz")


@pytest.mark.parametrize("name", ["base", "_kernels", "../models", "os", "", "protonet.ProtoNet"])
def test_nothing_but_a_listed_name_is_imported(name):
    with pytest.raises(ConfigError, match=f"'{re.escape(name)}'"):
        registry.find("molmeta.learners", name, MetaLearner)


def test_known_options_pass():
    assert registry.bind(ProtoNet, {"metric": "euclidean"}, "here") == {"metric": "euclidean"}


def test_an_unknown_option_is_answered_with_the_closest():
    with pytest.raises(ConfigError, match=r"here: .*'metrik'.*'metric'"):
        registry.bind(ProtoNet, {"metrik": 1}, "here")


def test_the_encoder_is_no_option():
    with pytest.raises(ConfigError, match="'encoder'"):
        registry.bind(ProtoNet, {"encoder": "gine"}, "here")


def test_defaults_are_those_of_the_constructor():
    defaults = {"metric": "mahalanobis", "length": None, "bandwidth": None}
    assert registry.option_defaults(ProtoNet) == defaults
