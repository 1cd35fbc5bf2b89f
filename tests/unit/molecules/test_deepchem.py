import logging
import subprocess
import sys

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from molmeta.assays.assay import Assay
from molmeta.assays.splitters import draw_by_splitter, split
from molmeta.errors import ConfigError, EpisodeError, MoleculeError, TableError
from molmeta.models.deepchem import DeepChemModel, table_of
from molmeta.models.named import baseline
from molmeta.models.pretrained import load_pretrained
from molmeta.molecules import deepchem as bridge
from molmeta.molecules.compounds import parse
from molmeta.molecules.deepchem import featurizer
from molmeta.molecules.scaffolds import scaffold_of

pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="DeepChem's last release ends at Python 3.11"
)

BENZENES = ["c1ccccc1", "Cc1ccccc1", "CCc1ccccc1", "Oc1ccccc1"]
PYRIDINES = ["c1ccncc1", "Cc1ccncc1"]
SMILES = [*BENZENES, *PYRIDINES]


def dataset(smiles=SMILES, y=None, **options):
    deepchem = bridge.deepchem()

    labels = np.array([[1], [1], [1], [0], [0], [0]]) if y is None else np.array(y)
    return deepchem.data.NumpyDataset(
        X=np.zeros(len(smiles)), y=labels, ids=np.array(smiles, object), **options
    )


def scaffold(smiles):
    return scaffold_of(parse(smiles))


def assay(labels):
    rows = np.arange(len(SMILES))
    values = np.full(len(SMILES), np.nan, np.float32)
    return Assay("a", "", "a", tuple(SMILES), rows, np.array(labels, np.float32), values)


def test_a_featurizer_gives_one_float32_vector():
    found = featurizer("MACCSKeysFingerprint")("CCO")
    assert (found.shape, found.dtype) == ((167,), np.float32)


def test_a_fingerprint_is_the_one_that_rdkit_computes():
    expected = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    mol = Chem.MolFromSmiles("CCOc1ccccc1")
    found = featurizer("CircularFingerprint")(mol)
    np.testing.assert_array_equal(found, expected.GetFingerprintAsNumPy(mol))


def test_smiles_and_molecule_give_the_same_vector():
    vector = featurizer("RDKitDescriptors")
    np.testing.assert_allclose(vector("CCO"), vector(Chem.MolFromSmiles("CCO")), rtol=1e-6)


def test_vectors_are_finite():
    assert np.isfinite(featurizer("RDKitDescriptors")("[Na+].[Cl-]")).all()


def test_a_smiles_that_does_not_parse_is_refused():
    with pytest.raises(MoleculeError, match="not a valid SMILES"):
        featurizer("MACCSKeysFingerprint")("nonsense")


def test_an_empty_array_of_deepchem_becomes_an_error_with_its_reason(monkeypatch):
    deepchem = bridge.deepchem()

    def fail(_self, _mol, **_options):
        raise ValueError("the atoms ran away")

    vector = featurizer("MACCSKeysFingerprint")
    monkeypatch.setattr(deepchem.feat.MACCSKeysFingerprint, "_featurize", fail)
    with pytest.raises(MoleculeError, match="the atoms ran away"):
        vector("CCO")


def test_an_unknown_featurizer_names_the_known_ones():
    with pytest.raises(ConfigError, match="CircularFingerprint"):
        featurizer("CircularFingerprnt")


@pytest.mark.parametrize("name", ["ConvMolFeaturizer", "RawFeaturizer", "MolGraphConvFeaturizer"])
def test_a_featurizer_without_vectors_is_refused(name):
    with pytest.raises(ConfigError, match="cannot be used"):
        featurizer(name)


@pytest.mark.parametrize("name", ["CoulombMatrix", "Mol2VecFingerprint"])
def test_a_featurizer_that_cannot_be_made_is_refused(name):
    with pytest.raises(ConfigError, match="cannot be used"):
        featurizer(name)


def test_absent_deepchem_is_one_clear_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "deepchem", None)
    bridge.deepchem.cache_clear()
    with pytest.raises(ConfigError, match=r"expected Python 3\.11"):
        split(SMILES, "scaffold", 4)


def test_importing_the_bridge_does_not_import_deepchem():
    code = "import sys, molmeta.models.deepchem; sys.exit('deepchem' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_deepchem_is_used_in_silence():
    code = (
        "from molmeta.assays.splitters import split\n"
        "from molmeta.molecules.deepchem import featurizer\n"
        "featurizer('CircularFingerprint')('CCO'); split(['C', 'CC', 'CCO'], 'butina', 2)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_splitting_leaves_logging_as_it_was(monkeypatch):
    logger = logging.getLogger("deepchem")
    monkeypatch.setattr(logger, "propagate", True)
    before = (True, list(logger.handlers))
    split(SMILES, "butina", 4)
    assert (logger.propagate, list(logger.handlers)) == before


@pytest.mark.parametrize("splitter", ["scaffold", "butina", "fingerprint"])
def test_the_parts_of_a_split_are_the_whole(splitter):
    first, second = split(SMILES, splitter, 4)
    assert sorted([*first, *second]) == list(range(len(SMILES)))


def test_a_scaffold_split_shares_no_scaffold():
    first, second = split([*PYRIDINES, *BENZENES], "scaffold", 4)
    assert list(first) == [2, 3, 4, 5]
    assert {scaffold(PYRIDINES[i]) for i in second} == {"c1ccncc1"}


@pytest.mark.parametrize("n_first", [29, 57, 58])
def test_a_fingerprint_split_has_the_size_that_was_asked(n_first):
    first, _ = split(["C" * n for n in range(1, 101)], "fingerprint", n_first)
    assert len(first) == n_first


@pytest.mark.parametrize("n_first", [0, 6])
def test_a_split_with_an_empty_part_is_refused(n_first):
    with pytest.raises(EpisodeError, match="leaves a part empty"):
        split(SMILES, "scaffold", n_first)


def test_an_unknown_splitter_names_the_known_ones():
    with pytest.raises(ConfigError, match="scaffold, butina, fingerprint"):
        split(SMILES, "scafold", 4)


def test_a_split_of_what_does_not_parse_is_refused():
    with pytest.raises(MoleculeError):
        split(["nonsense", "CCO"], "scaffold", 1)


def test_a_support_by_scaffold_shares_none_with_its_query():
    episode = draw_by_splitter(assay([1, 0, 1, 0, 1, 0]), "scaffold", 4)
    assert (list(episode.support), list(episode.query)) == ([0, 1, 2, 3], [4, 5])
    assert list(episode.support_labels) == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("labels", "side"), [([1, 1, 1, 1, 0, 1], "support"), ([1, 0, 1, 0, 0, 0], "query")]
)
def test_a_split_with_one_class_is_refused(labels, side):
    with pytest.raises(EpisodeError, match=f"the {side} of a scaffold split"):
        draw_by_splitter(assay(labels), "scaffold", 4)


def test_a_dataset_becomes_rows_of_a_table():
    y = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [1, 0], [0, 1]])
    frame = table_of(dataset(y=y))
    assert list(frame.columns) == ["assay", "smiles", "active"]
    assert list(frame["active"]) == [*y[:, 0], *y[:, 1]]
    assert list(frame["smiles"]) == SMILES * 2
    assert str(frame["active"].dtype) == "int8"


def test_task_names_become_assay_names():
    deepchem = bridge.deepchem()

    disk = deepchem.data.DiskDataset.from_numpy(
        np.zeros(6), np.ones((6, 2)), ids=np.array(SMILES, object), tasks=["NR-AR", "SR-p53"]
    )
    assert list(table_of(disk)["assay"].unique()) == ["NR-AR", "SR-p53"]


def test_a_weight_of_zero_is_no_measurement():
    w = np.array([[1], [0], [1], [1], [0], [1]])
    assert len(table_of(dataset(w=w))) == 4


def test_one_weight_a_molecule_holds_for_all_tasks():
    y = np.tile([[1, 0]], (6, 1))
    assert len(table_of(dataset(y=y, w=np.array([[1], [0], [1], [1], [1], [1]])))) == 10


def test_a_missing_label_is_no_measurement():
    y = [[1.0], [np.nan], [0.0], [1.0], [0.0], [1.0]]
    assert len(table_of(dataset(y=y))) == 5


def test_measured_values_are_refused():
    with pytest.raises(TableError, match=r"got 6\.5"):
        table_of(dataset(y=[[1.0], [6.5], [0.0], [1.0], [0.0], [1.0]]))


def test_ids_that_are_no_text_are_refused():
    with pytest.raises(TableError, match="ids must be SMILES"):
        table_of(dataset(smiles=list(range(6))))


def test_a_model_predicts_for_deepchem_what_it_predicts_for_us():
    model = DeepChemModel(baseline("similarity"))
    model.fit(dataset())
    expected = baseline("similarity").adapt(SMILES, [1, 1, 1, 0, 0, 0]).predict(PYRIDINES)
    found = model.predict(dataset(smiles=PYRIDINES, y=[[1], [0]]))
    np.testing.assert_allclose(found[:, 0, 1], expected)
    np.testing.assert_allclose(found.sum(axis=2), 1)


def test_each_task_is_adapted_to_its_own_measurements():
    y = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1]])
    model = DeepChemModel(baseline("similarity"))
    model.fit(dataset(y=y, w=np.array([[1, 1]] * 5 + [[1, 0]])))
    expected = baseline("similarity").adapt(SMILES[:5], [0, 0, 0, 1, 1]).predict(SMILES)
    np.testing.assert_allclose(model.predict(dataset())[:, 1, 1], expected)


def test_deepchem_evaluates_a_model():
    deepchem = bridge.deepchem()

    model = DeepChemModel(baseline("similarity"))
    model.fit(dataset())
    score = model.evaluate(dataset(), [deepchem.metrics.Metric(deepchem.metrics.roc_auc_score)])
    assert score["roc_auc_score"] > 0.5


def test_predicting_before_fitting_is_refused():
    with pytest.raises(ConfigError, match="Call 'fit' first"):
        DeepChemModel(baseline("similarity")).predict(dataset())


def test_a_task_of_one_class_is_refused():
    with pytest.raises(EpisodeError, match="one class"):
        DeepChemModel(baseline("logistic_regression")).fit(dataset(y=np.ones((6, 1))))


def test_parts_of_a_dataset_are_compared_within_their_assay():
    model = DeepChemModel(load_pretrained())
    model.fit(dataset())
    predictor = load_pretrained().adapt(SMILES, [1, 1, 1, 0, 0, 0])
    expected = predictor.predict(PYRIDINES, among="assay")
    found = model.predict(dataset(smiles=PYRIDINES, y=[[1], [0]]))
    np.testing.assert_allclose(found[:, 0, 1], expected)
    assert not np.allclose(expected, predictor.predict(PYRIDINES))
