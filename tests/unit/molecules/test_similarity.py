import numpy as np
import pytest
from rdkit.Chem import MolFromSmiles, rdFingerprintGenerator
from rdkit.DataStructs import BulkTanimotoSimilarity
from zoo import DRUGS, drugs

from molmeta.molecules.similarity import bits_of, overlap, tanimoto


@pytest.fixture(scope="module")
def expected():
    make = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048).GetFingerprint
    fingerprints = [make(MolFromSmiles(text)) for text in DRUGS]
    return np.array([BulkTanimotoSimilarity(row, fingerprints) for row in fingerprints])


@pytest.mark.parametrize("dense", [(False, False), (False, True), (True, False), (True, True)])
def test_tanimoto_is_that_of_rdkit_for_packed_and_dense_fingerprints(expected, dense):
    bits = bits_of(drugs())
    left, right = (bits.dense() if each else bits for each in dense)
    assert np.array_equal(tanimoto(left, right).numpy(), expected.astype(np.float32))


def test_overlap_counts_the_bits_of_packed_fingerprints(expected):
    packed = np.packbits(bits_of(drugs()).dense().numpy().astype(bool), axis=1)
    shared, either = overlap(packed, packed[0])
    assert shared / either == pytest.approx(expected[0])
