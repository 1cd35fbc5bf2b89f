"""`molmeta.auto` from tables as chemists have them to a folder of results."""

import json
import logging
import re
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
    assert "Ordering analogues in your own series" in page
    assert "molmeta.auto(" in page
    assert "<b>" not in page.replace("<b>1</b>", "").split("<main>")[1].split('id="hits"')[0]
    assert "<i>0" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert " src=" not in page


def text_of(page):
    """What a reader sees of a page, without code."""
    shown = re.sub(r"<(style|script|svg|code)\b.*?</\1>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", shown))


def test_library_and_series_are_two_statements_with_an_expectation_each(table, library, tmp_path):
    molmeta.auto(table, library, output=tmp_path / "run", quick=True)
    text = text_of((tmp_path / "run" / "index.html").read_text())
    about_library, about_series = text.split("Ordering analogues in your own series")
    assert "in the top" in about_library.split("What was read")[0]
    assert re.search(
        r"Finding actives in the library .* Expect [\d.]+ actives among", about_library
    )
    assert "A random choice of" in about_library
    assert "close analogues" not in about_library
    assert "another question than finding actives in the library" in about_series
    assert re.search(r"AUROC .* in the right order 0\.\d\d 0\.\d\d to [01]\.\d\d", about_series)
    assert "Do not trust" not in text


def test_models_have_plain_names_on_the_page_and_technical_ones_in_code(table, library, tmp_path):
    result = molmeta.auto(table, library, output=tmp_path / "run", quick=True)
    page = (tmp_path / "run" / "index.html").read_text()
    assert f"result.choice.name  # &#39;{result.choice.name}&#39;" in page
    text = text_of(page)
    assert "random forest on descriptors" in text
    for name in result.choice.candidates["candidate"]:
        assert "_" not in name or name not in text
    assert "profile_gp" not in text


def test_the_log_has_the_plain_names_of_the_page(table, caplog, monkeypatch):
    from molmeta.learners.similarity import Similarity

    def fails(_, __):
        raise EpisodeError("support: too strange")

    monkeypatch.setattr(Similarity, "adapt", fails)
    with caplog.at_level(logging.INFO):
        choice = molmeta.auto(table, quick=True).choice
    assert f"chosen: {choice.title}" in caplog.messages
    assert f"AUROC of {choice.title}: " in caplog.text
    assert "AUROC of similarity search: " in caplog.text
    assert "similarity search left out: support: too strange" in caplog.messages
    notes = choice.candidates.set_index("title")["note"]
    assert notes["similarity search"] == "similarity search: support: too strange"
    technical = {name for name in choice.candidates["candidate"] if "_" in name}
    assert technical
    assert not [name for name in technical if name in caplog.text]


def test_the_page_says_that_there_was_hardly_a_choice(table, tmp_path):
    result = molmeta.auto(table, output=tmp_path / "run", quick=True)
    text = text_of((tmp_path / "run" / "index.html").read_text())
    assert "of earlier assays too. Other models are sometimes better" in text
    said = "The others were not cross-validated" in text
    assert said == result.choice.certain


def test_actives_alone_have_a_page_that_compares_no_models(library, tmp_path):
    path = tmp_path / "actives.csv"
    pd.DataFrame({"smiles": ACTIVE, "active": "yes"}).to_csv(path, index=False)
    molmeta.auto(path, library, output=tmp_path / "run", quick=True)
    text = text_of((tmp_path / "run" / "index.html").read_text())
    assert "With compounds of one class, models cannot be compared" in text
    assert "What was tried" not in text
    assert "not chances of a hit" in text
    assert "actives among the first" not in text


def test_labels_alone_are_not_expected_to_be_better_than_values(table):
    """Expectations do not run away where a feature is unlike all earlier assays."""
    labels = molmeta.auto((ACTIVE + INACTIVE, [1] * 6 + [0] * 6), quick=True).choice
    assert "pretrained" not in set(labels.candidates["candidate"])
    graded = molmeta.auto(table, quick=True).choice
    for measure, most in (("auroc", 0.15), ("delta_auprc", 0.15)):
        for name in graded.expected:
            found = [one.expected[name][measure].value for one in (labels, graded)]
            assert abs(found[0] - found[1]) < most


def test_features_that_the_user_names_are_tried(table):
    choice = molmeta.auto(table, featurizer="descriptors", quick=True, seconds=600).choice
    rows = choice.candidates.set_index("candidate")
    named = [name for name in rows.index if name.endswith(":descriptors")]
    assert len(named) == 3
    assert rows.loc[named, "tried"].all()
    assert rows.loc["random_forest:descriptors", "title"] == "random forest on descriptors"


def test_unknown_features_are_refused_before_anything_is_read():
    with pytest.raises(ConfigError, match="did you mean 'morgan'"):
        molmeta.auto("no_such_file.csv", featurizer="mrogan")


def test_a_page_without_a_library(table, tmp_path):
    molmeta.auto(table, output=tmp_path / "run", quick=True)
    page = (tmp_path / "run" / "index.html").read_text()
    assert "finding actives in the library" not in page
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
    page = (tmp_path / "run" / "index.html").read_text()
    assert "Do not rely on the order of close analogues yet" in page
    assert "next_plate.csv lists compounds of the library" in page


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
    assert "nothing can be said about the order of analogues" in result.choice.advice.text


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
    assert "chosen=pretrained model, " in done.output
    assert "pretrained_" not in done.output


def test_an_unknown_target_is_refused(table, tmp_path):
    words = ["auto", "--support", str(table), "--target", "vlaue"]
    done = CliRunner().invoke(cli.build(), [*words, "--output", str(tmp_path / "run")])
    assert isinstance(done.exception, ConfigError)
    assert "did you mean 'value'" in str(done.exception)


def test_a_library_may_be_a_column_of_a_data_frame(table, tmp_path):
    library = pd.Series(LIBRARY[:5], index=list("pqrst"))
    molmeta.auto(table, library, output=tmp_path / "run", quick=True)
    assert set(pd.read_csv(tmp_path / "run" / "hits.csv")["id"]) == set(library.index)
    code = re.search(r"molmeta\.auto\((.*?)\)\n", (tmp_path / "run" / "index.html").read_text())[1]
    assert "&#39;, library, quick=True, output=" in code
