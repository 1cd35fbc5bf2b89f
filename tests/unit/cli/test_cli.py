from __future__ import annotations

import os
import re
import subprocess
import sys

import pandas as pd
import pytest

from molmeta import cli
from molmeta.cli import _options
from molmeta.errors import ConfigError
from molmeta.models.files import save
from molmeta.models.named import baseline
from molmeta.report.curves import draw_curve
from molmeta.runtime import console
from molmeta.version import __version__

ACTIVE = ["c1ccccc1O", "c1ccccc1N", "Cc1ccccc1O", "Cc1ccccc1N", "CCc1ccccc1O", "CCc1ccccc1N"]
INACTIVE = ["CCO", "CCCO", "CCCCO", "CCN", "CCCN", "CCCCN"]


@pytest.fixture
def molmeta(monkeypatch, capsys):
    """Give a function that runs the command and returns its exit status and what it said."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["molmeta", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = capsys.readouterr()
        return left.value.code or 0, said.out, said.err

    return run


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "test" / "my assay.csv"
    path.parent.mkdir()
    labels = [1] * len(ACTIVE) + [0] * len(INACTIVE) + [1]
    frame = pd.DataFrame({"smiles": [*ACTIVE, *INACTIVE, "no molecule"], "active": labels})
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "library.smi"
    path.write_text("CCCCCO far\nOc1ccccc1CCC near\nnonsense bad\n")
    return path


def test_importing_the_package_does_not_import_torch():
    code = "import sys, molmeta, molmeta.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_building_the_command_does_not_import_torch():
    code = "import sys; from molmeta import cli; cli.build(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("screen", "-h")])
def test_help_is_shown_and_is_no_mistake(molmeta, words):
    status, out, _ = molmeta(*words)
    assert status == 0
    assert out.startswith("Usage: molmeta")


def test_molmeta_alone_shows_the_three_commands_most_people_want(molmeta):
    status, out, _ = molmeta()
    shown = [line.split()[1] for line in out.splitlines() if line.startswith("  molmeta ")]
    assert (status, shown) == (0, ["auto", "screen", "suggest"])


def test_help_is_fast():
    code = (
        "import sys; from molmeta import cli; cli.build();"
        "sys.exit(bool({'torch', 'rdkit', 'pandas', 'numpy', 'rich'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_bash_completes_the_name_of_a_command():
    asked = {"_MOLMETA_COMPLETE": "complete_bash", "COMP_WORDS": "molmeta sc", "COMP_CWORD": "1"}
    words = [sys.executable, "-c", "from molmeta.cli import main; main()"]
    done = subprocess.run(words, env={**os.environ, **asked}, capture_output=True, text=True)
    assert done.stdout.split() == ["screen"]


def test_quiet_shows_no_log(molmeta, table, library, tmp_path):
    words = ("screen", "--support", table, "--library", library, "--model", "similarity")
    assert "expected hits" in molmeta(*words, "--output", tmp_path / "a.csv")[2]
    said = molmeta(*words, "--quiet", "--output", tmp_path / "b.csv")[2].splitlines()
    assert len(said) == 1
    assert "rows left out" in said[0]


def test_verbose_shows_where_a_mistake_arose(molmeta, tmp_path):
    status, _, err = molmeta("info", tmp_path / "absent.safetensors", "--verbose")
    assert status == 2
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("molmeta: error: ")


@pytest.mark.parametrize("name", ["Pretraned", "TANIMOTO_GP", "similarty"])
def test_a_misspelled_model_gets_the_closest_one(molmeta, name):
    close = {"P": "pretrained", "T": "tanimoto_gp", "s": "similarity"}[name[0]]
    assert f"Did you mean '{close}'?" in molmeta("info", name)[2]


@pytest.mark.parametrize("name", ["shipped", "Shiped"])
def test_the_former_name_of_the_model_gets_its_new_one(molmeta, name):
    status, _, err = molmeta("info", name)
    assert status == 2
    assert err.endswith("'shipped' has a new name; use 'pretrained'.\n")


def test_a_misspelled_folder_gets_the_closest_one(molmeta, table, library, tmp_path):
    wrong = tmp_path / "tset" / table.name
    words = ("--support", wrong, "--library", library, "--output", tmp_path / "r.csv")
    assert f"Did you mean '{tmp_path / 'test'}'?" in molmeta("screen", *words)[2]


def test_the_commands_most_people_want_come_first(molmeta):
    out = molmeta("--help")[1]
    places = [out.index(f"\n  {name} ") for name in ("screen", "suggest", "evaluate", "audit")]
    assert places == sorted(places)


@pytest.mark.parametrize("command", [["molmeta"], ["molmeta", "--version"]])
def test_the_package_runs_as_a_module(command):
    words = [sys.executable, "-m", *command]
    assert subprocess.run(words, check=False, capture_output=True).returncode == 0


def test_the_version_is_told(molmeta):
    assert __version__ in molmeta("--version")[1]


def test_a_misspelled_command_gets_the_closest_one(molmeta):
    status, _, err = molmeta("scren")
    assert status == 2
    assert "'screen'" in err


@pytest.mark.parametrize("option", ["--support", "--library"])
def test_a_misspelled_path_gets_the_closest_one(molmeta, table, library, tmp_path, option):
    paths = {"--support": table, "--library": library}
    paths[option] = (right := paths[option]).with_name(right.name.replace("y", "yy"))
    words = [word for pair in paths.items() for word in pair]
    status, _, err = molmeta(
        "screen", *words, "--model", "similarity", "--output", tmp_path / "r.csv"
    )
    assert status == 2
    assert f"Did you mean '{right}'?" in err


def test_mistake_of_the_user_is_one_line_and_status_2(molmeta, tmp_path):
    status, out, err = molmeta("info", tmp_path / "absent.safetensors")
    assert (status, out) == (2, "")
    assert err.startswith("molmeta: error: ")
    assert len(err.splitlines()) == 1


def test_unknown_option_is_status_2(molmeta):
    assert molmeta("learners", "--nonsense")[0] == 2


def test_failure_of_ours_keeps_its_traceback(monkeypatch):
    def fail():
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "build", lambda: lambda **_: fail())
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_curate_writes_the_table_and_what_became_of_its_rows(molmeta, table, tmp_path):
    output = tmp_path / "curated" / "test" / "my assay.parquet"
    status, _, err = molmeta("curate", table, "--output", output)
    assert status == 0, err
    assert len(pd.read_parquet(output)) == 12
    assert list(pd.read_csv(output.with_name("my assay.dropped.csv"))["row"]) == [14]
    assert list(pd.read_csv(output.with_name("my assay.assays.csv"))["status"]) == ["ok"]


def test_curate_takes_rules(molmeta, table, tmp_path):
    output = tmp_path / "curated.parquet"
    status, _, _ = molmeta("curate", table, "--set", "min_compounds=50", "--output", output)
    assert status == 0
    assert pd.read_parquet(output).empty


def test_curate_takes_a_layout(molmeta, table, tmp_path):
    renamed = pd.read_csv(table).rename(columns={"smiles": "Structure"})
    renamed.to_csv(table, index=False)
    words = ("--layout", "{columns: {smiles: Structure}}", "--output", tmp_path / "c.parquet")
    assert molmeta("curate", table, *words)[0] == 0


def test_curate_refuses_an_unknown_rule_and_writes_nothing(molmeta, table, tmp_path):
    output = tmp_path / "c.parquet"
    status, _, err = molmeta("curate", table, "--rules", "{min_compound: 9}", "--output", output)
    assert status == 2
    assert "'min_compound'" in err
    assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == [table.parent]


def test_audit_takes_the_split_from_the_folder(molmeta, table, tmp_path):
    paths = [tmp_path / "curated" / split / f"{split}.parquet" for split in ("train", "test")]
    for path in paths:
        molmeta("curate", table, "--output", path)
    for path in paths:
        frame = pd.read_parquet(path)
        frame.assign(assay=path.stem).to_parquet(path)
    status, _, err = molmeta("audit", *paths, "--output", tmp_path / "audit.csv")
    assert status == 0, err
    found = pd.read_csv(tmp_path / "audit.csv").set_index("assay")
    assert found.loc["test", "exact_overlap"] == 1
    assert not found.loc["test", "clean"]


def test_audit_refuses_a_table_outside_the_splits(molmeta, table, tmp_path):
    path = tmp_path / "curated" / "mine" / "a.parquet"
    molmeta("curate", table, "--output", path)
    status, _, err = molmeta("audit", path, "--output", tmp_path / "audit.csv")
    assert status == 2
    assert "the folder 'mine'" in err


def test_featurize_goes_on_from_the_store_that_is_there(molmeta, table, tmp_path):
    curated, store = tmp_path / "c.parquet", tmp_path / "store.safetensors"
    molmeta("curate", table, "--output", curated)
    molmeta("featurize", curated, "--output", store)
    _, _, err = molmeta("featurize", curated, "--output", store)
    assert "known_before=12" in err


def test_featurize_takes_a_model_for_a_library_alone(molmeta, table, library, tmp_path):
    output = tmp_path / "library.safetensors"
    status, _, _ = molmeta("featurize", library, "--model", "pretrained", "--output", output)
    assert status == 0
    curated = tmp_path / "a.parquet"
    molmeta("curate", table, "--output", curated)
    status, _, err = molmeta("featurize", curated, "--model", "pretrained", "--output", output)
    assert status == 2
    assert "--model" in err


def test_featurize_makes_a_store_anew_that_cannot_be_read(molmeta, table, tmp_path):
    curated, store = tmp_path / "c.parquet", tmp_path / "store.safetensors"
    molmeta("curate", table, "--output", curated)
    store.write_bytes(b"of another version")
    status, _, err = molmeta("featurize", curated, "--output", store)
    assert status == 0
    assert "known_before=0" in err


def test_evaluate_takes_an_baseline_and_a_raw_table(molmeta, table, tmp_path):
    output = tmp_path / "metrics.parquet"
    words = ("--supports", "4,6", "--repeats", "2", "--output", output)
    status, _, err = molmeta("evaluate", "similarity", table, *words)
    assert status == 0, err
    rows = pd.read_parquet(output)
    assert sorted(rows["support"]) == [4, 4, 6, 6]
    assert set(rows["assay"]) == {"my assay"}


def test_evaluate_refuses_sizes_that_are_none(molmeta, table, tmp_path):
    output = tmp_path / "metrics.parquet"
    status, _, err = molmeta(
        "evaluate", "similarity", table, "--supports", "4;6", "--output", output
    )
    assert status == 2
    assert "--supports" in err
    assert "'4;6'" in err


def test_evaluate_refuses_sizes_that_no_assay_can_fill(molmeta, table, tmp_path):
    output = tmp_path / "metrics.parquet"
    words = ("--supports", "512,1024", "--output", output)
    status, _, err = molmeta("evaluate", "similarity", table, *words)
    assert status == 2
    assert "512" in err
    assert not output.exists()


@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="DeepChem's last release ends at Python 3.11"
)
def test_evaluate_splits_by_scaffold(molmeta, table, tmp_path):
    output = tmp_path / "metrics.parquet"
    smiles = [f"{tail}{ring}" for ring in ("c1ccccc1", "c1ccncc1", "C1CCCCC1", "c1ccsc1")
              for tail in ("C", "CC", "CCC", "CO")]  # fmt: skip
    pd.DataFrame({"smiles": smiles, "active": [1, 0] * 8}).to_csv(table, index=False)
    words = ("--supports", "8", "--split", "scaffold", "--output", output)
    status, _, err = molmeta("evaluate", "similarity", table, *words)
    assert status == 0, err
    rows = pd.read_parquet(output)
    assert (list(rows["repeat"]), list(rows["n_support"])) == ([0], [8])


def test_evaluate_refuses_a_misspelled_splitter(molmeta, table, tmp_path):
    words = ("--split", "scafold", "--output", tmp_path / "metrics.parquet")
    status, _, err = molmeta("evaluate", "similarity", table, *words)
    assert status == 2
    assert "'scaffold'" in err


def test_evaluate_reads_values_with_a_threshold(molmeta, table, tmp_path):
    output = tmp_path / "metrics.parquet"
    frame = pd.DataFrame({"SMILES": ACTIVE + INACTIVE, "IC50 (nM)": range(50, 650, 50)})
    frame.to_csv(table, index=False)
    words = ("--value-column", "IC50 (nM)", "--threshold", "301 nM", "--supports", "4")
    status, _, err = molmeta(
        "evaluate", "similarity", table, *words, "--repeats", "1", "--output", output
    )
    assert status == 0, err
    rows = pd.read_parquet(output)
    assert rows["n_query_active"].sum() + rows["n_support_active"].sum() == 6


def test_screen_ranks_a_library_with_an_baseline(molmeta, table, library, tmp_path):
    output = tmp_path / "ranked.csv"
    words = ("--support", table, "--library", library, "--model", "similarity", "--output", output)
    status, _, err = molmeta("screen", *words)
    assert status == 0, err
    assert list(pd.read_csv(output)["id"]) == ["near", "far"]
    assert list(pd.read_csv(tmp_path / "ranked.invalid.csv")["line"]) == [3]


def test_screen_takes_a_model_file(molmeta, table, library, tmp_path):
    model = tmp_path / "model.safetensors"
    save(baseline("similarity"), model)
    words = ("--support", table, "--library", library, "--model", model)
    assert molmeta("screen", *words, "--output", tmp_path / "ranked.csv")[0] == 0


def test_screen_draws_a_support_of_the_asked_size(molmeta, table, library, tmp_path):
    words = ("--support", table, "--library", library, "--model", "similarity", "--size", "4")
    _, _, err = molmeta("screen", *words, "--output", tmp_path / "ranked.csv")
    assert "compounds: 4, " in err


def test_screen_without_a_model_takes_the_one_that_ships(molmeta, table, library, tmp_path):
    words = ("--support", table, "--library", library)
    probabilities = []
    for model in ((), ("--model", "pretrained"), ("--model", "similarity")):
        output = tmp_path / "ranked.csv"
        status, _, err = molmeta("screen", *words, *model, "--output", output)
        assert status == 0, err
        probabilities.append(list(pd.read_csv(output)["probability"]))
    assert probabilities[0] == probabilities[1] != probabilities[2]


def test_screen_asks_which_of_several_assays_is_meant(molmeta, table, library, tmp_path):
    frame = pd.read_csv(table)
    pd.concat([frame.assign(assay="a"), frame.assign(assay="b")]).to_csv(table, index=False)
    words = ("--support", table, "--library", library, "--model", "similarity")
    status, _, err = molmeta("screen", *words, "--output", tmp_path / "ranked.csv")
    assert status == 2
    assert "expected one of ['a', 'b']" in err
    chosen = molmeta("screen", *words, "--assay", "b", "--output", tmp_path / "ranked.csv")
    assert chosen[0] == 0


def test_learners_names_each_with_its_idea(molmeta):
    _, out, _ = molmeta("learners")
    names = [line.split()[0] for line in out.splitlines()]
    assert {"protonet", "maml", "mann", "similarity"} <= set(names)
    assert all(len(line.split()) > 3 for line in out.splitlines())


def test_info_tells_the_recipe(molmeta, tmp_path):
    path = tmp_path / "model.safetensors"
    save(baseline("similarity"), path)
    assert "learner: similarity" in molmeta("info", path)[1]


@pytest.mark.parametrize("steps", [1, 2000])
def test_learning_curve_is_a_picture_of_its_own(tmp_path, steps):
    log = pd.DataFrame({"step": range(1, steps + 1), "loss": 0.5, "valid": [0.1] * steps})
    path = tmp_path / "curve.svg"
    draw_curve(log, path)
    text = path.read_text()
    assert text.startswith("<svg")
    assert "validation ΔAUPRC" in text
    assert len(text) < 200_000


def test_mapping_is_read_from_a_file_and_overridden(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("learner: maml\ntraining: {steps: 5}\n")
    found = _options.mapping(str(path), "--recipe", ["training.steps=7", "encoder=gine"])
    assert found == {"learner": "maml", "training": {"steps": 7}, "encoder": "gine"}


@pytest.mark.parametrize("text", ["[1, 2]", "{a: [}", "words"])
def test_what_is_no_mapping_is_refused(text):
    with pytest.raises(ConfigError, match="--recipe"):
        _options.mapping(text, "--recipe")


@pytest.mark.parametrize(
    ("verb", "old", "new"),
    [
        ("enrich", "--without-memory", "--without-records"),
        ("evaluate", "--query", "--n-query"),
        ("simulate", "--without-memory", "--without-records"),
        ("suggest", "--plate=24", "--wells"),
    ],
)
def test_a_renamed_option_is_refused_with_its_new_name(molmeta, verb, old, new):
    status, _, err = molmeta(verb, old)
    assert (status, err.count("\n")) == (2, 1)
    assert new in err


def test_progress_without_a_terminal_is_a_line_for_every_5_percent(caplog):
    caplog.set_level("INFO", logger="molmeta")
    with console.bar(200, "steps") as advance:
        for _ in range(200):
            advance(1)
    assert len(caplog.messages) == 20
    assert re.fullmatch(r"steps: 100 of 200 \(50 %\), [\d,]+/s, 0:00:00 left", caplog.messages[9])


def test_progress_of_unknown_length_is_a_line_now_and_then(caplog):
    caplog.set_level("INFO", logger="molmeta")
    with console.bar(None, "compounds") as advance:
        for _ in range(25):
            advance(10_000)
    assert [text.partition(",")[0] for text in caplog.messages] == [
        "compounds: 100000 done",
        "compounds: 200000 done",
    ]


@pytest.mark.parametrize(
    ("speed", "text"), [(None, ""), (1234.5, "1,234/s"), (0.5, "30.0/min"), (0.0, "")]
)
def test_rates_are_for_people(speed, text):
    assert console._rate(speed) == text


def test_screen_explains_hits_tells_what_to_expect_and_draws_them(
    molmeta, tmp_path, table, library
):
    output, page = tmp_path / "ranked.csv", tmp_path / "hits.html"
    words = ("--support", table, "--library", library, "--model", "similarity")
    status, _, err = molmeta("screen", *words, "--output", output, "--report", page)
    assert status == 0
    assert pd.read_csv(output)["molecular_weight"].tolist() == [136.19, 88.15]
    assert "2 of 2 candidates" in page.read_text()
    assert "expected hits assume a prevalence of 0.005" in err


def test_screen_estimates_the_prevalence_and_says_so(molmeta, tmp_path, table, library):
    page = tmp_path / "hits.html"
    words = ("--support", table, "--library", library, "--model", "similarity", "--report", page)
    status, _, err = molmeta(
        "screen", *words, "--output", tmp_path / "ranked.csv", "--prevalence", "estimate"
    )
    assert status == 0
    assert "prevalence, estimated from the scores: " in err
    assert "estimated from the scores (80 % interval 0 % to " in page.read_text()
    assert "expected hits assume a prevalence of" not in err


def test_a_prevalence_that_is_no_number_is_refused(molmeta, tmp_path, table, library):
    words = ("--support", table, "--library", library, "--output", tmp_path / "ranked.csv")
    status, _, err = molmeta("screen", *words, "--prevalence", "much")
    assert status == 2
    assert "--prevalence" in err
    assert "'much'" in err


def test_screen_warns_where_the_support_says_that_the_model_fails(molmeta, tmp_path, library):
    table, output = tmp_path / "noise.csv", tmp_path / "ranked.csv"
    labels = [0, 1] * (len(ACTIVE + INACTIVE) // 2)
    pd.DataFrame({"smiles": ACTIVE + INACTIVE, "active": labels}).to_csv(table, index=False)
    words = ("--support", table, "--library", library, "--model", "similarity")
    _, _, err = molmeta("screen", *words, "--output", output)
    assert "WARNING" in err or "50 % is chance" in err


def test_page_of_every_compound_is_refused(molmeta, tmp_path, table, library):
    words = ("--support", table, "--library", library, "--output", tmp_path / "ranked.csv")
    status, _, err = molmeta("screen", *words, "--top", 0, "--report", tmp_path / "hits.html")
    assert status == 2
    assert "--report" in err


def test_screen_of_actives_alone_with_similarity(molmeta, tmp_path, library):
    table, output = tmp_path / "actives.csv", tmp_path / "ranked.csv"
    pd.DataFrame({"smiles": ACTIVE, "active": 1}).to_csv(table, index=False)
    words = ("--support", table, "--library", library, "--model", "similarity")
    status, _, err = molmeta("screen", *words, "--output", output)
    assert status == 0, err
    assert list(pd.read_csv(output)["id"]) == ["near", "far"]


@pytest.mark.parametrize("verb", ["screen", "featurize"])
@pytest.mark.parametrize(
    ("name", "word"),
    [("book.xlsx", "complete workbook"), ("paper.pdf", "--force"), ("README.md", "--force")],
)
def test_a_file_that_is_not_a_library_is_refused(molmeta, tmp_path, table, verb, name, word):
    path = tmp_path / name
    contents = {
        "book.xlsx": b"PK\x03\x04\x14\0\x06\0\x08\n\0\0!\0",
        "paper.pdf": b"%PDF-1.7\n1 0 obj\n",
    }
    path.write_bytes(contents.get(name, b"# molmeta\n\nRank a library.\n"))
    given = ("--support", table, "--library", path) if verb == "screen" else (path,)
    status, _, err = molmeta(verb, *given, "--output", tmp_path / "out.csv")
    assert status == 2
    assert word in err
    assert not (tmp_path / "out.csv").exists()


def test_screen_logs_what_was_understood(molmeta, tmp_path, table, library):
    words = ("--support", table, "--library", library, "--model", "similarity")
    _, _, err = molmeta("screen", *words, "--output", tmp_path / "ranked.csv")
    subjects = (
        "support: my assay.csv",
        "compounds: 12, 6 ",
        "activity threshold: ",
        "columns: ",
        "rows left out: 1: ",
        "model: similarity",
        "library: library.smi",
        "date: ",
    )
    assert [subject for subject in subjects if subject not in err] == []


def test_screen_reads_labels_other_than_0_and_1(molmeta, tmp_path, table, library):
    frame = pd.read_csv(table)
    outputs = []
    for label in (0, -1):
        frame.assign(active=frame["active"].replace(0, label)).to_csv(table, index=False)
        words = ("--support", table, "--library", library, "--model", "similarity")
        status, _, err = molmeta("screen", *words, "--output", tmp_path / "ranked.csv")
        assert status == 0, err
        outputs.append((tmp_path / "ranked.csv").read_bytes())
    assert outputs[0] == outputs[1]


@pytest.fixture
def export(tmp_path):
    path = tmp_path / "export.csv"
    frame = pd.DataFrame({"Structure": ACTIVE + INACTIVE, "IC50 (nM)": [5.5] * 6 + [">20000"] * 6})
    path.write_text(f"Series A\n\n{frame.to_csv(index=False, sep=';')}")
    return path


def test_inspect_says_how_a_table_is_read(molmeta, export):
    status, out, _ = molmeta("inspect", export)
    assert status == 0
    assert "row 3 is the header" in out
    assert "--smiles-column Structure --value-column 'IC50 (nM)' --unit nM" in out


def test_inspect_ends_with_the_question_in_one_line(molmeta, export):
    export.write_text(export.read_text().replace("IC50 (nM)", "IC50").replace("20000", "200"))
    status, out, err = molmeta("inspect", export)
    assert status == 2
    assert "Structure" in out
    assert "--unit" in err
    assert len(err.splitlines()) == 1


def test_inspect_takes_the_options_of_a_support(molmeta, export):
    status, out, _ = molmeta("inspect", export, "--threshold", "1 uM")
    assert status == 0
    assert "given as 1 uM" in out


@pytest.mark.parametrize("command", ["screen", "suggest"])
def test_a_table_that_is_not_clear_stops_a_command_with_its_question(
    molmeta, export, library, tmp_path, command
):
    export.write_text(export.read_text().replace("IC50 (nM)", "IC50").replace("20000", "200"))
    words = ("--support", export, "--library", library, "--output", tmp_path / "out.csv")
    status, _, err = molmeta(command, *words, "--model", "similarity")
    assert status == 2
    assert "--unit" in err.splitlines()[-1]


def test_screen_reads_an_export_without_options(molmeta, export, library, tmp_path):
    words = ("--support", export, "--library", library, "--output", tmp_path / "ranked.csv")
    status, _, err = molmeta("screen", *words, "--model", "similarity")
    assert status == 0, err
    assert "compounds: 12, 6 " in err
    assert list(pd.read_csv(tmp_path / "ranked.csv")["id"]) == ["near", "far"]


def test_curate_reads_an_export_without_a_layout(molmeta, export, tmp_path):
    output = tmp_path / "curated.parquet"
    status, _, err = molmeta("curate", export, "--output", output)
    assert status == 0, err
    assert pd.read_parquet(output)["active"].sum() == 6


def test_curate_takes_a_layout_or_options_of_a_table(molmeta, export, tmp_path):
    words = ("--layout", "{unit: nM}", "--unit", "nM", "--output", tmp_path / "c.parquet")
    status, _, err = molmeta("curate", export, *words)
    assert status == 2
    assert "--unit" in err
