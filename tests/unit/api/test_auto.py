"""`molmeta.auto` from tables as chemists have them to a folder of results."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from chemist_tables import SMILES
from rdkit import Chem
from typer.testing import CliRunner

import molmeta
from molmeta import cli
from molmeta.errors import ConfigError, EpisodeError, TableError

ACTIVE = ["c1ccccc1O", "c1ccccc1N", "Cc1ccccc1O", "Cc1ccccc1N", "CCc1ccccc1O", "CCc1ccccc1N"]
INACTIVE = ["CCO", "CCCO", "CCCCO", "CCN", "CCCN", "CCCCN"]
VALUES = [7.5, 7.2, 7.1, 6.9, 6.8, 6.6, 5.4, 5.2, 5.1, 5.0, 4.8, 4.5]
LIBRARY = ["CCCCCO", "Oc1ccccc1CCC", "CCCl", *SMILES]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "export <b>.csv"
    pd.DataFrame({"Structure": ACTIVE + INACTIVE, "pIC50": VALUES}).to_csv(path, index=False)
    return path


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "library.smi"
    path.write_text("".join(f"{smiles} <i>{n}</i>\n" for n, smiles in enumerate(LIBRARY)))
    return path


def test_one_call_writes_a_folder(table, library, tmp_path):
    folder = tmp_path / "run"
    result = molmeta.auto(table, library, output=folder, quick=True)
    assert {"hits.csv", "index.html", "model.safetensors"} <= {p.name for p in folder.iterdir()}
    hits = pd.read_csv(folder / "hits.csv")
    assert len(hits) == len(LIBRARY)
    assert set(result.choice.candidates["candidate"])


def test_the_page_loads_nothing_and_takes_no_name_for_markup(table, library, tmp_path):
    molmeta.auto(table, library, output=tmp_path / "run", quick=True)
    page = (tmp_path / "run" / "index.html").read_text()
    assert "What to expect" in page
    assert "molmeta.auto(" in page
    assert "<b>" not in page.replace("<b>1</b>", "").split("<main>")[1].split('id="hits"')[0]
    assert "<i>0" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert " src=" not in page


def test_a_page_without_a_library(table, tmp_path):
    molmeta.auto(table, output=tmp_path / "run", quick=True)
    page = (tmp_path / "run" / "index.html").read_text()
    assert "&lt;b&gt;" in page
    assert not (tmp_path / "run" / "hits.csv").exists()


def test_the_model_is_one_file_like_any_other(table, tmp_path):
    result = molmeta.auto(table, output=tmp_path / "model.safetensors", quick=True)
    model = molmeta.load(tmp_path / "model.safetensors")
    support = result.reading
    again = model.adapt(*support.support, values=support.values)
    for among in ("assay", "library"):
        expected = result.predictor.predict(LIBRARY, among=among)
        np.testing.assert_allclose(again.predict(LIBRARY, among=among), expected, atol=2e-3)
    assert model.history["chosen"]["name"] == result.choice.name
    json.dumps(dict(model.history))


def test_the_ranking_that_is_not_trusted_comes_with_a_plate(table, library, tmp_path, monkeypatch):
    from molmeta.api import auto as module

    real = module.load_selector
    monkeypatch.setattr(module, "load_selector", lambda target: replace(real(target), trust=9.0))
    result = molmeta.auto(table, library, output=tmp_path / "run", quick=True)
    assert not result.choice.advice.trusted
    assert len(pd.read_csv(tmp_path / "run" / "next_plate.csv")) > 0
    assert "Do not trust" in (tmp_path / "run" / "index.html").read_text()


def test_values_refine_the_labels(table):
    same = molmeta.auto((ACTIVE + INACTIVE, [1] * 6 + [0] * 6), quick=True)
    graded = molmeta.auto(table, quick=True)
    assert graded.choice.features["values"] == 1.0
    if graded.choice.name == same.choice.name == "pretrained_graded":
        first, second = (r.predictor.predict(LIBRARY, among="assay") for r in (same, graded))
        assert not np.allclose(first, second)


def test_values_can_be_predicted(table):
    result = molmeta.auto(table, target="value", quick=True)
    found = result.predictor.predict(["CCCc1ccccc1O", "CCCCCO"])
    assert found[0] > found[1]
    assert 3 < found.min() < found.max() < 9


def test_values_that_are_missing_cannot_be_predicted():
    with pytest.raises(EpisodeError, match="values are missing; got none for 12"):
        molmeta.auto((ACTIVE + INACTIVE, [1] * 6 + [0] * 6), target="value")


def test_a_library_is_not_ranked_by_values(table, library):
    with pytest.raises(ConfigError, match="--target: a library is ranked by activity"):
        molmeta.auto(table, library, target="value")


def test_no_time_at_all_is_refused(table):
    with pytest.raises(ConfigError, match="--seconds: must be above 0"):
        molmeta.auto(table, seconds=0)


def test_too_little_time_for_one_candidate_leaves_what_earlier_assays_say(table):
    result = molmeta.auto(table, seconds=1e-9)
    assert result.choice.candidates["held_out"].isna().all()


def test_actives_alone_are_answered_with_a_warning():
    result = molmeta.auto((ACTIVE, [1] * 6), quick=True)
    assert result.choice.expected == {}
    assert "one class" in result.choice.advice.text


def test_two_assays_in_one_file_are_a_question(tmp_path):
    path = tmp_path / "two.csv"
    frame = pd.DataFrame({"smiles": ACTIVE + INACTIVE, "pIC50": VALUES})
    both = pd.concat([frame.assign(**{"Assay ChEMBL ID": name}) for name in ("A", "B")])
    both.to_csv(path, index=False)
    with pytest.raises(TableError, match="--assay"):
        molmeta.auto(path)
    assert molmeta.auto(path, assay="B", quick=True).reading.assay == "B"


def test_a_table_with_two_readings_is_a_question(tmp_path):
    path = tmp_path / "unclear.csv"
    pd.DataFrame({"smiles": ACTIVE + INACTIVE, "IC50": range(1, 13)}).to_csv(path, index=False)
    with pytest.raises(TableError, match="--"):
        molmeta.auto(path)


def test_the_same_seed_gives_the_same_choice(table):
    first, second = (molmeta.auto(table, quick=True, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(first.choice.candidates, second.choice.candidates)


def test_molecules_of_rdkit_are_accepted():
    mols = [Chem.MolFromSmiles(text) for text in ACTIVE + INACTIVE]
    smiles = [Chem.MolToSmiles(mol) for mol in mols]
    assert molmeta.auto((smiles, [1] * 6 + [0] * 6), quick=True).predictor.predict(mols).shape


def test_the_command_needs_file_names_only(table, library, tmp_path):
    words = ["auto", "--support", str(table), "--library", str(library)]
    done = CliRunner().invoke(cli.build(), [*words, "--output", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run" / "hits.csv").is_file()


def test_an_unknown_target_is_refused(table, tmp_path):
    words = ["auto", "--support", str(table), "--target", "vlaue"]
    done = CliRunner().invoke(cli.build(), [*words, "--output", str(tmp_path / "run")])
    assert isinstance(done.exception, ConfigError)
    assert "did you mean 'value'" in str(done.exception)
