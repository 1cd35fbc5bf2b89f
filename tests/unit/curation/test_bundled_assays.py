"""The bundled assays are whole, apart from each other, and usable."""

import pandas as pd
import pytest
from paths import DATA

from molmeta.curation.tables import find_tables, read_table


@pytest.fixture(scope="module")
def tables():
    return {place: read_table(path) for place, path in find_tables(DATA / "assays").items()}


def test_thirty_assays_ship(tables):
    splits = [split for split, _ in tables]
    assert [splits.count(split) for split in ("train", "valid", "test")] == [20, 4, 6]


def test_all_measurements_of_the_benchmark_are_there(tables):
    assert sum(map(len, tables.values())) == 48_714


def test_no_target_stands_in_two_splits(tables):
    targets = pd.DataFrame(
        [(split, frame["target"][0]) for (split, _), frame in tables.items()],
        columns=["split", "target"],
    )
    assert targets.groupby("target")["split"].nunique().max() == 1


def test_the_target_begins_with_the_identifier_of_the_assay(tables):
    for (_, name), frame in tables.items():
        assert set(frame["target"].str.split().str[0]) == {name.partition("_")[0]}


def test_hardly_a_compound_stands_on_both_sides(tables):
    train = {s for (split, _), f in tables.items() if split == "train" for s in f["smiles"]}
    for (split, _), frame in tables.items():
        assert split == "train" or frame["smiles"].isin(train).mean() < 0.01


def test_the_data_stays_under_five_megabytes():
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) < 5e6


def test_the_library_is_small():
    assert (DATA / "libraries" / "nci_5k.smi").stat().st_size < 300_000
