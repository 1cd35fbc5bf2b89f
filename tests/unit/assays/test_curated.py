"""Assays from curated tables."""

import numpy as np
import pandas as pd
import pytest
from toy_training import assays, smiles, store

from molmeta.assays.assay import assays_of, read_curated
from molmeta.assays.training_data import TrainingData
from molmeta.errors import TableError
from molmeta.molecules.blocks import tensor_of


def curated(path):
    frame = pd.DataFrame({
        "assay": "a", "smiles": smiles(), "inchikey": [key.decode() for key in store().keys],
        "active": assays()[0].labels.astype(np.int8), "value": np.float32(6.0), "unit": "pX",
        "relation": "=", "target": "t", "cluster": "a",
    })  # fmt: skip
    frame.to_parquet(path)
    return read_curated([path])


def test_an_assay_holds_arrays_that_torch_takes_without_a_warning(tmp_path):
    (assay,) = assays_of(curated(tmp_path / "a.parquet"), store())
    for array in (assay.rows, assay.labels, assay.values):
        assert array.flags.writeable
        tensor_of(array)


def test_rows_are_those_of_the_store(tmp_path):
    found = assays_of(curated(tmp_path / "a.parquet"), store())
    assert np.array_equal(TrainingData(store().molecules, found).rows, np.arange(len(smiles())))
    assert np.array_equal(found[0].labels, assays()[0].labels)


def test_a_folder_stands_for_the_tables_in_it(tmp_path):
    expected = curated(tmp_path / "a.parquet")
    (tmp_path / "a.assays.csv").write_text("assay\na\n")
    pd.testing.assert_frame_equal(read_curated([tmp_path]), expected)


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(TableError, match="contains no curated table"):
        read_curated([tmp_path])
