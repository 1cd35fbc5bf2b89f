"""The Python functions of the commands, as a user of a notebook calls them."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from rdkit.Chem import MolFromSmiles

import molmeta
from molmeta.campaigns.simulation import SimulationPlan
from molmeta.campaigns.suggest import PlatePlan
from molmeta.curation.curate import Rules
from molmeta.curation.tables import Layout
from molmeta.errors import ConfigError, EpisodeError, OutputError, TableError
from molmeta.evaluation import evaluate as evaluation
from molmeta.evaluation.enrichment import EnrichmentPlan
from molmeta.evaluation.evaluate import EvaluationPlan
from molmeta.models.files import save
from molmeta.models.model import AssayPredictor
from molmeta.models.named import baseline
from molmeta.screening.hits import COLUMNS

ACTIVE = ["c1ccccc1O", "c1ccccc1N", "Cc1ccccc1O", "Cc1ccccc1N", "CCc1ccccc1O", "CCc1ccccc1N"]
INACTIVE = ["CCO", "CCCO", "CCCCO", "CCN", "CCCN", "CCCCN"]
SMILES, LABELS = ACTIVE + INACTIVE, [1] * 6 + [0] * 6
LIBRARY = ["CCCCCO", "Oc1ccccc1CCC", "CCCl"]
FUNCTIONS = (
    "audit", "auto", "curate", "demo", "doctor", "enrich", "evaluate", "inspect", "load", "screen",
    "simulate", "suggest", "train", "tune", "FewShotClassifier", "FewShotRegressor",
)  # fmt: skip


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "my_assay.csv"
    pd.DataFrame({"smiles": SMILES, "active": LABELS}).to_csv(path, index=False)
    return path


@pytest.fixture
def curated(table):
    path = table.with_suffix(".parquet")
    molmeta.curate(table).kept.to_parquet(path)
    return path


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_there(name):
    assert callable(getattr(molmeta, name))
    assert name in dir(molmeta)


def test_another_name_is_not():
    with pytest.raises(AttributeError):
        _ = molmeta.scren


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, molmeta; found = {'torch', 'rdkit', 'pandas', 'numpy'} & set(sys.modules);"
        "sys.exit(bool(found))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_screen_takes_a_path_a_frame_or_smiles_and_labels(table):
    supports = (table, str(table), pd.read_csv(table), (SMILES, LABELS))
    tables = [molmeta.screen(one, LIBRARY, model="similarity") for one in supports]
    for frame in tables:
        pd.testing.assert_frame_equal(frame, tables[0])


def test_screen_returns_candidates_with_their_columns(table):
    found = molmeta.screen(table, LIBRARY, model="similarity", top=2)
    assert tuple(found.columns[: len(COLUMNS)]) == COLUMNS
    assert {"scaffold", "alerts", "inside_domain"} <= set(found.columns)
    assert len(found) == 2


def test_screen_ids_are_positions_in_the_library(table):
    found = molmeta.screen(table, LIBRARY, model="similarity")
    assert [LIBRARY[int(row)] for row in found["id"]] == list(found["smiles"])


def test_screen_of_a_file_gives_what_the_same_smiles_give(table, tmp_path):
    path = tmp_path / "library.smi"
    path.write_text("\n".join(LIBRARY))
    first, second = (
        molmeta.screen(table, library, model="similarity").drop(columns="id")
        for library in (path, LIBRARY)
    )
    pd.testing.assert_frame_equal(first, second)


def test_screen_of_every_compound_has_no_annotations(table):
    found = molmeta.screen(table, LIBRARY, model="similarity", top=None)
    assert tuple(found.columns) == COLUMNS
    assert len(found) == 3


def test_screen_keeps_the_names_of_a_column(table):
    library = pd.Series(LIBRARY, index=["hexanol", "propylphenol", "chloride"])
    found = molmeta.screen(table, library, model="similarity")
    assert dict(zip(found["id"], found["smiles"], strict=True)) == dict(library)


@pytest.mark.parametrize("kind", [list, np.array, pd.Series])
def test_a_model_takes_lists_arrays_and_columns(kind):
    predictor = molmeta.load("similarity").adapt(kind(SMILES), kind(LABELS))
    expected = molmeta.load("similarity").adapt(SMILES, LABELS).predict(LIBRARY)
    np.testing.assert_array_equal(predictor.predict(kind(LIBRARY)), expected)


def test_a_table_of_predictions_keeps_names():
    predictor = molmeta.load("similarity").adapt(SMILES, LABELS)
    found = predictor.predict_table(pd.Series(LIBRARY, index=["a", "b", "c"]))
    assert list(found.index) == ["a", "b", "c"]
    assert list(found["probability"]) == list(predictor.predict(LIBRARY))


def test_load_finds_baselines_and_names_the_closest():
    assert molmeta.load("similarity").recipe.learner == "similarity"
    with pytest.raises(ConfigError, match="Did you mean 'similarity'"):
        molmeta.load("similarty")


def test_models_have_short_names_for_a_notebook():
    model = molmeta.load()
    predictor = model.adapt(SMILES, LABELS)
    assert repr(model) == "Model('profile_gp', 4935 training assays)"
    assert repr(predictor) == "AssayPredictor('profile_gp', 12 compounds, 6 active)"


def test_demo_never_overwrites(tmp_path):
    first = molmeta.demo(tmp_path)
    assert all(path.stat().st_size for path in first)
    with pytest.raises(OutputError, match="File exists"):
        molmeta.demo(tmp_path)


def test_doctor_says_which_extras_are_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "altair", None)
    offered = molmeta.doctor()["extras"].partition("pip install")[2]
    assert "report" in offered


def test_doctor_fails_where_the_model_ranks_at_random(monkeypatch):
    monkeypatch.setattr(AssayPredictor, "predict", lambda _, smiles: np.arange(len(smiles)) % 7)
    assert molmeta.doctor()["self-test"].startswith("FAILED")


def test_screen_takes_rdkit_molecules_and_skips_what_is_missing(table):
    found = molmeta.screen(
        table, [MolFromSmiles("CCCCCO"), None, "CCCl", "CCBr"], model="similarity"
    )
    assert len(found) == 3


def test_screen_leaves_nothing_beside_the_support(table, tmp_path):
    molmeta.screen(table, LIBRARY, model="similarity")
    assert list(tmp_path.iterdir()) == [table]


def test_screen_refuses_words(table):
    with pytest.raises(TableError, match="--force"):
        molmeta.screen(table, ["not", "a", "library"], model="similarity")


@pytest.mark.parametrize("rank", [molmeta.screen, molmeta.suggest, molmeta.auto])
def test_a_misspelled_library_is_reported_before_anything_is_read(rank, tmp_path):
    right = tmp_path / "library.smi"
    right.touch()
    with pytest.raises(TableError, match=f"libary.smi.*Did you mean '{right}'"):
        rank(tmp_path / "absent.csv", tmp_path / "libary.smi")


@pytest.mark.parametrize("rank", [molmeta.screen, molmeta.suggest, molmeta.auto])
def test_a_pattern_without_files_is_reported_before_anything_is_read(rank, tmp_path):
    with pytest.raises(TableError, match=r"parts/\*\.smi: no file matches"):
        rank(tmp_path / "absent.csv", tmp_path / "parts" / "*.smi")


def test_screen_takes_a_loaded_model(table):
    model = molmeta.load()
    found = molmeta.screen(table, LIBRARY, model=model)
    pd.testing.assert_frame_equal(found, molmeta.screen(table, LIBRARY))


def test_screen_takes_a_threshold_on_values():
    frame = pd.DataFrame({"smiles": SMILES, "IC50 (nM)": range(50, 650, 50)})
    options = {"value_column": "IC50 (nM)", "threshold": 301}
    found = molmeta.screen(frame, LIBRARY, model="similarity", **options)
    expected = molmeta.screen((SMILES, LABELS), LIBRARY, model="similarity")
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("function", [molmeta.screen, molmeta.suggest])
def test_a_model_of_values_ranks_no_library(function, table):
    with pytest.raises(ConfigError, match="predicts measured values"):
        function(table, LIBRARY, model="tanimoto_gp:target=value")


def test_suggest_returns_the_plate(table):
    plan = PlatePlan(wells=24, explore=0, max_similarity=1)
    plate = molmeta.suggest(table, [*LIBRARY, ACTIVE[0]], model="tanimoto_gp", plan=plan)
    assert list(plate["well"]) == ["A1", "A2", "A3"]
    assert set(plate["smiles"]) == set(LIBRARY)


def test_curate_takes_a_frame_as_it_takes_its_file(table):
    rules = Rules(min_compounds=2, min_class=1)
    first, second = (
        molmeta.curate(item, rules=rules).kept.drop(columns=["assay", "cluster"])
        for item in (table, pd.read_csv(table))
    )
    pd.testing.assert_frame_equal(first, second)


def test_evaluate_returns_a_row_for_each_episode(curated):
    rows = molmeta.evaluate(
        "similarity", [curated], plan=EvaluationPlan(supports=(4, 6), repeats=2)
    )
    assert list(rows["support"]) == [4, 4, 6, 6]


def test_only_assays_that_are_new_or_changed_are_judged_again(curated, tmp_path, monkeypatch):
    first = pd.read_parquet(curated)
    pd.concat([first, first.assign(assay="second")]).to_parquet(tmp_path / "two.parquet")
    files = {"output": tmp_path / "metrics.parquet", "examples": tmp_path / "examples.parquet"}
    judged = []
    original = evaluation._assay_rows

    def counted(learner, assay, *rest):
        judged.append(assay.name)
        return original(learner, assay, *rest)

    monkeypatch.setattr(evaluation, "_assay_rows", counted)

    def evaluated(table, seed=0):
        judged.clear()
        plan = EvaluationPlan(supports=(4,), repeats=2, seed=seed)
        return molmeta.evaluate("similarity", [table], plan=plan, **files), list(judged)

    name = first["assay"][0]
    assert evaluated(curated)[1] == [name]
    assert evaluated(curated)[1] == []
    rows, again = evaluated(tmp_path / "two.parquet")
    assert again == ["second"]
    timeless = rows.drop(columns=["adapt_seconds", "predict_seconds"])
    files["output"].unlink()
    whole, again = evaluated(tmp_path / "two.parquet")
    assert again == [name, "second"]
    pd.testing.assert_frame_equal(whole[timeless.columns], timeless)
    assert list(pd.read_parquet(files["examples"])["assay"].unique()) == [name, "second"]
    first.assign(active=1 - first["active"]).to_parquet(tmp_path / "changed.parquet")
    assert evaluated(tmp_path / "changed.parquet")[1] == [name]
    assert evaluated(tmp_path / "changed.parquet", seed=1)[1] == [name]


def test_evaluate_refuses_sizes_that_no_assay_can_fill(curated):
    with pytest.raises(EpisodeError):
        molmeta.evaluate("similarity", [curated], plan=EvaluationPlan(supports=(64,), repeats=2))


def test_evaluate_warns_of_a_size_that_no_assay_can_fill(curated, caplog):
    rows = molmeta.evaluate(
        "similarity", [curated], plan=EvaluationPlan(supports=(4, 64), repeats=1)
    )
    assert list(rows["reason"].ne("")) == [False, True]
    assert "64" in caplog.text


def test_simulate_returns_a_row_for_each_round(curated):
    plan = SimulationPlan(start=4, batch=2, rounds=2, policies=("greedy",), repeats=1)
    rows = molmeta.simulate([curated], model="similarity", plan=plan)
    assert set(rows["round"]) == {0, 1, 2}


def test_audit_returns_a_row_for_each_assay(curated, tmp_path):
    path = tmp_path / "test" / "a.parquet"
    path.parent.mkdir()
    curated.rename(path)
    assert list(molmeta.audit([path])["assay"]) == ["my_assay"]


def test_train_featurizes_and_returns_a_model_that_adapts(curated, tmp_path):
    from molmeta.training.task import TrainingOptions

    other = tmp_path / "other.parquet"
    pd.read_parquet(curated).assign(assay="other").to_parquet(other)
    sizes = {"supports": [4], "validation_supports": [4], "n_query": 4}
    training = TrainingOptions(steps=2, episodes=1, validate_every=1, validation_repeats=1, **sizes)
    recipe = {"learner": "protonet", "encoder": "fingerprint", "encoder_options": {"width": 8}}
    trained = molmeta.train([curated], valid=[other], recipe=recipe, training=training)
    assert len(trained.log) == 2
    assert trained.model.adapt(SMILES, LABELS).predict(LIBRARY).shape == (3,)


@pytest.fixture
def measured_table(tmp_path):
    path = tmp_path / "measured.csv"
    values = [5, 20, 90, 200, 400, 700, 5000, 9000, 12000, "20000", ">30000", "n.d."]
    pd.DataFrame({"SMILES": SMILES, "IC50": values, "Units": ["nM"] * 12}).to_csv(path, index=False)
    return path


def test_inspect_gives_columns_threshold_and_rows_left_out(measured_table):
    found = molmeta.inspect(measured_table)
    roles = dict(zip(found.columns["column"], found.columns["taken for"], strict=True))
    assert roles == {"SMILES": "structure", "IC50": "value", "Units": "unit"}
    assert "median" in found.facts["activity threshold"]
    assert found.dropped[["rows", "first row"]].to_numpy().tolist() == [[1, 13]]
    assert not found.question


def test_the_options_and_the_config_of_inspect_give_the_same_reading(measured_table):
    found = molmeta.inspect(measured_table)
    layout = Layout.from_mapping(found.layout)
    first, second = (
        molmeta.curate(measured_table, rules=Rules(min_compounds=2, min_class=1), layout=given)
        for given in (None, layout)
    )
    pd.testing.assert_frame_equal(first.kept, second.kept)
    assert found.options == "--smiles-column SMILES --value-column IC50"


def test_inspect_has_no_layout_for_what_only_the_detection_reads(measured_table):
    text = measured_table.read_text().replace("20000,", "20000 nM,")
    measured_table.write_text(text)
    assert molmeta.inspect(measured_table).layout == {}


def test_inspect_of_an_unclear_table_gives_the_question_and_the_columns(measured_table):
    text = measured_table.read_text().replace("Units", "Lab").replace("nM", "x")
    measured_table.write_text(text.replace(">30000", "30"))
    found = molmeta.inspect(measured_table)
    assert "--unit" in found.question
    assert len(found.columns) == 3


def test_inspect_lists_the_assays_of_a_table(measured_table):
    frame = pd.read_csv(measured_table)
    two = pd.concat([frame.assign(assay="a"), frame.assign(assay="b")])
    found = molmeta.inspect(two)
    assert sorted(found.assays["assay"]) == ["a", "b"]
    assert "--assay" in found.question
    assert not molmeta.inspect(two, assay="b").question


def test_inspect_refuses_a_curated_table(curated):
    with pytest.raises(TableError, match="curated"):
        molmeta.inspect(curated)


def test_enrich_refuses_two_models_that_would_have_one_name(tmp_path):
    actives = [f"c1ccccc1S(=O)(=O)N{'C' * n}" for n in range(8)]
    inactives = [f"O{'C' * n}" for n in range(1, 31)]
    table, labels = tmp_path / "screen.csv", [1] * 8 + [0] * 30
    pd.DataFrame({"smiles": actives + inactives, "active": labels}).to_csv(table, index=False)
    models = [tmp_path / folder / "model.safetensors" for folder in ("first", "second")]
    for model in models:
        save(baseline("similarity"), model)
    plan = EnrichmentPlan(("actives:3",), draws=1)
    assert len(molmeta.enrich([table], models=[str(models[0])], plan=plan)) == 1
    with pytest.raises(ConfigError, match="--models: two models get one name in the table"):
        molmeta.enrich([table], models=list(map(str, models)), plan=plan)


def test_audit_refuses_two_tables_of_one_name_in_a_split(curated, tmp_path):
    paths = [tmp_path / folder / "train" / "assays.parquet" for folder in ("first", "second")]
    for path in paths:
        path.parent.mkdir(parents=True)
        path.write_bytes(curated.read_bytes())
    with pytest.raises(TableError, match="another table of 'train' has this name; got 'assays'"):
        molmeta.audit(paths)
