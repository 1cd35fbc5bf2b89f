"""The smallest inputs that once stopped a whole run, each with the error that names it now."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet
from report_inputs import SMALL, make
from typer.testing import CliRunner
from zoo import DRUGS

import molmeta
from molmeta.api import _inputs
from molmeta.assays.assay import read_curated
from molmeta.campaigns.plates import read_controls
from molmeta.cli import build
from molmeta.cli._options import mapping
from molmeta.curation.curate import Rules
from molmeta.curation.usertables import TableOptions, read_user_table
from molmeta.errors import (
    ConfigError,
    EpisodeError,
    ModelError,
    TableError,
)
from molmeta.models.files import load, save
from molmeta.models.model import Model
from molmeta.models.named import baseline, named
from molmeta.models.recipes import Recipe
from molmeta.report.page import report
from molmeta.runtime.parquetfiles import read_parquet, write_parquet
from molmeta.runtime.spreadsheets import as_written, write_frame
from molmeta.screening.hitfiles import invalid_file
from molmeta.training.checkpoints import Progress, restore_run, save_run
from molmeta.training.task import TrainingOptions
from molmeta.workflow.config import Config
from molmeta.workflow.names import check_names

UNUSABLE = ["C1=b(C)C=CC=C1", "F[P-](F)(F)(F)(F)F", "c1cc2ccc1" + "-c1ccc(cc1)" * 15 + "-2", "*CC"]
FRAME = pd.DataFrame({"smiles": ["CCO", "CCC", "CCN"], "active": [1, 0, 1]})
PANDAS = json.loads(pa.Table.from_pandas(FRAME).schema.metadata[b"pandas"])
FORMULA = "=cmd|' /C calc'!A0"


@pytest.fixture
def table(tmp_path):
    """Write a frame as Parquet, with other metadata of pandas."""

    def write(metadata=None, frame=FRAME):
        path = tmp_path / "a.parquet"
        content = pa.Table.from_pandas(frame)
        if metadata is not None:
            content = content.replace_schema_metadata({"pandas": json.dumps(metadata)})
        parquet.write_table(content, path)
        return path

    return write


@pytest.fixture
def small():
    recipe = Recipe("protonet", "fingerprint", {}, {"width": 8, "hidden": 8})
    return Model(recipe.build(0).eval(), recipe, {})


@pytest.mark.parametrize("smiles", UNUSABLE)
def test_an_unusable_structure_is_rejected_alone_wherever_it_comes_from(smiles):
    rows = pd.DataFrame({"smiles": [*DRUGS, smiles], "active": [1, 0] * 6 + [1]})
    curated = molmeta.curate(rows, rules=Rules(min_compounds=2, min_class=1))
    assert list(curated.dropped["reason"]) == ["invalid_smiles"]
    predictor = baseline("similarity").adapt(DRUGS, [1, 0] * 6)
    assert list(np.isnan(predictor.predict(["CCO", smiles]))) == [False, True]
    ranked = molmeta.screen((DRUGS, [1, 0] * 6), ["CCO", "CCN", smiles], model="similarity")
    assert len(ranked) == 2


@pytest.mark.parametrize(
    "metadata",
    [
        {}, [], {**PANDAS, "index_columns": ["nowhere"]}, {**PANDAS, "columns": 5},
        {**PANDAS, "columns": [{**one, "numpy_type": "x"} for one in PANDAS["columns"]]},
    ],
)  # fmt: skip
def test_metadata_of_pandas_does_not_decide_how_parquet_is_read(table, metadata):
    assert list(read_user_table(table(metadata)).rows["smiles"]) == ["CCO", "CCC", "CCN"]


def test_an_index_of_pandas_is_not_a_column(table):
    path = table(frame=FRAME.set_index(pd.Index([5, 6, 7])))
    assert list(read_parquet(path).columns) == ["smiles", "active"]


def test_text_that_is_not_utf_8_is_a_named_error(tmp_path):
    raw = pa.array([b"CCO", b"\xff\xfe"])
    text = pa.StringArray.from_buffers(2, raw.buffers()[1], raw.buffers()[2])
    parquet.write_table(pa.table({"smiles": text, "active": [1, 0]}), tmp_path / "a.parquet")
    with pytest.raises(TableError, match="UTF8"):
        read_user_table(tmp_path / "a.parquet")


def test_a_flipped_bit_in_the_data_of_a_table_is_found_by_its_checksum(tmp_path):
    path = tmp_path / "a.parquet"
    write_parquet(path, pd.DataFrame({"value": np.arange(1000.0)}))
    content = bytearray(path.read_bytes())
    content[600] ^= 1
    path.write_bytes(content)
    with pytest.raises((ValueError, OSError), match="CRC"):
        read_parquet(path)


@pytest.mark.parametrize(
    ("column", "value"), [("active", 3), ("active", "x"), ("smiles", None), ("value", "x")]
)
def test_a_curated_table_with_other_types_is_a_named_error(tmp_path, column, value):
    rows = pd.DataFrame({"smiles": DRUGS, "active": [1, 0] * 6})
    kept = molmeta.curate(rows, rules=Rules(min_compounds=2, min_class=1)).kept
    write_parquet(tmp_path / "a.parquet", kept.assign(**{column: value}))
    with pytest.raises(TableError, match=column):
        read_curated([tmp_path / "a.parquet"])


@pytest.mark.parametrize("header", ["smiles,active,active ", "smiles,active,active"])
def test_two_columns_of_one_name_are_refused(tmp_path, header):
    (tmp_path / "a.csv").write_text(f"{header}\nC,1,0\nCC,0,1\n")
    with pytest.raises(TableError, match="'active' occurs twice"):
        read_user_table(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "named"), [("active", "'active'"), ("", "'column 2', 'column 3'"), (0, "'0', '0.1'")]
)
def test_two_columns_of_one_name_in_a_frame_are_refused(name, named):
    frame = pd.DataFrame([["C", 1, 0], ["CC", 0, 1]], columns=["smiles", name, name])
    with pytest.raises(TableError, match=named):
        read_user_table(frame)


def test_a_header_that_is_nested_too_deep_is_a_named_error(tmp_path):
    header = ("[" * 100_000 + "]" * 100_000).encode()
    text = json.dumps({"__metadata__": {"molmeta": header.decode()}}).encode()
    (tmp_path / "a.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(ModelError, match="recursion"):
        load(tmp_path / "a.safetensors")


@pytest.mark.parametrize("value", [3e38, -1e30, float("nan")])
def test_weights_that_no_prediction_survives_are_refused(tmp_path, small, value):
    with torch.no_grad():
        next(small.learner.parameters()).fill_(value)
    save(small, tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match="values"):
        load(tmp_path / "a.safetensors")


def test_a_checkpoint_with_weights_that_are_not_finite_is_not_resumed(tmp_path, small):
    optimizer = torch.optim.Adam(small.learner.parameters())
    with torch.no_grad():
        next(small.learner.parameters()).fill_(float("nan"))
    save_run(tmp_path / "a.checkpoint", "f", small.learner, optimizer, Progress())
    with pytest.raises(ModelError, match="not finite"):
        restore_run(tmp_path / "a.checkpoint", "f", small.learner, optimizer)


@pytest.mark.parametrize(
    "make_options",
    [
        partial(TrainingOptions, threads=99_999_999_999),
        partial(Rules, spread=float("nan")),
        partial(Rules, thresholds={"a": float("inf")}),
    ],
)
def test_numbers_that_nothing_can_use_are_refused(make_options):
    with pytest.raises(ConfigError):
        make_options()


@pytest.mark.parametrize(
    "options", [{"width": 10**30}, {"width": 10**9}, {"layers": 10**8}, {"width": float("nan")}]
)
def test_sizes_that_no_machine_can_hold_are_refused_before_any_job(options):
    model = {"learner": "protonet", "encoder": "gine", "encoder_options": options}
    config = Config.from_mapping({"models": {"a": model}, "examples": "a/0", "screens": []})
    with pytest.raises(ConfigError, match=r"models\.a"):
        check_names(config, [])


@pytest.mark.parametrize(
    "setting", ["a=[", "learner.b=1", "a=!!python/name:os.system", "a=" + "[" * 5000]
)
def test_a_setting_that_is_no_value_is_refused(setting):
    with pytest.raises(ConfigError, match="--set"):
        mapping("{learner: x}", "--recipe", [setting])


def test_an_option_of_a_baseline_that_is_no_value_is_refused():
    with pytest.raises(ConfigError, match="'mode'"):
        named("similarity:mode=[")


def test_more_processes_than_any_machine_has_are_refused():
    words = ["curate", "a.csv", "--output", "b.parquet", "--cores", "99999999999"]
    assert CliRunner().invoke(build(), words).exit_code == 2


@pytest.mark.parametrize("threshold", ["1.2.3", "1e999", "inf", "nan", "."])
def test_a_threshold_that_is_no_number_is_refused(threshold):
    rows = pd.DataFrame({"smiles": DRUGS, "value": range(12), "unit": "nM"})
    with pytest.raises(ConfigError, match="--threshold"):
        read_user_table(rows, TableOptions(threshold=threshold))


def test_a_well_with_another_alphabet_s_digit_is_not_a_crash(tmp_path):
    (tmp_path / "controls.csv").write_text("well,compound,smiles\nA²,blank,C\n", encoding="utf-8")
    assert read_controls(tmp_path / "controls.csv")[0].well == "A²"


def test_formulas_are_text_in_every_table_and_come_back_as_they_were(tmp_path):
    frame = pd.DataFrame({"assay": [FORMULA, "a"], "value": [-1.5, 2.0], "raw": ["-1.5", "+A1"]})
    write_frame(tmp_path / "a.csv", frame)
    written = pd.read_csv(tmp_path / "a.csv", dtype=str)
    assert list(written["assay"]) == [f"'{FORMULA}", "a"]
    assert list(written["raw"]) == ["-1.5", "'+A1"]
    assert list(as_written(written["assay"])) == [FORMULA, "a"]


def test_curate_writes_no_formula(tmp_path):
    names = pd.DataFrame({"smiles": [*DRUGS, FORMULA], "active": [1, 0] * 6 + [1]})
    names.assign(assay=FORMULA).to_csv(tmp_path / "a.csv", index=False)
    words = ["curate", str(tmp_path / "a.csv"), "--set", "min_compounds=2"]
    words += ["--set", "min_class=1", "--output"]
    assert CliRunner().invoke(build(), [*words, str(tmp_path / "b.parquet")]).exit_code == 0
    for kind in ("dropped", "assays"):
        content = pd.read_csv(tmp_path / f"b.{kind}.csv", dtype=str)
        assert content["assay"].str.startswith("'=").all()


def test_the_tables_of_a_report_hold_no_formula(tmp_path):
    sources = make(
        tmp_path, SMALL.__class__(n_assays=2, supports=(16,), repeats=1, hostile=FORMULA)
    )
    report(sources, tmp_path / "report.html")
    cells = pd.read_csv(tmp_path / "report" / "assays.csv", dtype=str).to_numpy().ravel()
    assert f"'{FORMULA}" in cells
    assert FORMULA not in cells


def test_results_of_two_formats_have_their_own_lists_of_rejected_records(tmp_path):
    names = ("hits", "hits.csv.gz", "hits.parquet", "hits.tsv", "hits.txt")
    listed = {invalid_file(tmp_path / name).name for name in names}
    assert len(listed) == len(names)
    assert invalid_file(tmp_path / "hits.csv").name == "hits.invalid.csv"


@pytest.mark.parametrize("model", ["pretrained", "tanimoto_gp", "random_forest"])
def test_a_molecule_is_predicted_alike_alone_and_among_others(model):
    support = (DRUGS[:8], [1, 0] * 4)
    predictor = (molmeta.load() if model == "pretrained" else baseline(model)).adapt(*support)
    others = DRUGS * 10
    together = predictor.predict(others)[: len(DRUGS)]
    alone = [predictor.predict([smiles])[0] for smiles in DRUGS]
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-12)


def test_a_support_that_would_fill_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(_inputs, "LARGEST_SUPPORT", 8)
    with pytest.raises(EpisodeError, match="at most 8"):
        molmeta.screen((DRUGS, [1, 0] * 6), DRUGS, model="similarity")
