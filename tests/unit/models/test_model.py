"""Models as users have them: saved, loaded, adapted, asked; and files that are no models."""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from rdkit.Chem import MolFromSmiles
from safetensors.torch import load_file, save_file
from toy_training import assays, recipe, smiles, store

from molmeta import encoders, learners
from molmeta.assays.episodes import Draw, draw_episode
from molmeta.errors import ConfigError, EpisodeError, ModelError, MoleculeError
from molmeta.models.files import load, save
from molmeta.models.model import Model
from molmeta.models.named import baseline, named
from molmeta.models.recipes import Recipe
from molmeta.runtime.seeds import generator
from molmeta.runtime.tensorfiles import read_tensors

KNOWN, LABELS = ["Cc1ccccc1", "CCc1ccncc1", "CC1CCCCC1", "COC1CCNCC1"], [1, 1, 0, 0]
LIBRARY = ["COc1ccccc1", "CC1CCNCC1", "CCc1ccsc1"]
META_TRAINED = [name for name in learners.names() if learners.get(name).meta_trained]
SMALL = {"descriptors": {"width": 4}, "fingerprint": {"width": 4, "hidden": 8}}


@cache
def model(learner="protonet", encoder="fingerprint"):
    chosen = recipe(learner, encoder)
    return Model(chosen.build(3).eval(), chosen, {"seed": 3, "assays": ["a"]})


@pytest.fixture
def path(tmp_path):
    save(model(), tmp_path / "0.safetensors")
    return tmp_path / "0.safetensors"


@pytest.mark.parametrize("name", META_TRAINED)
def test_a_loaded_model_predicts_as_the_saved_one(tmp_path, name):
    save(model(name), tmp_path / "0.safetensors")
    found = load(tmp_path / "0.safetensors").adapt(KNOWN, LABELS).predict(LIBRARY)
    expected = model(name).adapt(KNOWN, LABELS).predict(LIBRARY)
    # Where a tensor lies in memory may change the order of a float32 sum.
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("name", encoders.names())
def test_a_model_of_every_encoder_is_loaded_complete(tmp_path, name):
    """What is no tensor of the file must not stay without memory behind it."""
    options = SMALL.get(name, {"width": 8, "layers": 1})
    chosen = Recipe("protonet", name, {}, options)
    saved = Model(chosen.build(0).eval(), chosen, {})
    save(saved, tmp_path / "0.safetensors")
    found = load(tmp_path / "0.safetensors").adapt(KNOWN, LABELS).predict(LIBRARY)
    assert found.tolist() == saved.adapt(KNOWN, LABELS).predict(LIBRARY).tolist()


def test_history_and_recipe_travel_with_the_model(path):
    found = load(path)
    assert found.history == {"seed": 3, "assays": ["a"]}
    assert found.recipe == model().recipe


def test_a_loaded_model_is_in_evaluation_mode_and_can_be_trained_on(path):
    learner = load(path).learner
    assert not learner.training
    assert all(parameter.requires_grad for parameter in learner.parameters())


def test_a_loaded_model_saves_the_same_bytes(path, tmp_path):
    save(load(path), tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_a_model_in_half_precision_has_rounded_matrices_and_half_the_bytes(path, tmp_path):
    save(model(), tmp_path / "half.safetensors", half=True)
    assert (tmp_path / "half.safetensors").stat().st_size < 0.6 * path.stat().st_size
    found, exact = (load(p).learner.state_dict() for p in (tmp_path / "half.safetensors", path))
    for name, tensor in exact.items():
        assert found[name].dtype == tensor.dtype
        rounded = tensor.half().float() if tensor.ndim > 1 else tensor
        assert torch.equal(found[name], rounded), name


def test_probabilities_lie_between_0_and_1():
    found = model().adapt(KNOWN, LABELS).predict(LIBRARY)
    assert found.dtype == np.float64
    assert ((found > 0) & (found < 1)).all()


def test_a_smiles_that_does_not_parse_is_nan_and_costs_itself_alone():
    predictor = model().adapt(KNOWN, LABELS)
    found = predictor.predict([LIBRARY[0], "no molecule", *LIBRARY[1:], ""])
    assert np.isnan(found[[1, 4]]).all()
    np.testing.assert_allclose(found[[0, 2, 3]], predictor.predict(LIBRARY), rtol=1e-5)


def test_nothing_to_predict_is_nothing_predicted():
    predictor = model().adapt(KNOWN, LABELS)
    assert predictor.predict([]).shape == (0,)
    assert np.isnan(predictor.predict(["no molecule"])).all()


def test_a_prediction_does_not_depend_on_the_molecules_beside_it():
    predictor = model("protonet", "gine").adapt(KNOWN, LABELS)
    alone = [float(predictor.predict([text])[0]) for text in LIBRARY]
    np.testing.assert_allclose(predictor.predict(LIBRARY), alone, rtol=1e-5)


def test_two_assays_are_predicted_at_the_same_time():
    first = model().adapt(KNOWN, LABELS)
    before = first.predict(LIBRARY).tolist()
    second = model().adapt(KNOWN, [0, 0, 1, 1])
    assert first.predict(LIBRARY).tolist() == before
    assert second.predict(LIBRARY).tolist() != before


def test_a_support_is_standardised_as_the_library_is():
    salt = [f"{KNOWN[0]}.Cl", *KNOWN[1:]]
    found = model().adapt(salt, LABELS).predict(["Cl.CC1CCNCC1"])
    assert found.tolist() == model().adapt(KNOWN, LABELS).predict(["CC1CCNCC1"]).tolist()


def test_featurized_molecules_are_predicted_as_their_smiles():
    predictor = model().adapt(KNOWN, LABELS)
    found = predictor.predict_molecules(store().molecules.select(torch.arange(5)))
    np.testing.assert_allclose(found, predictor.predict(smiles()[:5]), rtol=1e-5)


def test_neither_adapting_nor_predicting_keeps_a_graph():
    kept = []

    def keep(tensor):
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model().adapt(KNOWN, LABELS).predict(LIBRARY)
    assert not kept


@pytest.mark.parametrize("alone", [LIBRARY[0], MolFromSmiles(LIBRARY[0])])
def test_one_molecule_that_is_not_in_a_list_is_one_prediction(alone):
    predictor = model().adapt(KNOWN, LABELS)
    assert predictor.predict(alone).tolist() == predictor.predict([LIBRARY[0]]).tolist()


def test_rdkit_molecules_are_read_as_their_smiles():
    mols = [MolFromSmiles(text) for text in KNOWN]
    predictor = model().adapt(mols, LABELS)
    expected = model().adapt(KNOWN, LABELS).predict(LIBRARY)
    assert predictor.predict(map(MolFromSmiles, LIBRARY)).tolist() == expected.tolist()


@pytest.mark.parametrize("missing", [None, float("nan"), np.nan, pd.NA, ""])
def test_a_missing_molecule_gives_nan(missing):
    predictor = model().adapt(KNOWN, LABELS)
    found = predictor.predict([LIBRARY[0], missing])
    assert np.isnan(found).tolist() == [False, True]


def test_a_missing_molecule_is_known_nowhere():
    assert model().known([None, LIBRARY[0]]).tolist() == [-1, 0]


def test_a_support_molecule_that_is_missing_is_refused():
    with pytest.raises(MoleculeError):
        model().adapt([None, *KNOWN[1:]], LABELS)


@pytest.mark.parametrize("twin", [KNOWN[0], "c1ccccc1C", "Cc1ccccc1.Cl"])
def test_a_compound_with_both_labels_is_refused_however_it_is_drawn(twin):
    with pytest.raises(EpisodeError, match="both labels"):
        model().adapt([*KNOWN, twin], [*LABELS, 0])


def test_a_compound_twice_with_the_same_label_is_accepted():
    assert model().adapt([*KNOWN, "c1ccccc1C"], [*LABELS, 1]).predict(LIBRARY).shape == (3,)


@pytest.mark.parametrize("active", [[1, 0, 1], [1, 0, 1, 0, 1]])
def test_unequal_lengths_are_refused(active):
    with pytest.raises(EpisodeError, match=f"got 4 SMILES and {len(active)} labels"):
        model().adapt(KNOWN, active)


@pytest.mark.parametrize("label", [2, -1, 0.5, float("nan"), "1", None])
def test_a_label_that_is_neither_0_nor_1_is_refused(label):
    with pytest.raises(EpisodeError, match="a label is neither 0 nor 1; got"):
        model().adapt(KNOWN, [1, 0, label, 0])


@pytest.mark.parametrize("active", [[1, 1, 1, 1], [0, 0, 0, 0]])
def test_a_support_of_one_class_is_refused(active):
    with pytest.raises(EpisodeError, match="one class only"):
        model().adapt(KNOWN, active)


def test_an_empty_support_is_refused():
    with pytest.raises(EpisodeError, match="got 0 active of 0"):
        model().adapt([], [])


def test_a_support_molecule_that_does_not_parse_is_named():
    with pytest.raises(MoleculeError, match="got 'C1CC'"):
        model().adapt(["C1CC", *KNOWN[1:]], LABELS)


def test_an_baseline_is_a_model_without_a_file():
    found = baseline("similarity").adapt(KNOWN, LABELS).predict(["Cc1ccccc1", "CC1CCCCC1"])
    assert found[0] > found[1]


def test_an_baseline_that_must_be_trained_is_refused():
    with pytest.raises(ConfigError, match="'protonet': must be meta-trained first"):
        baseline("protonet")


def test_an_baseline_is_saved_and_loaded_as_any_model(tmp_path):
    save(baseline("similarity"), tmp_path / "s.safetensors")
    found = load(tmp_path / "s.safetensors").adapt(KNOWN, LABELS).predict(LIBRARY)
    assert found.tolist() == baseline("similarity").adapt(KNOWN, LABELS).predict(LIBRARY).tolist()


def test_a_name_is_a_file_or_an_baseline(path):
    assert named(str(path)).recipe == model().recipe
    assert named("similarity").recipe.learner == "similarity"


def test_a_name_may_set_an_option_of_an_baseline():
    assert dict(named("similarity:mode=mean").recipe.learner_options) == {"mode": "mean"}
    assert named("tanimoto_gp:fingerprints=morgan+torsions").featurizers == ("morgan", "torsions")
    assert named("tanimoto_gp:steps=3").learner.steps == 3


@pytest.mark.parametrize("name", ["similarity:way=mean", "similarity:mean", "similarity:mode=x"])
def test_an_option_that_an_baseline_does_not_have_is_refused(name):
    with pytest.raises(ConfigError, match="similarity"):
        named(name)


def test_a_name_that_is_neither_file_nor_learner_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"'similarty'.*'similarity'"):
        named("similarty")
    with pytest.raises(ModelError, match="cannot be read"):
        named(str(tmp_path / "absent.safetensors"))


@pytest.mark.parametrize(
    ("name", "closest"), [("similarty", "similarity"), ("pretraind", "pretrained")]
)
def test_a_misspelled_model_gets_the_closest_name(name, closest):
    with pytest.raises(ConfigError, match=f"Did you mean '{closest}'"):
        named(name)


def test_a_misspelled_model_file_gets_the_closest_one(path):
    with pytest.raises(ModelError, match=f"Did you mean '{path}'"):
        named(str(path.with_name("00.safetensors")))


def rewritten(path, tensors=None, **header):
    """The same file with another header, or other tensors."""
    _, known = read_tensors(path, "model")
    text = json.dumps({**known, **header})
    save_file(load_file(path) if tensors is None else tensors, path, {"molmeta": text})


def refused(path):
    with pytest.raises(ModelError, match="does not fit its recipe") as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def changed(**parts):
    return {"recipe": {**model().recipe.to_dict(), **parts}}


HOSTILE = {
    "an unknown learner": changed(learner="oracle"),
    "a learner that is a path": changed(learner="../../evil"),
    "an unknown encoder": changed(encoder="oracle"),
    "an encoder that is a number": changed(encoder=7),
    "an unknown option": changed(encoder_options={"widht": 8}),
    "a huge width": changed(encoder_options={"width": 10**9, "hidden": 8}),
    "a width that no tensor has": changed(encoder_options={"width": 10**5, "hidden": 10**5}),
    "a width below zero": changed(encoder_options={"width": -8, "hidden": 8}),
    "layers without end": changed(encoder_options={"width": 8, "hidden": 8, "layers": 99_999}),
    "a join without end": changed(encoder="+".join(["fingerprint"] * 9_999)),
    "options that are no mapping": changed(encoder_options=[10**12]),
    "a recipe that is no mapping": {"recipe": 5},
    "no recipe": {"recipe": None},
    "a history that is none": {"history": 5},
    "another format": {"format": 3},
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_model_file_is_refused_with(path, name):
    rewritten(path, **HOSTILE[name])
    refused(path)


def test_a_memory_that_no_tensor_bounds_is_refused_when_it_is_huge(tmp_path):
    path = tmp_path / "mann.safetensors"
    save(model("mann"), path)
    entry = model("mann").recipe.to_dict()
    options = {**entry["learner_options"], "slots": 10**12}
    rewritten(path, recipe={**entry, "learner_options": options})
    refused(path)


CHANGES = {
    "a tensor of another shape": lambda t: {**t, "encoder.last.bias": torch.zeros(9)},
    "a tensor of another type": lambda t: {**t, "encoder.last.bias": torch.zeros(8).double()},
    "a tensor of whole numbers": lambda t: {**t, "encoder.last.bias": torch.zeros(8).long()},
    "a tensor that is not finite": lambda t: {**t, "encoder.last.bias": torch.full((8,), np.nan)},
    "a tensor too many": lambda t: {**t, "extra": torch.zeros(1)},
    "a tensor too few": lambda t: {n: x for n, x in t.items() if n != "encoder.last.bias"},
    "a tensor of another name": lambda t: {f"{n}_": x for n, x in t.items()},
    "no tensors": lambda _: {},
}


@pytest.mark.parametrize("name", list(CHANGES))
def test_a_model_file_is_refused_that_has(path, name):
    rewritten(path, CHANGES[name](load_file(path)))
    refused(path)


def test_a_refused_header_leaves_no_trace_on_models_built_later(path):
    rewritten(path, **HOSTILE["layers without end"])
    refused(path)
    assert sum(p.numel() for p in recipe().build(0).parameters()) > 0


def test_a_model_is_judged_as_its_learner(path):
    episode = draw_episode(assays()[0], Draw(8, n_query=8), generator(0, "models"))
    support, query = episode.labelled(store().molecules)
    with torch.no_grad():
        expected = model().learner.adapt(support)(query.molecules)
        found = load(path).learner.adapt(support)(query.molecules)
    assert torch.equal(found, expected)


VALUES = [4.0, 4.5, 5.0, 6.0, 6.5, 7.0]
CHAINS = ["C" * n + "O" for n in range(2, 8)]


def test_a_learner_of_values_predicts_values():
    model = baseline("tanimoto_gp", {"target": "value"})
    predictor = model.adapt(CHAINS, [0, 0, 0, 1, 1, 1], values=VALUES)
    low, high = predictor.predict([CHAINS[0], CHAINS[-1]])
    assert 3.5 < low < 5.5 < high < 7.5


def test_unequal_numbers_of_values_are_refused():
    with pytest.raises(EpisodeError, match="6 SMILES and 5 values"):
        baseline("tanimoto_gp").adapt(CHAINS, [0, 0, 0, 1, 1, 1], values=VALUES[:5])
