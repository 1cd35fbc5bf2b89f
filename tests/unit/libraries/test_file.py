import gzip
import json
import random
from contextlib import suppress

import numpy as np
import pytest
from safetensors.numpy import save_file
from zoo import DRUGS

from molmeta.errors import ConfigError, ModelError, TableError
from molmeta.libraries.featurize import FeaturizePlan, featurize_library
from molmeta.libraries.file import is_library_file, open_library
from molmeta.libraries.lines import Record
from molmeta.libraries.prepare import prepare
from molmeta.libraries.writer import LibraryParts
from molmeta.molecules.featurizers import featurize
from molmeta.molecules.store import Store, save_store, unpacked

NAMES = ("morgan", "graph", "descriptors")
LINES = "".join(f"{smiles} d{place}\n" for place, smiles in enumerate(DRUGS))


def made(folder, content=LINES, names=NAMES):
    library, path = folder / "library.smi", folder / "library.safetensors"
    library.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path, featurize_library(library, path, FeaturizePlan(names, force=True))


def test_a_library_comes_back_as_it_was_featurized(tmp_path):
    path, _ = made(tmp_path, LINES + "nonsense x\n")
    block = open_library(path).block(0)
    assert [record.smiles for record in block.records] == DRUGS
    assert [record.id for record in block.rejected] == ["x"]
    expected = featurize(DRUGS, NAMES)
    assert set(block.arrays) == set(expected)
    assert all(np.array_equal(block.arrays[name], expected[name]) for name in expected)


def test_every_chunk_is_a_block(tmp_path):
    path, done = made(tmp_path, "CCO\nbad\n" * 2_001, ("morgan",))
    found = open_library(path)
    assert (found.blocks, done.n_read, done.n_invalid) == (3, 4_002, 2_001)
    assert [len(block.records) for block in found.read(range(3))] == [1_000, 1_000, 1]
    assert found.block(2).records[0].line == 4_001


def test_a_block_without_a_molecule_is_a_block(tmp_path):
    path, _ = made(tmp_path, "bad\nworse\n", ("morgan",))
    block = open_library(path).block(0)
    assert (list(block.records), len(block.rejected)) == ([], 2)


def test_it_is_known_by_its_content(tmp_path):
    path, _ = made(tmp_path)
    assert is_library_file(path.rename(tmp_path / "renamed.smi"))
    assert not is_library_file(tmp_path / "library.smi")
    assert not is_library_file(tmp_path)


def test_features_that_a_model_lacks_are_named(tmp_path):
    path, _ = made(tmp_path, names=("morgan",))
    with pytest.raises(ConfigError, match="--featurizer graph"):
        open_library(path, ["morgan", "graph"])


def test_another_file_of_ours_is_refused(tmp_path):
    path = tmp_path / "store.safetensors"
    molecules = unpacked([featurize(["CCO"], ["morgan"])])
    save_store(Store(np.array(["A" * 27], "S27"), np.zeros(1, np.int64), molecules, {}), path)
    with pytest.raises(ModelError, match="got a molecule store"):
        open_library(path)


@pytest.mark.parametrize("keep", [9, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path, keep):
    path, _ = made(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: keep if keep > 1 else int(keep * len(content))])
    with pytest.raises(ModelError, match="cannot be read as a featurized library"):
        open_library(path)


def overwrite(path, old):
    """Overwrite the first two bytes of a piece of a file."""
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, b"\xff\xff" + old[2:]))


@pytest.mark.parametrize(
    "name",
    ["morgan.positions", "morgan.offsets", "graph.ends", "graph.atoms"],
)
def test_numbers_that_do_not_fit_are_refused(tmp_path, name):
    path, _ = made(tmp_path)
    old = open_library(path).block(0).arrays[name].tobytes()
    overwrite(path, old)
    with pytest.raises(ModelError):
        open_library(path).block(0)


def test_text_that_is_not_utf8_is_refused(tmp_path):
    path, _ = made(tmp_path, "CCO name\n")
    overwrite(path, b"name")
    with pytest.raises(ModelError):
        open_library(path).block(0)


def test_only_the_arrays_of_the_features_asked_for_are_read(tmp_path):
    path, _ = made(tmp_path)
    arrays = open_library(path, ["morgan"]).block(0).arrays
    assert set(arrays) == {"morgan.positions", "morgan.offsets"}


def test_a_flipped_bit_is_an_error_or_another_value_and_never_a_crash(tmp_path):
    path, _ = made(tmp_path, "CCO a\nCCN b\n")
    content, rng = path.read_bytes(), random.Random(0)
    for _ in range(300):
        damaged = bytearray(content)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        with suppress(ModelError, ConfigError):
            library = open_library(path, NAMES)
            for block in library.read(range(library.blocks)):
                for place in range(len(block.records)):
                    assert isinstance(block.records[place], Record)


def version_1(path, blocks):
    """Write a file as version 0.1.0 wrote it."""
    tensors = {}
    for number, block in enumerate(blocks):
        text = {
            "line": [record.line for record in block.records],
            "id": [record.id for record in block.records],
            "smiles": [record.smiles for record in block.records],
            "rejected": block.rejected,
            "parts": list(block.arrays),
        }
        arrays = {**block.arrays, "text": np.frombuffer(json.dumps(text).encode(), np.uint8)}
        tensors |= {f"{number:08d}.{name}": array for name, array in arrays.items()}
    header = {"kind": "featurized library", "format": 1, "featurizers": list(NAMES)}
    header |= {"blocks": len(blocks), "broken": "line 9", "model": ""}
    save_file(tensors, path, {"molmeta": json.dumps(header)})


def test_a_file_of_an_earlier_version_is_read(tmp_path):
    records = [Record(line, f"d{line}", smiles) for line, smiles in enumerate(DRUGS, 1)]
    blocks = [prepare(records[:5], NAMES), prepare([Record(6, "x", "nonsense")], NAMES)]
    version_1(tmp_path / "old.safetensors", blocks)
    assert is_library_file(tmp_path / "old.safetensors")
    library = open_library(tmp_path / "old.safetensors", NAMES)
    assert (library.blocks, library.broken, library.featurizers) == (2, "line 9", NAMES)
    for block, expected in zip(library.read(range(2)), blocks, strict=True):
        assert list(block.records) == list(expected.records)
        assert block.rejected == expected.rejected
        assert all(
            np.array_equal(block.arrays[name], expected.arrays[name]) for name in expected.arrays
        )


def test_of_a_broken_library_what_was_read_is_kept_with_the_reason(tmp_path):
    lines = "".join(f"{'C' * (1 + i * 7919 % 97)}O n{i * 104729 % 99991}\n" for i in range(9_000))
    packed = gzip.compress(lines.encode())
    with pytest.raises(TableError, match="breaks off after line"):
        made(tmp_path, packed[: len(packed) // 2], ("morgan",))
    found = open_library(tmp_path / "library.safetensors")
    assert "breaks off after line" in found.broken
    assert found.blocks >= 2


def test_a_library_without_compounds_leaves_no_file(tmp_path):
    with pytest.raises(TableError, match="has no compounds"):
        made(tmp_path, "")
    assert [path.name for path in tmp_path.iterdir()] == ["library.smi"]


def test_an_unknown_featurizer_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(ConfigError, match=r"'morgen'.*'morgan'"):
        featurize_library(
            tmp_path / "absent.smi", tmp_path / "x.safetensors", FeaturizePlan(["morgen"])
        )


class StoppedError(Exception):
    pass


def interrupted(library, output, names=("morgan",), after=1):
    """Featurize until that many blocks are written."""
    seen = []

    def stop(n):
        seen.append(n)
        if len(seen) == after:
            raise StoppedError

    with pytest.raises(StoppedError):
        featurize_library(library, output, FeaturizePlan(names), progress=stop)
    return output.with_name(f"{output.name}.parts")


def lines(n):
    return "".join(f"{DRUGS[i % len(DRUGS)]} d{i}\n" for i in range(n))


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "library.smi"
    path.write_text(lines(4_500))
    return path


@pytest.fixture
def output(tmp_path):
    return tmp_path / "library.safetensors"


def test_an_interrupted_run_resumes_after_its_blocks_and_gives_the_same_file(
    library, output, tmp_path, caplog
):
    caplog.set_level("INFO")
    whole = tmp_path / "whole.safetensors"
    done = featurize_library(library, whole, FeaturizePlan(["morgan"]))
    parts = interrupted(library, output, after=2)
    assert len(list(parts.glob("*.arrow"))) == 2
    assert featurize_library(library, output, FeaturizePlan(["morgan"])) == done
    assert output.read_bytes() == whole.read_bytes()
    assert "resumes after the first 4000 records" in caplog.text


def test_finished_blocks_are_not_made_again(library, output, monkeypatch):
    interrupted(library, output, after=2)
    added = []
    add = LibraryParts.add
    monkeypatch.setattr(
        LibraryParts, "add", lambda parts, chunk: (added.append(chunk.n_read), add(parts, chunk))
    )
    featurize_library(library, output, FeaturizePlan(["morgan"]))
    assert added == [500]


def test_a_finished_run_leaves_its_result_alone(library, output, tmp_path):
    interrupted(library, output)
    featurize_library(library, output, FeaturizePlan(["morgan"]))
    assert sorted(path.name for path in tmp_path.iterdir()) == [output.name, library.name]


def test_a_library_that_has_changed_starts_again_and_says_so(library, output, tmp_path, caplog):
    interrupted(library, output)
    library.write_text(lines(4_499).replace(" d1\n", " other\n"))
    featurize_library(library, output, FeaturizePlan(["morgan"]))
    assert "starts again" in caplog.text
    featurize_library(library, tmp_path / "whole.safetensors", FeaturizePlan(["morgan"]))
    assert output.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_other_featurizers_start_again_and_say_so(library, output, caplog):
    interrupted(library, output)
    featurize_library(library, output, FeaturizePlan(["graph"]))
    assert "starts again" in caplog.text
    assert open_library(output).featurizers == ("graph",)


def test_a_first_run_says_nothing_of_another(library, output, caplog):
    caplog.set_level("INFO")
    featurize_library(library, output, FeaturizePlan(["morgan"]))
    assert caplog.text == ""


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_a_block_that_is_short_is_made_again(library, output, tmp_path, keep):
    featurize_library(library, tmp_path / "whole.safetensors", FeaturizePlan(["morgan"]))
    last = next(interrupted(library, output, after=2).glob("00000001*"))
    last.write_bytes(last.read_bytes()[:keep])
    featurize_library(library, output, FeaturizePlan(["morgan"]))
    assert output.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_a_misspelt_library_costs_nothing_of_what_was_done(library, output):
    parts = interrupted(library, output)
    with pytest.raises(TableError, match="No such file"):
        featurize_library(library.with_name("libary.smi"), output, FeaturizePlan(["morgan"]))
    assert len(list(parts.glob("*.arrow"))) == 1


def test_a_broken_library_that_was_interrupted_keeps_its_reason(output, tmp_path):
    library = tmp_path / "library.smi.gz"
    packed = gzip.compress(lines(5_000).encode())
    library.write_bytes(packed[:-20])
    interrupted(library, output)
    with pytest.raises(TableError, match="breaks off after line"):
        featurize_library(library, output, FeaturizePlan(["morgan"]))
    assert "breaks off after line" in open_library(output).broken
