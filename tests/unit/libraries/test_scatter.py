import gzip
import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest

from molmeta.errors import ConfigError, ModelError, OutputError, TableError
from molmeta.libraries import reading, scatter, source
from molmeta.libraries.featurize import FeaturizePlan, featurize_library
from molmeta.libraries.files import library_files
from molmeta.libraries.folder import INDEX, open_features
from molmeta.models.named import baseline
from molmeta.screening.hits import Support
from molmeta.screening.plan import ScreenPlan
from molmeta.screening.screen import screen_to_files

FILES = {
    "a.smi": [f"{'C' * n}O a{n}" for n in range(1, 12)] + ["nonsense x"],
    "b/b.smi": [f"{'C' * n}N" for n in range(1, 8)],
    "c.csv": ["id,smiles", *(f"c{n},{'C' * n}Cl" for n in range(1, 6))],
}
SUPPORT = Support(["CCCCCO", "CCCCN", "CCCl"], [1, 0, 1])


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Chunks of 3 records, and parts of 2 chunks."""
    monkeypatch.setattr(scatter, "CHUNKS", 2)
    original = reading.read_library
    monkeypatch.setattr(source, "read_library", lambda path, **how: original(path, chunk=3, **how))


@pytest.fixture
def vendor(tmp_path):
    folder = tmp_path / "vendor"
    (folder / "b").mkdir(parents=True)
    for name, lines in FILES.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    return folder


def featurized(vendor, part=None, names=("morgan",)):
    output = vendor.parent / "features"
    plan = FeaturizePlan(names, part=part)
    return output, scatter.featurize_folder(library_files(vendor), output, plan)


def screened(library, folder, **plan):
    output = folder / "hits.csv"
    predictor = baseline("similarity").adapt(*SUPPORT)
    done = screen_to_files(predictor, SUPPORT, library, output=output, plan=ScreenPlan(**plan))
    return done, [(folder / name).read_bytes() for name in ("hits.csv", "hits.invalid.csv")]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_of_files_is_screened_as_its_features_are(vendor, tmp_path):
    output, counts = featurized(vendor)
    assert counts == (12 + 7 + 5, 1)
    _, direct = screened(vendor, tmp_path)
    _, from_features = screened(output, tmp_path)
    assert direct == from_features


def test_unnamed_compounds_are_named_after_their_file_and_rejects_name_it(vendor, tmp_path):
    screened(vendor, tmp_path)
    ids = set(pd.read_csv(tmp_path / "hits.csv")["id"])
    assert {"a3", "b/b.smi:3", "c3"} <= ids
    invalid = pd.read_csv(tmp_path / "hits.invalid.csv").loc[0]
    assert (invalid["file"], invalid["line"], invalid["text"]) == ("a.smi", 12, "nonsense")


def test_scores_of_several_files_are_a_folder_with_the_file_of_each(vendor, tmp_path):
    screened(vendor, tmp_path, all_scores=tmp_path / "scores")
    frame = pd.read_parquet(tmp_path / "scores")
    assert list(frame["file"].unique()) == list(FILES)
    assert list(frame.loc[frame["file"] == "b/b.smi", "line"]) == list(range(1, 8))


@pytest.mark.parametrize("n", [2, 5])
def test_jobs_that_share_the_work_give_the_same_folder(vendor, n):
    whole, counts = featurized(vendor)
    expected = contents(whole)
    shutil.rmtree(whole)
    for k in range(1, n + 1):
        featurized(vendor, (k, n))
    assert not (whole / INDEX).exists()
    made = {path.name: path.stat().st_mtime_ns for path in whole.glob("*.arrow")}
    assert len(made) == 5
    assert featurized(vendor)[1] == counts
    assert contents(whole) == expected
    assert made == {path.name: path.stat().st_mtime_ns for path in whole.glob("*.arrow")}


def test_only_a_changed_file_is_featurized_again(vendor):
    output, _ = featurized(vendor)
    before = {path: path.stat().st_mtime_ns for path in output.glob("*.arrow")}
    (vendor / "c.csv").write_text("id,smiles\nnew,CCCCCCCCl\n")
    # A copy with another time has the same content.
    (vendor / "a.smi").touch()
    _, counts = featurized(vendor)
    after = {path: path.stat().st_mtime_ns for path in output.glob("*.arrow")}
    assert counts == (12 + 7 + 1, 1)
    assert len(before.keys() - after.keys()) == len(after.keys() - before.keys()) == 1
    assert all(before[path] == after[path] for path in before.keys() & after.keys())


def test_other_features_replace_all_parts(vendor):
    output, _ = featurized(vendor)
    before = contents(output).keys()
    featurized(vendor, names=("graph",))
    assert contents(output).keys() & before == {INDEX}


def test_a_missing_part_is_refused_and_made_again(vendor, tmp_path):
    output, _ = featurized(vendor)
    expected = contents(output)
    next(output.glob("*.last.arrow")).unlink()
    with pytest.raises(ModelError, match=r"no part '.*makes only what is missing"):
        screened(output, tmp_path)
    featurized(vendor)
    assert contents(output) == expected


def test_a_changed_part_is_refused(vendor, tmp_path):
    output, _ = featurized(vendor)
    path = next(output.glob("*.arrow"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="instead of"):
        screened(output, tmp_path)


@pytest.mark.parametrize("change", ["twice", "outside", "nonsense", "none"])
def test_a_damaged_index_is_refused(vendor, tmp_path, change):
    output, _ = featurized(vendor)
    index = json.loads((output / INDEX).read_text())
    parts = index["files"][0]["parts"]
    if change == "twice":
        parts.append(parts[0])
    elif change == "outside":
        parts[0][0] = "../vendor/a.smi"
    elif change == "none":
        index["files"] = []
    text = "[" if change == "nonsense" else json.dumps(index)
    (output / INDEX).write_text(text)
    with pytest.raises(ModelError, match="cannot be read as a featurized library"):
        screened(output, tmp_path)


def test_a_file_with_the_content_of_another_is_read_once(vendor, caplog):
    (vendor / "copy.smi").write_bytes((vendor / "a.smi").read_bytes())
    _, counts = featurized(vendor)
    assert counts.n_read == 24
    assert "copy.smi: left out; it has the same content as a.smi" in caplog.text


def test_a_truncated_file_stops_no_other_and_is_reported_each_time(vendor, tmp_path):
    whole = gzip.compress("".join(f"{'C' * (n % 50 + 1)}O x{n}\n" for n in range(999)).encode())
    (vendor / "b" / "b.smi").write_bytes(whole[:-20])
    for _ in range(2):
        with pytest.raises(TableError, match=r"b\.smi: breaks off after line"):
            featurized(vendor)
    output = tmp_path / "features"
    with pytest.raises(TableError, match=r"b\.smi: breaks off after line"):
        screened(output, tmp_path)
    ids = pd.read_csv(tmp_path / "hits.csv")["id"]
    assert {"a3", "x5", "c3"} <= set(ids)
    with pytest.raises(TableError, match=r"b\.smi: breaks off after line"):
        screened(vendor, tmp_path)
    assert set(pd.read_csv(tmp_path / "hits.csv")["id"]) == set(ids)


def test_a_file_that_is_no_library_stops_no_other(vendor, tmp_path):
    (vendor / "a.smi").write_text("this is\nno library\nat all\n")
    with pytest.raises(TableError, match=r"a\.smi: does not look like a library"):
        featurized(vendor)
    assert open_features(tmp_path / "features").files == tuple(FILES)


def test_a_disk_that_is_full_leaves_what_was_made(vendor, monkeypatch):
    calls = []

    def full(*args, **how):
        calls.append(1)
        if len(calls) == 3:
            raise OutputError("features: cannot be written; got 'No space left on device'")
        return original(*args, **how)

    original = scatter.write_features
    monkeypatch.setattr(scatter, "write_features", full)
    with pytest.raises(OutputError, match="No space left"):
        featurized(vendor)
    assert featurized(vendor)[1].n_read == 24
    assert len(calls) == 3 + 3


def test_the_other_files_of_the_output_folder_are_kept(vendor, tmp_path):
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "mine.arrow").write_text("x")
    featurized(vendor)
    assert (tmp_path / "features" / "mine.arrow").read_text() == "x"


def test_a_result_in_the_folder_of_the_library_is_refused(vendor):
    with pytest.raises(ConfigError, match="would contain the result"):
        screened(vendor, vendor)


@pytest.fixture
def features(vendor, tmp_path):
    """A featurized library of its own for each file."""
    folder = tmp_path / "arrows"
    folder.mkdir()
    for path in library_files(vendor):
        featurize_library(path, folder / f"{path.name}.arrow", FeaturizePlan(("morgan",)))
    return folder


def test_a_pattern_of_featurized_libraries_is_screened_as_their_files_are(vendor, features):
    _, from_features = screened(features / "*.arrow", features.parent)
    _, direct = screened(vendor, features.parent)
    columns = ["smiles", "probability"]
    tables = [pd.read_csv(BytesIO(hits))[columns] for hits, _ in (from_features, direct)]
    assert len(tables[0]) == 11 + 7 + 5
    assert tables[0].equals(tables[1])


def test_a_changed_file_of_a_pattern_changes_the_identity(features):
    pattern = features / "*.arrow"
    before = source.LibrarySource(pattern, ("morgan",)).identity
    os.utime(features / "c.csv.arrow", (0, 0))
    assert source.LibrarySource(pattern, ("morgan",)).identity != before


def test_a_pattern_of_featurized_and_other_files_is_refused(vendor, features):
    shutil.copy(vendor / "a.smi", features)
    with pytest.raises(ModelError, match=r"a\.smi: is not featurized, but other files"):
        screened(features / "*", features.parent)


def test_a_folder_of_featurized_files_without_an_index_is_refused_with_the_pattern(features):
    with pytest.raises(TableError, match=r"without --part, or give a pattern"):
        screened(features, features.parent)


def test_jobs_that_meet_the_same_content_make_each_part_once(vendor, monkeypatch):
    for name in ("b/b.smi", "c.csv"):
        (vendor / name).unlink()
    (vendor / "copy.smi").write_bytes((vendor / "a.smi").read_bytes())
    both, calls, original = threading.Barrier(2), [], scatter.write_features

    def slow(*args, **how):
        calls.append(1)
        # Two jobs that write the same part meet here; a job that waits for the lock does not come.
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=1)
        return original(*args, **how)

    monkeypatch.setattr(scatter, "write_features", slow)
    with ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(featurized, vendor, (k, 2)) for k in (1, 2)]:
            job.result()
    assert len(calls) == 2
    assert featurized(vendor)[1] == (12, 1)
    assert len(calls) == 2


def test_a_manifest_may_mix_relative_and_absolute_paths(vendor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    manifest = Path("files.list")
    manifest.write_text(f"vendor/a.smi\n{vendor / 'c.csv'}\n")
    assert source.LibrarySource(manifest, ("morgan",)).files == ("a.smi", "c.csv")
    screened(manifest, tmp_path)
    assert {"a3", "c3"} <= set(pd.read_csv("hits.csv")["id"])
