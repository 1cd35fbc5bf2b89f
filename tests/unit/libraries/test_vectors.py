"""A library that holds a model's vectors is screened like any other, without the encoder."""

import struct

import pytest
from toy_training import recipe

from molmeta.errors import ConfigError, ModelError
from molmeta.libraries.featurize import FeaturizePlan, featurize_library
from molmeta.libraries.file import VECTORS, open_library
from molmeta.models.model import Model
from molmeta.models.named import baseline
from molmeta.models.recipes import Recipe
from molmeta.screening.hits import Support
from molmeta.screening.screen import screen_to_files

SUPPORT = Support(["CCOc1ccccc1", "CCNc1ccccc1", "CC(=O)O", "CCCCN"], [1, 1, 0, 0])
LIBRARY = ["Oc1ccccc1", "CCO", "c1ccncc1", "CCCCCCO", "nonsense", "CCOc1ccccc1", "CC(C)c1ccsc1"]
PROCESS = Recipe(
    "profile_gp",
    "fingerprint",
    {"encoder_weight": 0.3},
    {"width": 4, "hidden": 8, "bits": "morgan3"},
)


def built(chosen, seed=0):
    return Model(chosen.build(seed).eval(), chosen, {})


@pytest.fixture(params=["protonet", "profile_gp"])
def model(request):
    return built(PROCESS if request.param == "profile_gp" else recipe("protonet"))


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "library.smi"
    path.write_text("".join(f"{text} n{place}\n" for place, text in enumerate(LIBRARY)))
    return path


def kept(library, model):
    output = library.with_name("library.safetensors")
    featurize_library(library, output, FeaturizePlan(model.featurizers, model=model))
    return output


def ranked(predictor, library):
    output = library.with_name("ranked.csv")
    screen_to_files(predictor, SUPPORT, library, output=output)
    return output.read_bytes()


def test_the_result_is_the_same_and_the_encoder_is_not_run(library, model, monkeypatch):
    predictor = model.adapt(*SUPPORT)
    expected = ranked(predictor, library)
    featurized = kept(library, model)
    monkeypatch.setattr(model.learner.encoder, "forward", None)
    assert ranked(predictor, featurized) == expected


def test_vectors_of_another_model_are_not_read(library, model):
    other = built(model.recipe, seed=1)
    expected = ranked(model.adapt(*SUPPORT), library)
    assert ranked(model.adapt(*SUPPORT), kept(library, other)) == expected
    assert ranked(other.adapt(*SUPPORT), library) != expected


def test_a_model_without_vectors_is_refused(library):
    with pytest.raises(ConfigError, match="'similarity' has no vectors to keep"):
        kept(library, baseline("similarity"))


def test_vectors_that_are_not_finite_are_refused(library, model):
    path = kept(library, model)
    vectors = open_library(path, model.featurizers, model.digest).block(0).arrays[VECTORS].tobytes()
    content = path.read_bytes()
    assert content.count(vectors) == 1
    path.write_bytes(content.replace(vectors, struct.pack("<f", float("nan")) + vectors[4:]))
    with pytest.raises(ModelError):
        open_library(path, model.featurizers, model.digest).block(0)
    assert open_library(path, model.featurizers).block(0).records
