"""The learnt kernel and its ridge regression against RDKit and scikit-learn."""

import numpy as np
import pytest
import torch
from rdkit import DataStructs
from rdkit.Chem import MolFromSmiles, rdFingerprintGenerator
from sklearn.kernel_ridge import KernelRidge as Reference
from zoo import DRUGS, drugs

from molmeta.learners._parents.kernels import TYPICAL_SUPPORT, KernelRidge, RidgeInputs
from molmeta.models.recipes import Recipe
from molmeta.molecules.blocks import Bits
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.similarity import tanimoto

LABELS = torch.tensor([1.0, 0, 0, 1, 1, 0, 0, 1]).double()


def points(start, stop, seed=0):
    bits = drugs().block("morgan", Bits).dense(torch.float64)[start:stop]
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(len(DRUGS), 5, generator=generator, dtype=torch.float64)
    return RidgeInputs(vectors[start:stop], bits)


def ridge(weights=(0.3, -0.2), log_ridge=-0.5, power=0.4, scale=0.7):
    found = KernelRidge().double()
    found.log_weights.data = torch.tensor(weights, dtype=torch.float64)
    found.log_ridge.data = torch.tensor([log_ridge], dtype=torch.float64)
    found.ridge_power.data = torch.tensor([power], dtype=torch.float64)
    found.log_scale.data = torch.tensor([scale], dtype=torch.float64)
    return found


def kernel(x, others, centre):
    """By plain loops, with RDKit's similarity left to its own test."""
    rows = []
    for vector, bits in zip(*x, strict=True):
        row = []
        for other, set_bits in zip(*others, strict=True):
            a, b = vector - centre, other - centre
            cosine = a @ b / (a.norm() * b.norm())
            shared = (bits * set_bits).sum()
            similarity = shared / (bits.sum() + set_bits.sum() - shared)
            row.append(float(np.exp(0.3) * cosine + np.exp(-0.2) * similarity))
        rows.append(row)
    return np.array(rows)


def test_tanimoto_similarity_is_that_of_rdkit():
    make = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048).GetFingerprint
    prints = [make(MolFromSmiles(text)) for text in DRUGS]
    expected = [DataStructs.BulkTanimotoSimilarity(one, prints) for one in prints]
    bits = drugs().block("morgan", Bits).dense()
    np.testing.assert_allclose(tanimoto(bits, bits), expected, rtol=1e-6)


def test_fingerprints_that_were_not_made_dense_are_as_similar():
    bits = drugs().block("morgan", Bits)
    assert torch.equal(tanimoto(bits, bits.dense()), tanimoto(bits.dense(), bits.dense()))
    assert torch.equal(tanimoto(bits, bits), tanimoto(bits, bits.dense()))


def test_a_library_is_scored_without_dense_fingerprints(monkeypatch):
    molecules, learner = drugs(), Recipe("kernel_ridge", "fingerprint").build(0).eval()
    predictor = learner.adapt(Labelled(molecules.select(torch.arange(8)), LABELS.float()))
    prepared = predictor(learner.prepare(molecules))
    monkeypatch.delattr(Bits, "dense")
    torch.testing.assert_close(predictor(molecules), prepared)


def test_molecules_without_bits_are_similar_to_none():
    assert tanimoto(torch.zeros(1, 8), torch.zeros(1, 8)).item() == 0


def test_logits_are_those_of_ridge_regression_on_the_same_kernel():
    support, query = points(0, 8), points(8, 12)
    centre, y = support.vectors.mean(0), (LABELS * 2 - 1).numpy()
    alpha = np.exp(-0.5) * (8 / TYPICAL_SUPPORT) ** 0.4
    reference = Reference(kernel="precomputed", alpha=alpha)
    reference.fit(kernel(support, support, centre), y - y.mean())
    expected = y.mean() + reference.predict(kernel(query, support, centre))
    found = ridge()(support, LABELS)(query).detach()
    np.testing.assert_allclose(found, np.exp(0.7) * expected, rtol=1e-9)


def test_the_ridge_grows_with_the_support_as_its_power_says():
    assert TYPICAL_SUPPORT == 32
    support, query = points(0, 8), points(8, 12)
    flat, steep = (ridge(power=power)(support, LABELS)(query) for power in (0.0, 30.0))
    assert not torch.allclose(flat, steep)


def test_with_a_ridge_without_end_every_query_has_the_mean_label():
    found = ridge(log_ridge=30.0)(points(0, 8), LABELS)(points(8, 12))
    torch.testing.assert_close(found, torch.zeros(4).double(), rtol=0, atol=1e-9)


def test_with_hardly_a_ridge_the_support_has_its_own_labels():
    support = points(0, 8)
    found = ridge(log_ridge=-25.0, scale=0.0)(support, LABELS)(support)
    torch.testing.assert_close(found, LABELS * 2 - 1, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["log_weights", "log_ridge", "ridge_power", "log_scale"])
def test_every_weight_of_the_kernel_is_learnt(name):
    found = ridge()
    found(points(0, 8), LABELS)(points(8, 12)).square().sum().backward()
    assert getattr(found, name).grad.all()
