"""Vectors of a featurizer as one more kernel of the pretrained model, within an assay only."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_assays import assay, drawn, world

import molmeta
from molmeta.assays.training_data import TrainingData
from molmeta.errors import ConfigError
from molmeta.learners._parents.profile_process import FURTHER, STRUCTURES
from molmeta.learners._parts.nearness import Nearness
from molmeta.learners.profile_gp import ProfileGP
from molmeta.models.files import load, save
from molmeta.models.pretrained import load_pretrained, pretrained_with
from molmeta.models.recipes import Recipe
from molmeta.molecules.blocks import Vectors
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.store import featurize

PHENOLS = ["Oc1ccccc1", "Cc1ccccc1O", "CCc1ccccc1O", "CCCc1ccccc1O", "Clc1ccccc1O"]
ALCOHOLS = ["CCO", "CCCO", "CCCCO", "CCC(C)O", "OCC(C)C"]
LABELS = [1] * 5 + [0] * 5
QUERIES = ["CCCCc1ccccc1O", "CCCCCCO", "c1ccncc1"]


def with_vectors(molecules):
    """Three numbers for each molecule, as a featurizer would give them."""
    rows = torch.arange(len(molecules), dtype=torch.float32)
    vectors = torch.stack([rows.sin(), rows.cos(), (3 * rows).sin()], 1)
    return molecules.with_block("mine", Vectors(vectors))


@pytest.fixture
def learner():
    made = ProfileGP(further="mine")
    made.fit(TrainingData(world(), [assay(number) for number in range(3)]))
    return made.eval()


def test_nearness_falls_with_the_distance_in_units_of_the_supports_median():
    support = Nearness(torch.tensor([[0.0], [1.0], [3.0], [3.0]]))
    # Squared distances that are not 0: 1, 9, 9, 4 and 4.
    expected = np.exp(-np.array([[4.0, 1.0, 1.0, 1.0]]) / 4)
    found = Nearness(torch.tensor([[2.0]])).to(support)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_equal_vectors_are_all_near():
    same = Nearness(torch.ones(3, 2))
    assert torch.equal(same.to(same), torch.ones(3, 3))


@torch.no_grad()
def test_molecules_left_out_are_compared_on_the_scale_of_the_others(learner):
    support, _ = drawn(0, n_support=12).labelled(with_vectors(world()))
    rows = torch.stack([support.labels.argmax(), support.labels.argmin()])[None]
    others = torch.tensor([row for row in range(12) if row not in rows])
    kept = support.select(others)
    scales = [Nearness(s.molecules.block("mine", Vectors).values).scale for s in (support, kept)]
    assert scales[0] != scales[1]
    expected = learner.adapt(kept)(support.molecules.select(rows[0]))
    torch.testing.assert_close(learner.left_out(support, rows)[0], expected)


@torch.no_grad()
def test_the_kernel_gains_the_vectors_of_compounds_without_records(learner):
    points = learner.inputs(with_vectors(world()), further=True)
    gained = learner.kernel(points, points, 16) - learner.kernel(
        replace(points, further=None), points, 16
    )
    lengths = points.profiles.sums(points.profiles.values**2)
    share = learner.log_shrink[0].exp() / (lengths + learner.log_shrink[0].exp())
    expected = FURTHER * torch.outer(share, share).sqrt() * points.further.to(points.further)
    torch.testing.assert_close(gained, expected, atol=1e-5, rtol=1e-4)
    assert share.max() < 0.5, "all compounds of the toy world have records"
    more = learner.variance(points, 16) - learner.variance(replace(points, further=None), 16)
    torch.testing.assert_close(more, gained.diagonal(), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_without_records_they_count_in_full():
    points = ProfileGP(further="mine").eval().inputs(with_vectors(world()), further=True)
    learner = ProfileGP(further="mine").eval()
    plain = learner.kernel(replace(points, further=None), points, 16)
    gained = learner.kernel(points, points, 16) - plain
    expected = FURTHER * points.further.to(points.further)
    torch.testing.assert_close(gained, expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_library_is_compared_without_them(learner):
    support, query = drawn(0, n_support=12, n_query=6).labelled(world())
    without = ProfileGP()
    without.load_state_dict(learner.state_dict())
    scores = [made.eval().adapt_library(support)(query.molecules) for made in (learner, without)]
    assert torch.equal(*scores)
    assert "mine" not in learner.library_featurizers


ENCODERS = {"width": 16, "layers": 2, "dropout": 0.0}


@pytest.fixture
def with_graphs():
    """A model whose joined encoder has a graph network, which computes the vectors."""
    options = {"fingerprint": {"bits": "morgan3", "width": 16, "hidden": 16}, "gine": ENCODERS}
    learner_options = {"encoder_weight": 0.3, "assay_encoder": "gine"}
    return Recipe("profile_gp", "fingerprint+gine", learner_options, options).build(0).eval()


@torch.no_grad()
def test_a_part_of_the_encoder_computes_them(with_graphs):
    molecules = featurize(PHENOLS + ALCOHOLS, with_graphs.featurizers)
    graphs, fingerprints = with_graphs.encoder.part("gine"), with_graphs.encoder.part("fingerprint")
    inputs = with_graphs.inputs(molecules, further=True)
    torch.testing.assert_close(inputs.further.vectors, graphs(molecules))
    torch.testing.assert_close(inputs.vectors, fingerprints.directions(molecules))
    prepared = with_graphs.inputs(
        with_graphs.prepare(molecules).only((*STRUCTURES, "embedding", "encoder")), further=True
    )
    torch.testing.assert_close(prepared.further.vectors, inputs.further.vectors)
    torch.testing.assert_close(prepared.vectors, inputs.vectors)


@torch.no_grad()
def test_graphs_of_a_library_are_not_read(with_graphs):
    assert "graph" in with_graphs.featurizers
    assert "graph" not in with_graphs.library_featurizers
    support = Labelled(featurize(PHENOLS + ALCOHOLS, with_graphs.featurizers), torch.tensor(LABELS))
    library = featurize(QUERIES, with_graphs.library_featurizers)
    scores = with_graphs.adapt_library(support)(with_graphs.prepare(library))
    assert torch.isfinite(scores).all()


def test_the_pretrained_model_takes_them_from_any_featurizer_of_vectors(tmp_path):
    models = [molmeta.load(name) for name in ("pretrained", "pretrained:further=descriptors")]
    plain, further = (model.adapt(PHENOLS + ALCOHOLS, LABELS) for model in models)
    np.testing.assert_array_equal(further.predict(QUERIES), plain.predict(QUERIES))
    within = further.predict(QUERIES, among="assay")
    assert not np.allclose(within, plain.predict(QUERIES, among="assay"), atol=1e-3)
    assert within.argmax() == 0
    save(models[1], tmp_path / "further.safetensors")
    again = load(tmp_path / "further.safetensors").adapt(PHENOLS + ALCOHOLS, LABELS)
    np.testing.assert_allclose(again.predict(QUERIES, among="assay"), within, atol=1e-3)


def test_actives_alone_are_ranked_as_without_them():
    models = [load_pretrained(), pretrained_with(further="descriptors")]
    first, second = (m.adapt(PHENOLS, [1] * 5).predict(QUERIES, among="assay") for m in models)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("further=morgan", "kind 'bits'"),
        ("further=nonsense", "unknown featurizer 'nonsense'"),
        ("furthr=descriptors", "did you mean 'further'"),
        ("target=price", "price"),
        ("graded=3", "'graded' is a switch"),
    ],
)
def test_other_settings_of_the_pretrained_model_are_refused(setting, named):
    with pytest.raises(ConfigError, match=named):
        molmeta.load(f"pretrained:{setting}")


def test_defaults_are_the_pretrained_model_itself():
    assert pretrained_with(further="encoder", graded=False, target="activity") is load_pretrained()
