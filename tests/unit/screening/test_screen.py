import csv
import gzip
import math
from dataclasses import fields
from functools import partial

import numpy as np
import pandas as pd
import pytest
from elsewhere import being_written
from paths import SHARED
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molmeta.errors import ConfigError, MoleculeError, OutputError, TableError
from molmeta.libraries import source
from molmeta.libraries.featurize import FeaturizePlan, featurize_library
from molmeta.libraries.lines import Record
from molmeta.libraries.prepare import prepare, prepare_all
from molmeta.libraries.reading import read_library
from molmeta.models.named import baseline
from molmeta.models.prevalence import prior_shift
from molmeta.molecules.featurizers import FEATURIZERS, Featurizer
from molmeta.runtime.spreadsheets import safe_cell
from molmeta.screening import scoring
from molmeta.screening.hits import COLUMNS, ScoredCompound, Support, nearest_measured
from molmeta.screening.known import KnownCompounds
from molmeta.screening.plan import ScreenPlan
from molmeta.screening.prevalence import counted, estimate
from molmeta.screening.scoring import Scorer
from molmeta.screening.screen import screen_to_files

SUPPORT = Support(["CCOc1ccccc1", "CCNc1ccccc1", "CC(=O)O", "CCCCN"], [1, 1, 0, 0])
PLAN = {field.name for field in fields(ScreenPlan)}
LIBRARY = ["CCOc1ccccc1C", "CCCCCN", "c1ccncc1", "CCOc1ccccc1", "CC(=O)OC", "OCC1CCCO1"]


@pytest.fixture(scope="module")
def predictor():
    return baseline("similarity").adapt(*SUPPORT)


@pytest.fixture
def run(predictor, tmp_path):
    """Screen a library of that content; without any, the one of the last time."""

    def call(content, **options):
        library = tmp_path / "library.smi"
        if content is not None:
            library.write_bytes(content if isinstance(content, bytes) else content.encode())
        output = tmp_path / "ranked.csv"
        plan = {name: options.pop(name) for name in PLAN & set(options)}
        done = screen_to_files(
            predictor, SUPPORT, library, output=output, plan=ScreenPlan(**plan), **options
        )
        return done, output

    return call


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def side(output):
    return rows(output.with_name("ranked.invalid.csv"))


def smiles_lines(smiles):
    return "".join(f"{text} n{place}\n" for place, text in enumerate(smiles))


def records(smiles):
    return [Record(place, f"n{place}", text) for place, text in enumerate(smiles, 1)]


def similarity(first, second):
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    bits = [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in (first, second)]
    return DataStructs.TanimotoSimilarity(*bits)


def test_hits_are_ranked_by_the_predictor_s_probability(run, predictor):
    _, output = run(smiles_lines(LIBRARY))
    expected = predictor.predict(LIBRARY)
    assert [row["smiles"] for row in rows(output)] == [LIBRARY[i] for i in np.argsort(-expected)]


def test_probabilities_are_those_of_the_predictor(run, predictor):
    _, output = run(smiles_lines(LIBRARY))
    found = rows(output)
    expected = predictor.predict([row["smiles"] for row in found])
    assert [float(row["probability"]) for row in found] == pytest.approx(expected, rel=1e-5)


def test_the_columns_are_the_published_ones(run):
    _, output = run(smiles_lines(LIBRARY))
    assert tuple(rows(output)[0]) == COLUMNS


def test_only_the_top_is_written(run):
    done, output = run(smiles_lines(LIBRARY), top=2)
    assert ([row["rank"] for row in rows(output)], done.n_candidates) == (["1", "2"], 2)


def test_the_top_is_the_head_of_the_whole_ranking(run):
    _, output = run(smiles_lines(LIBRARY), top=None)
    whole = rows(output)
    _, output = run(smiles_lines(LIBRARY), top=3)
    assert rows(output) == whole[:3]


def test_everything_is_written_when_asked(run):
    assert run(smiles_lines(LIBRARY), top=None)[0].n_candidates == len(LIBRARY)


def test_equal_scores_keep_the_order_of_the_library(run):
    _, output = run("CCCl a\nCCCl b\nCCCl c\n", top=2)
    assert [row["id"] for row in rows(output)] == ["a", "b"]


@pytest.mark.parametrize(("label", "column"), [(1, "nearest_active"), (0, "nearest_inactive")])
def test_the_nearest_known_compound_is_the_most_similar_of_its_class(run, label, column):
    _, output = run(smiles_lines(LIBRARY))
    known = [text for text, active in zip(*SUPPORT, strict=True) if active == label]
    for row in rows(output):
        values = {text: similarity(text, row["smiles"]) for text in known}
        assert float(row[f"{column}_similarity"]) == pytest.approx(max(values.values()), abs=1e-4)
        assert values[row[column]] == max(values.values())


def test_a_support_without_inactives_has_no_nearest_inactive():
    pairs = list(nearest_measured([ScoredCompound(0.5, -1, "a", "CCO")], Support(["CCN"], [1])))
    assert pairs[0][0].smiles == "CCN"
    assert pairs[0][1].smiles == ""
    assert math.isnan(pairs[0][1].similarity)


def test_an_unreadable_support_is_refused():
    with pytest.raises(MoleculeError, match="nonsense"):
        list(nearest_measured([], Support(["nonsense"], [1])))


def test_salts_are_scored_as_their_standardised_form(run):
    _, output = run("CCCCCN a\nCCCCC[NH3+].[Cl-] b\n")
    first, second = rows(output)
    assert first["probability"] == second["probability"]


def test_invalid_lines_stand_in_the_side_table(run):
    done, output = run("CCO a\n\nnonsense b\n" + "C" * 10**6 + "\nC\0C d\nCCN e\n", force=True)
    assert [row["line"] for row in side(output)] == ["3", "4", "5"]
    assert (done.n_read, done.n_invalid, done.n_candidates) == (5, 3, 2)


def test_every_invalid_line_has_a_reason(run):
    _, output = run("CCO a\nnonsense b\nC\0C c\n", force=True)
    invalid = side(output)
    assert len(invalid) == 2
    assert all(row["reason"] and row["text"] for row in invalid)


@pytest.mark.parametrize("content", ["%PDF-1.4 \0\n" * 3, "# A README\n\nWith words.\n"])
def test_a_file_that_is_not_a_library_is_refused_and_leaves_no_file(run, tmp_path, content):
    with pytest.raises(TableError, match="--force"):
        run(content)
    assert [path.name for path in tmp_path.iterdir()] == ["library.smi"]


def test_half_of_a_library_may_be_invalid(run):
    assert run("nonsense a\nCCO b\n")[0].n_invalid == 1


@pytest.mark.usefixtures("small_shards")
def test_a_library_that_turns_out_mostly_invalid_is_refused_until_forced(run, tmp_path):
    content = "CCO a\nCCN b\nCCC c\n" + "nonsense d\n" * 5
    with pytest.raises(TableError, match="--force"):
        run(content)
    assert not (tmp_path / "ranked.csv").exists()
    counts = []
    done, _ = run(None, force=True, progress=counts.append)
    assert (done.n_invalid, done.n_candidates) == (5, 3)


def test_candidates_are_returned_as_they_were_written(run):
    done, output = run("CCOc1ccccc1 =1+1\nCCCN b\n", top=5)
    assert list(done.candidates["id"]) == ["=1+1", "b"]
    assert [row["id"] for row in rows(output)] == ["'=1+1", "b"]


def test_every_compound_of_a_library_is_not_held_in_memory(run):
    assert run("CCO a\nCCN b\n", top=None)[0].candidates.empty


def test_the_side_table_is_written_even_when_it_is_empty(run):
    assert side(run("CCO a\n")[1]) == []


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-A1", "@x", " =1", "\t=1", "\uff1dA1"])
def test_a_cell_that_looks_like_a_formula_is_made_text(text):
    assert safe_cell(text) == f"'{text}"


def test_formulas_in_names_and_bad_lines_do_not_reach_the_tables(run):
    _, output = run('CCO =HYPERLINK("x")\n=cmd|1 b\n')
    assert rows(output)[0]["id"].startswith("'=")
    assert side(output)[0]["text"].startswith("'=")


def test_a_truncated_library_is_ranked_before_the_error(run, tmp_path):
    lines = smiles_lines([f"{'C' * (1 + i * 7919 % 97)}O" for i in range(4_000)])
    packed = gzip.compress(lines.encode())
    with pytest.raises(TableError, match="breaks off after line"):
        run(packed[: len(packed) // 2], top=5)
    assert len(rows(tmp_path / "ranked.csv")) == 5


def test_a_library_that_cannot_be_read_leaves_no_file(run, tmp_path):
    with pytest.raises(TableError):
        run("")
    assert [path.name for path in tmp_path.iterdir()] == ["library.smi"]


def test_an_earlier_result_survives_a_failed_screen(run, tmp_path):
    run(smiles_lines(LIBRARY))
    before = (tmp_path / "ranked.csv").read_bytes()
    with pytest.raises(TableError):
        run("")
    assert (tmp_path / "ranked.csv").read_bytes() == before


def test_a_library_is_never_its_own_output(predictor, tmp_path):
    library = tmp_path / "library.csv"
    library.write_text("smiles\nCCO\n")
    with pytest.raises(ConfigError, match="would be replaced"):
        screen_to_files(predictor, SUPPORT, library, output=library)


def test_a_top_of_nothing_is_refused(run):
    with pytest.raises(ConfigError, match="'top'"):
        run("CCO\n", top=0)


def test_an_output_that_cannot_be_written_is_refused(predictor, tmp_path):
    library = tmp_path / "library.smi"
    library.write_text("CCO\n")
    with pytest.raises(OutputError):
        screen_to_files(predictor, SUPPORT, library, output=library / "ranked.csv")


def test_progress_counts_every_record(run):
    counts = []
    run("CCO\nnonsense\nCCN\n", progress=counts.append)
    assert sum(counts) == 3


def test_a_compound_that_a_featurizer_fails_on_costs_itself_alone(monkeypatch):
    def picky(mol):
        if mol.GetNumAtoms() == 2:
            raise ValueError("two atoms")
        return np.ones(3, np.float32)

    monkeypatch.setitem(FEATURIZERS, "picky", Featurizer("picky", "vector", 3, picky))
    found = prepare(records(["CCO", "CC", "CCN"]), ("picky",))
    assert [record.id for record in found.records] == ["n1", "n3"]
    assert "two atoms" in found.rejected[0].reason


@pytest.mark.slow
def test_several_cores_give_what_one_gives():
    chunks = [records(LIBRARY), records(["nonsense"]), records(LIBRARY[:2])]
    one = list(prepare_all(chunks, ("morgan", "graph")))
    two = list(prepare_all(chunks, ("morgan", "graph"), cores=2))
    assert [part.records for part in one] == [part.records for part in two]
    for first, second in zip(one, two, strict=True):
        assert first.arrays.keys() == second.arrays.keys()
        assert all(np.array_equal(first.arrays[name], second.arrays[name]) for name in first.arrays)


@pytest.mark.slow
def test_few_chunks_are_read_ahead():
    taken = []

    def chunks():
        for place in range(20):
            taken.append(place)
            yield records(["CCO"])

    stream = prepare_all(chunks(), ("morgan",), cores=2)
    next(stream)
    seen = len(taken)
    stream.close()
    assert seen <= 6


@pytest.fixture
def small_shards(monkeypatch):
    """Let a shard be one chunk of three records."""
    monkeypatch.setattr(scoring, "CHUNKS", 1)
    monkeypatch.setattr(source, "read_library", partial(read_library, chunk=3))


MANY = smiles_lines(["C" * n + "O" for n in range(1, 12)] + ["nonsense", "c1ccccc1OCC"] * 3)


def outputs(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if "ranked" in path.name}


def interrupt(after):
    seen = 0

    def advance(n):
        nonlocal seen
        seen += n
        if seen > after:
            raise KeyboardInterrupt

    return advance


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("top", [4, None])
def test_an_interrupted_screen_goes_on_and_gives_the_same_files(run, tmp_path, top):
    done, _ = run(MANY, top=top)
    expected = outputs(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(MANY, top=top, progress=interrupt(9))
    kept = sorted((tmp_path / "ranked.csv.parts").glob("*.arrow"))
    assert len(kept) == 3
    again, _ = run(None, top=top)
    assert (again, outputs(tmp_path)) == (done, expected)


@pytest.mark.usefixtures("small_shards")
def test_what_was_done_is_not_done_again(run, predictor, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        run(MANY, progress=interrupt(9))
    scored = []
    original = type(predictor).predict_molecules
    monkeypatch.setattr(
        type(predictor),
        "predict_molecules",
        lambda self, molecules: (scored.append(len(molecules)), original(self, molecules))[1],
    )
    run(None)
    assert sum(scored) == 14 - 9


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("options", [{"top": 5}, {"exclude_support": True}])
def test_shards_of_another_screen_are_not_taken(run, tmp_path, options):
    with pytest.raises(KeyboardInterrupt):
        run(MANY, progress=interrupt(9))
    run(None, **options)
    expected = outputs(tmp_path)
    run(MANY, **options)
    assert outputs(tmp_path) == expected


@pytest.mark.usefixtures("small_shards")
def test_parts_put_together_give_what_one_screen_gives(run, tmp_path):
    run(MANY, top=4)
    expected = outputs(tmp_path)
    for path in tmp_path.glob("ranked*"):
        path.unlink()
    counts = [run(None, top=4, part=(k, 3))[0].n_read for k in (1, 3, 2)]
    assert not (tmp_path / "ranked.csv").exists()
    assert counts[-1] == 17
    run(None, top=4, progress=interrupt(10**9))
    assert outputs(tmp_path) == expected


@pytest.mark.parametrize("part", [(0, 3), (4, 3)])
def test_a_part_that_there_is_none_of_is_refused(part):
    with pytest.raises(ConfigError, match="'part'"):
        ScreenPlan(part=part)


@pytest.mark.parametrize("cores", [1, 2])
def test_a_featurized_library_gives_the_same_files(run, predictor, tmp_path, cores):
    run(MANY)
    expected = outputs(tmp_path)
    path = tmp_path / "library.safetensors"
    featurize_library(tmp_path / "library.smi", path, FeaturizePlan(("morgan",)))
    screen_to_files(predictor, SUPPORT, path, output=tmp_path / "ranked.csv", cores=cores)
    assert outputs(tmp_path) == expected


def test_a_prevalence_moves_probabilities_and_keeps_the_order(run):
    _, output = run(smiles_lines(LIBRARY))
    plain = rows(output)
    _, output = run(smiles_lines(LIBRARY), prevalence=0.01)
    moved = rows(output)
    assert [row["id"] for row in moved] == [row["id"] for row in plain]
    p = float(plain[0]["probability"])
    ratio = 0.01 / 0.99
    assert float(moved[0]["probability"]) == pytest.approx(
        p * ratio / (p * ratio + 1 - p), rel=1e-4
    )


@pytest.mark.usefixtures("small_shards")
def test_an_estimated_prevalence_is_that_of_the_scores_of_the_whole_library(run):
    known = np.array([-3.0, -1.0, 1.0, 3.0])
    _, output = run(MANY, top=None)
    ranked = rows(output)
    new = [float(row["probability"]) for row in ranked if row["smiles"] != "c1ccccc1OCC"]
    done, output = run(MANY, top=2, left_out=known)
    assert 0 < len(new) < len(ranked)
    assert done.prevalence == estimate(counted(new), known)
    moved = prior_shift(done.prevalence.share, 0.5)
    best = float(ranked[0]["probability"])
    assert float(rows(output)[0]["probability"]) == pytest.approx(moved(best), rel=1e-4)


def test_nothing_is_estimated_of_a_library_that_cannot_be_read(run):
    assert run("no_molecule bad\n", left_out=np.arange(4.0), force=True)[0].prevalence is None


def test_compounds_of_the_support_are_counted(run):
    done, _ = run("CCOc1ccccc1 a\nc1ccccc1OCC b\n[Na+].CC(=O)[O-] c\nCCCC d\n")
    assert (done.n_support, done.n_candidates) == (3, 4)


def test_compounds_of_the_support_are_left_out_on_request(run):
    text = "CCOc1ccccc1 a\nc1ccccc1OCC b\n[Na+].CC(=O)[O-] c\nCCCC d\n"
    done, output = run(text, exclude_support=True)
    assert [row["id"] for row in rows(output)] == ["d"]
    assert (done.n_support, done.n_invalid) == (3, 0)


def test_all_scores_stand_in_the_order_of_the_library(run, predictor, tmp_path):
    path = tmp_path / "scores.parquet"
    _, output = run(smiles_lines(LIBRARY), all_scores=path, top=2)
    found = pd.read_parquet(path)
    assert list(found["line"]) == list(range(1, len(LIBRARY) + 1))
    assert list(found["probability"]) == pytest.approx(predictor.predict(LIBRARY))
    assert len(rows(output)) == 2


def test_hits_are_written_as_parquet_by_their_name(predictor, tmp_path):
    library, output = tmp_path / "library.smi", tmp_path / "ranked.parquet"
    library.write_text(smiles_lines(LIBRARY))
    screen_to_files(predictor, SUPPORT, library, output=output)
    assert tuple(pd.read_parquet(output).columns) == COLUMNS
    assert (tmp_path / "ranked.parquet.invalid.csv").exists()


def test_two_screens_of_one_output_at_once_are_refused(run, tmp_path):
    with being_written(tmp_path / "ranked.csv"), pytest.raises(OutputError):
        run(MANY)


def test_nothing_but_the_results_is_left(run, tmp_path):
    run(MANY)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"library.smi", "ranked.csv", "ranked.invalid.csv"}


def test_the_heap_of_a_shard_never_grows_past_the_top(predictor):
    known = KnownCompounds(SUPPORT.smiles, ("morgan",))
    scorer = Scorer(predictor, known, exclude=False, top=3)
    chunks = [
        prepare(records(LIBRARY), ("morgan",)),
        prepare(records(["CCOc1ccccc1"]), ("morgan",)),
    ]
    shard = scorer.shard(chunks)
    scores = predictor.predict([*LIBRARY, "CCOc1ccccc1"])
    assert [hit.probability for hit in shard.hits] == sorted(scores, reverse=True)[:3]
    assert shard.n_read == 7


@pytest.mark.shared
def test_a_vendor_library_is_screened_without_loss(predictor, tmp_path):
    library = SHARED / "library"
    if not library.is_dir():
        pytest.skip(f"development data is absent: {library}")
    with gzip.open(library / "enamine_50k.smi.gz", "rt") as file:
        head = file.read(20_000).rsplit("\n", 1)[0]
    path = tmp_path / "head.smi"
    path.write_text(head)
    done = screen_to_files(
        predictor, SUPPORT, path, output=tmp_path / "hits.csv", plan=ScreenPlan(top=None)
    )
    assert (done.n_candidates, done.n_invalid) == (head.count("\n") + 1, 0)
