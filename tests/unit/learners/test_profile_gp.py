"""The process on structure and profiles against plain loops; its memory against a dictionary."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from toy_assays import CLOSE, FINGERPRINTS, TRAINING_ASSAYS, assay, built, drawn, world

from molmeta.assays.records import STEP, ActivityRecords, hide_own_targets, structure_keys
from molmeta.assays.training_data import TrainingData
from molmeta.encoders.fingerprint import Fingerprint
from molmeta.errors import ConfigError, EpisodeError, ModelError
from molmeta.learners._parents.profile_process import NOISES, STRUCTURES
from molmeta.learners.profile_gp import ProfileGP
from molmeta.models.files import load, save
from molmeta.models.model import Model
from molmeta.models.pretrained import load_pretrained
from molmeta.models.recipes import Recipe, recipe_of
from molmeta.molecules.blocks import EMBEDDING, Bits, Molecules, Vectors
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.similarity import tanimoto
from molmeta.molecules.store import featurize
from molmeta.training.start import start_from

ASSAYS = [assay(place) for place in range(3)]


def learner(remembered=ASSAYS):
    found = ProfileGP()
    found.noise_prior.data = torch.tensor([0.5, -1.0, 0.0, 1.0, -0.5])
    if remembered:
        found.fit(TrainingData(world(), remembered))
    return found.eval()


def episode():
    return drawn(0, n_support=12, n_query=6).labelled(world())


def on_bits(molecules, name):
    bits = molecules.block(name, Bits)
    ends = bits.offsets.tolist()
    return [set(bits.positions[a:b].tolist()) for a, b in pairwise(ends)]


def similarity(x, y):
    return len(x & y) / len(x | y)


def known(molecules, assays):
    """Profiles as dictionaries, from the assays alone; what shares a key is averaged."""
    keys = structure_keys(world()).tolist()
    found = {}
    for place, measured in enumerate(assays):
        signed = measured.labels * 2.0 - 1
        for row, value in zip(measured.rows, signed - signed.mean(), strict=True):
            found.setdefault(keys[row], {}).setdefault(place, []).append(value)
    of = [found.get(key, {}) for key in structure_keys(molecules).tolist()]
    return [{place: np.mean(values) for place, values in one.items()} for one in of]


@torch.no_grad()
def by_hand(model, support, query, assays):
    """Mean and variance of the process, one number after another."""
    a, c = model.log_structure.exp().tolist(), float(model.log_profile.exp())
    e, g = model.log_shrink.exp().tolist()
    n, size = len(support), np.log(len(support) / 32)

    def kernel(x, y):
        total = sum(w * similarity(p, q) for w, p, q in zip(a, x[0], y[0], strict=True))
        product = sum(value * y[1].get(place, 0.0) for place, value in x[1].items())
        lengths = [sum(v**2 for v in one[1].values()) + e for one in (x, y)]
        return total + c * product / np.sqrt(lengths[0] * lengths[1])

    def mean(x):
        shrink = float(model.mean_weight * (-model.mean_power * size).exp())
        return shrink * sum(x[1].values()) / (len(x[1]) + g)

    def points(molecules):
        structures = zip(*(on_bits(molecules, name) for name in STRUCTURES), strict=True)
        return list(zip(structures, known(molecules, assays), strict=True))

    seen, asked = points(support.molecules), points(query.molecules)
    ridge = float((model.log_ridge[0] + model.log_ridge[1] * size).exp())
    alike = np.array([[kernel(x, y) for y in seen] for x in seen])
    grams = [alike + (ridge * factor + 1e-4) * np.eye(n) for factor in NOISES]
    residual = support.labels.numpy() * 2 - 1 - np.array([mean(x) for x in seen])
    y = residual - residual.mean()
    shares = np.array([evidence(gram, y) for gram in grams]) * model.noise_prior.exp().numpy()
    inverse = np.average([np.linalg.inv(gram) for gram in grams], axis=0, weights=shares)
    rows = np.array([[kernel(x, y) for y in seen] for x in asked])
    means = np.array([mean(x) for x in asked]) + residual.mean() + rows @ inverse @ y
    explained = np.einsum("qs,st,qt->q", rows, inverse, rows)
    return means, np.array([kernel(x, x) for x in asked]) - explained


def evidence(gram, y):
    """The density of y under a normal distribution of covariance v gram, at the best v."""
    v = y @ np.linalg.solve(gram, y) / len(y)
    return multivariate_normal(np.zeros(len(y)), v * gram).pdf(y)


@torch.no_grad()
def test_it_is_the_process_worked_out_by_hand():
    model, (support, query) = learner(), episode()
    means, variances = by_hand(model, support, query, ASSAYS)
    size = np.log(len(support) / 32)
    scale = float((model.log_scale[0] + model.log_scale[1] * size).exp())
    doubt = np.sqrt(1 + float(model.log_doubt.exp()) * variances)
    found = model.adapt(support)
    np.testing.assert_allclose(found(query.molecules), scale * means / doubt, rtol=2e-3)
    np.testing.assert_allclose(found.uncertainty(query.molecules), variances**0.5, rtol=2e-3)


def test_an_episode_is_blind_to_its_own_target_in_the_memory():
    of_one_target = [replace(found, target="kinase") for found in ASSAYS[:2]] + ASSAYS[2:]
    model, blind = learner(of_one_target), learner(ASSAYS[2:])
    support, query = episode()
    with torch.no_grad():
        expected = blind.loss(blind.adapt(support)(query.molecules), query.labels).item()
    found = model.backward(*hide_own_targets(model, [drawn(0, n_support=12, n_query=6)], world()))
    assert found == pytest.approx(expected, rel=1e-4)


def test_what_the_memory_knows_moves_predictions():
    support, query = episode()
    with torch.no_grad():
        known, unknown = (m.adapt(support)(query.molecules) for m in (learner(), learner([])))
    assert (known - unknown).abs().max() > 0.1


def test_a_molecule_that_no_assay_measured_has_an_empty_profile():
    records = ActivityRecords()
    records.fill(TrainingData(world(), [replace_rows(ASSAYS[0], 150)]))
    counts = records.look_up(world()).counts
    assert counts[:150].min() == 1
    assert counts[150:].min() == 0


def replace_rows(found, n):
    return replace(found, rows=found.rows[:n], labels=found.labels[:n], values=found.values[:n])


def test_values_are_kept_to_half_a_step():
    records = ActivityRecords()
    records.fill(TrainingData(world(), ASSAYS))
    profiles = records.look_up(world())
    ends = profiles.offsets.tolist()
    for place, wanted in enumerate(known(world(), ASSAYS)):
        values = profiles.values[ends[place] : ends[place + 1]].numpy()
        expected = [wanted[assay] for assay in sorted(wanted)]
        np.testing.assert_allclose(values, expected, atol=STEP / 2 + 1e-6)


def test_a_measured_value_counts_beside_its_label():
    labels, values = np.array([0, 1, 1], np.float32), np.array([5, 6, np.nan], np.float32)
    measured = replace(
        ASSAYS[0], rows=np.array([0, 1, 2]), smiles=("C",) * 3, labels=labels, values=values
    )
    records = ActivityRecords()
    distinct = Molecules(
        {name: Bits(torch.arange(3), torch.arange(4), size) for name, size in FINGERPRINTS.items()}
    )
    records.fill(TrainingData(distinct, [measured]))
    found = records.look_up(distinct).values.numpy()
    expected = [(-4 / 3 - 1) / 2, (2 / 3 + 1) / 2, 2 / 3]
    np.testing.assert_allclose(found, expected, atol=STEP)


def test_a_support_of_actives_alone_ranks_by_likeness_to_them():
    molecules = world()
    support = Labelled(molecules.select(torch.arange(4)), torch.ones(4))
    with torch.no_grad():
        logits = ProfileGP().eval().adapt(support)(molecules)
    alike = tanimoto(molecules.block("morgan3", Bits), support.molecules.block("morgan3", Bits))
    near = alike.max(1).values
    assert logits[near > 0.9].min() > logits[near < 0.4].max()


def test_bits_in_another_order_have_the_same_key_and_other_bits_another():
    keys = structure_keys(
        Molecules(
            {
                name: Bits(torch.tensor([3, 7, 7, 3, 3, 8]), torch.tensor([0, 2, 4, 6]), size)
                for name, size in FINGERPRINTS.items()
            }
        )
    )
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_a_saved_memory_is_read_back(tmp_path):
    model = Model(learner(), recipe_of({"learner": "profile_gp"}), {})
    save(model, tmp_path / "model.safetensors")
    support, query = episode()
    again = load(tmp_path / "model.safetensors").learner
    with torch.no_grad():
        expected = model.learner.adapt(support)(query.molecules)
        torch.testing.assert_close(again.adapt(support)(query.molecules), expected, **CLOSE)


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("keys", torch.tensor([5, 3], dtype=torch.int64)),
        ("offsets", torch.tensor([0, 9], dtype=torch.int32)),
        ("assays", torch.tensor([-1], dtype=torch.int16)),
    ],
)
def test_a_damaged_memory_is_refused(tmp_path, name, tensor):
    model = learner()
    setattr(model.records, name, tensor)
    save(Model(model, recipe_of({"learner": "profile_gp"}), {}), tmp_path / "m.safetensors")
    with pytest.raises(ModelError, match="does not fit its recipe"):
        load(tmp_path / "m.safetensors")


def test_every_training_assay_of_the_toy_world_is_remembered():
    assert int(built("profile_gp").records.assays.max()) == TRAINING_ASSAYS - 1


def actives_alone():
    support, query = episode()
    chosen = (support.labels > 0.5).nonzero()[:, 0]
    return Labelled(support.molecules.select(chosen), support.labels[chosen]), query.molecules


@torch.no_grad()
def test_actives_alone_are_held_against_training_molecules():
    model, (support, queries) = learner(), actives_alone()
    filled = model.background.added(support)
    assert len(filled) == len(support) + 64
    assert filled.labels.sum() == len(support)
    torch.testing.assert_close(model.adapt(support)(queries), model.adapt(filled)(queries))


@torch.no_grad()
def test_a_support_with_an_inactive_is_taken_as_it_is():
    model, (support, query) = learner(), episode()
    expected = model.adapt(support)(query.molecules)
    model.background.packed.zero_()
    torch.testing.assert_close(model.adapt(support)(query.molecules), expected, rtol=0, atol=0)


def test_the_background_is_made_of_training_molecules():
    kept = on_bits(learner().background.molecules(), "morgan3")
    assert all(bits in on_bits(world(), "morgan3") for bits in kept)


def test_the_background_is_kept_in_the_file(tmp_path):
    model = learner()
    save(Model(model, recipe_of({"learner": "profile_gp"}), {}), tmp_path / "m.safetensors")
    found = load(tmp_path / "m.safetensors").learner
    torch.testing.assert_close(found.background.packed, model.background.packed)


def test_what_init_brings_leaves_the_background_as_it_is():
    model, source = with_encoder(0.3), with_encoder(0.3)
    filled = model.background.packed.clone()
    recipe = recipe_of({"learner": "profile_gp", "encoder": "fingerprint"})
    start_from(model, [Model(source, recipe, {})])
    assert filled.any()
    assert torch.equal(model.background.packed, filled)


def with_encoder(weight):
    found = ProfileGP(Fingerprint(width=8, hidden=8, bits="morgan3"), encoder_weight=weight)
    found.fit(TrainingData(world(), ASSAYS))
    return found.eval()


@torch.no_grad()
@pytest.mark.parametrize(("n_support", "weight"), [(32, 0.3), (1, 1.2)])
def test_the_encoder_is_one_more_kernel_that_counts_less_with_more_compounds(n_support, weight):
    model, molecules = with_encoder(0.3), world()
    points, known = (model.inputs(molecules.select(torch.arange(n))) for n in (9, n_support))
    plain = replace(points, vectors=None)
    vectors = torch.nn.functional.normalize(model.encoder(molecules), dim=1)
    kernels = [model.kernel(inputs, known, n_support) for inputs in (points, plain)]
    found = kernels[0] - kernels[1]
    expected = weight * vectors[:9] @ vectors[:n_support].T
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    added = model.variance(points, n_support) - model.variance(plain, n_support)
    torch.testing.assert_close(added, torch.full((9,), weight), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_what_is_prepared_is_scored_the_same_and_not_encoded_again(monkeypatch):
    model, (support, query) = with_encoder(0.3), episode()
    expected = model.adapt(support)(query.molecules)
    ready = model.prepare(support.molecules), model.prepare(query.molecules)
    monkeypatch.setattr(model.encoder, "forward", None)
    found = model.adapt(Labelled(ready[0], support.labels))(ready[1])
    torch.testing.assert_close(found, expected)


@torch.no_grad()
def test_a_support_is_compared_once_for_all_that_is_left_out_of_it(monkeypatch):
    model, (support, _) = with_encoder(0.3), episode()
    actives, inactives = (torch.nonzero(support.labels == label)[:3, 0] for label in (1, 0))
    rows = torch.stack([actives, inactives], 1)
    calls: list[int] = []
    whole = model.kernel
    monkeypatch.setattr(model, "kernel", lambda *args: calls.append(1) or whole(*args))
    model.left_out(support, rows)
    assert len(calls) == 1


@torch.no_grad()
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_class_of_one_that_is_left_out_leaves_a_support_of_the_other(label):
    model, (support, _) = learner(), episode()
    labels = torch.full((12,), 1 - label)
    labels[3] = label
    support = Labelled(support.molecules, labels)
    if label == 1:
        with pytest.raises(EpisodeError, match="one class only"):
            model.left_out(support, torch.tensor([[3]]))
        return
    others = torch.tensor([row for row in range(12) if row != 3])
    expected = model.adapt(support.select(others))(support.molecules.select(torch.tensor([3])))
    torch.testing.assert_close(model.left_out(support, torch.tensor([[3]]))[0], expected)


def test_an_encoder_of_fixed_weight_is_left_out_of_training():
    model, (support, query) = with_encoder(0.3).train(), episode()
    plain = learner().train()
    plain.noise_prior.data.zero_()
    found, expected = (m.adapt(support)(query.molecules) for m in (model, plain))
    torch.testing.assert_close(found, expected)
    model.backward(*hide_own_targets(model, [drawn(0)], world()))
    assert all(parameter.grad is None for parameter in model.encoder.parameters())


@torch.no_grad()
def test_the_background_has_no_place_among_the_vectors_of_the_encoder():
    model, (support, queries) = with_encoder(0.3), actives_alone()
    known = model.adapt(support).support
    assert known.vectors.shape == (len(support) + 64, 8)
    torch.testing.assert_close(
        known.vectors[: len(support)], model.inputs(support.molecules).vectors
    )
    assert not known.vectors[len(support) :].any()
    assert model.adapt(support)(queries).isfinite().all()


def test_a_weight_below_zero_is_refused():
    with pytest.raises(ConfigError, match=r"encoder_weight .* got -1"):
        ProfileGP(encoder_weight=-1)


def test_the_former_name_of_the_weight_is_refused_with_the_present_one():
    with pytest.raises(ConfigError, match=r"'learnt' .*'encoder_weight'"):
        Recipe("profile_gp", learner_options={"learnt": 0.3}).build(0)


ANALOGUES = [
    f"CCOc1ccc({rest})cc1C(=O)NC" for rest in ("F", "Cl", "Br", "C", "CC", "OC", "C#N", "N")
]
UNRELATED = ["CC1CCCCC1", "OCC(O)CO", "CCCCCCCC", "C1CCNCC1", "CC(=O)CC(C)C", "NCCCCN"]
NEW_ANALOGUE = "CCOc1ccc(I)cc1C(=O)NC"


def library_scores(labels, queries):
    """Scores of the pretrained model after a table of analogues with these labels."""
    predictor = load_pretrained().adapt(ANALOGUES[: len(labels)], labels)
    return predictor.predict(queries)


def test_a_table_of_analogues_credits_a_new_analogue_over_unrelated_compounds():
    scores = library_scores([1, 0] * 4, [NEW_ANALOGUE, *UNRELATED])
    assert scores[0] > scores[1:].max() + 0.2


def test_in_a_library_the_vector_of_an_unrelated_inactive_counts_little():
    """Mirrored at the vectors of the actives, it is as similar to them, but not to a neighbour."""
    learner = load_pretrained().learner
    texts = [*ANALOGUES, *UNRELATED]
    support, query = (
        learner.prepare(featurize(some, learner.featurizers)) for some in (texts, ["NCCCCCN"])
    )
    labels = torch.tensor([1.0, 0.0] * 4 + [0.0] * len(UNRELATED))
    vectors = support.block(EMBEDDING, Vectors).values
    actives, _ = torch.linalg.qr(vectors[labels == 1].T)
    mirrored = 2 * actives @ (actives.T @ vectors[-1]) - vectors[-1]
    other = support.with_block(EMBEDDING, Vectors(torch.stack([*vectors[:-1], mirrored])))
    with torch.no_grad():
        scores = [learner.adapt_library(Labelled(s, labels))(query) for s in (support, other)]
    assert abs(float(scores[0] - scores[1])) < 0.01


def test_within_an_assay_the_score_is_that_of_the_support_alone():
    model = load_pretrained()
    predictor = model.adapt(ANALOGUES, [1, 0] * 4)
    molecules = featurize(UNRELATED, model.featurizers)
    with torch.no_grad():
        expected = torch.sigmoid(model.learner.adapt(predictor.support)(molecules).double())
    predicted = predictor.predict(UNRELATED, among="assay")
    np.testing.assert_allclose(predicted, expected, rtol=1e-6)


def test_actives_alone_can_be_moved_to_a_prevalence():
    predictor = load_pretrained().adapt(ANALOGUES, [1] * 8)
    assert predictor.predict([NEW_ANALOGUE], prevalence=0.005)[0] > 0


@pytest.mark.parametrize("encoder", ["fingerprint", "gine"])
def test_a_library_is_scored_with_any_encoder(encoder):
    learner = Recipe("profile_gp", encoder).build(0)
    support, query = (featurize(texts, learner.featurizers) for texts in (ANALOGUES, UNRELATED))
    with torch.no_grad():
        predictor = learner.eval().adapt_library(Labelled(support, torch.tensor([1.0, 0.0] * 4)))
        assert torch.isfinite(predictor(query)).all()
