"""The molecule store that `enrich` keeps features in: it grows and never loses what it held."""

import pandas as pd
import pytest
from zoo import DRUGS

from molmeta import cli
from molmeta.assays.screens import stored
from molmeta.errors import ConfigError
from molmeta.molecules.compounds import compound
from molmeta.molecules.store import load_store, save_store, update

COMPOUNDS = [compound(text) for text in DRUGS]
ACTIVES = ["c1ccccc1S(=O)(=O)N" + "C" * n for n in range(8)]
INACTIVES = ["O" + "C" * n for n in range(1, 31)]


def frame(start, stop):
    chosen = COMPOUNDS[start:stop]
    return pd.DataFrame(
        {"smiles": [one.smiles for one in chosen], "inchikey": [one.inchikey for one in chosen]}
    )


def by_key(start, stop):
    return {one.inchikey: one.smiles for one in COMPOUNDS[start:stop]}


def whole(path, stop, names):
    save_store(update(None, by_key(0, stop), names), path)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "molecules.safetensors"


def test_a_store_is_made_where_there_is_none(path, tmp_path):
    stored(frame(0, 9), ("morgan",), path)
    assert path.read_bytes() == whole(tmp_path / "whole.safetensors", 9, ("morgan",))


def test_compounds_are_added_to_those_that_are_there(path, tmp_path):
    stored(frame(0, 6), ("morgan",), path)
    stored(frame(4, 9), ("morgan",), path)
    assert path.read_bytes() == whole(tmp_path / "whole.safetensors", 9, ("morgan",))


def test_new_compounds_get_the_blocks_that_are_there(path, tmp_path):
    stored(frame(0, 6), ("graph", "morgan"), path)
    stored(frame(4, 9), ("morgan",), path)
    assert path.read_bytes() == whole(tmp_path / "whole.safetensors", 9, ("graph", "morgan"))


def test_a_block_is_added_to_those_that_are_there(path, tmp_path):
    stored(frame(0, 9), ("graph",), path)
    stored(frame(0, 9), ("morgan",), path)
    assert path.read_bytes() == whole(tmp_path / "whole.safetensors", 9, ("graph", "morgan"))


@pytest.mark.parametrize("names", [("morgan",), ("morgan", "graph")])
def test_a_store_that_lacks_nothing_is_not_touched(path, names):
    stored(frame(0, 9), ("graph", "morgan"), path)
    before = path.stat()
    found = stored(frame(2, 5), names, path)
    after = path.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    assert len(found) == 9


def test_compounds_without_smiles_cannot_be_given_a_block(path):
    stored(frame(0, 6), ("graph",), path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"'morgan' .* 4 of its compounds"):
        stored(frame(4, 9), ("morgan",), path)
    assert path.read_bytes() == before


def test_another_tautomer_replaces_the_one_that_is_there(path):
    old, new = compound("Oc1ccccn1"), compound("O=c1cccc[nH]1")
    assert old.inchikey == new.inchikey
    stored(frame(0, 6), ("morgan",), path)
    for one in (old, new):
        asked = pd.DataFrame({"smiles": [one.smiles], "inchikey": [one.inchikey]})
        stored(asked, ("morgan",), path)
    alone = update(None, {new.inchikey: new.smiles}, ("morgan",))
    found = load_store(path)
    assert len(found) == 7
    assert found.reusable(alone.keys, alone.digests)[0] >= 0


def test_the_command_adds_to_its_store(path, tmp_path, monkeypatch):
    stored(frame(0, 9), ("graph", "morgan"), path)
    table = tmp_path / "screens.csv"
    active = [1] * len(ACTIVES) + [0] * len(INACTIVES)
    pd.DataFrame({"active": active, "smiles": ACTIVES + INACTIVES}).to_csv(table, index=False)
    words = f"enrich {table} --models similarity --supports actives:3,unrelated:3+3 --draws 1"
    words += f" --molecules {path} --output {tmp_path / 'rows.csv'}"
    monkeypatch.setattr("sys.argv", ["molmeta", *words.split()])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert not left.value.code
    found = load_store(path)
    assert list(found.molecules.blocks) == ["graph", "morgan"]
    assert len(found) == 9 + len(ACTIVES) + len(INACTIVES)
    assert len(pd.read_csv(tmp_path / "rows.csv")) == 2
