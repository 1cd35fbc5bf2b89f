"""Every command that writes, on inputs of a second or two, in a process that can be killed."""

from __future__ import annotations

import importlib
import io
import json
import os
import pkgutil
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pandas as pd
from paths import DATA
from safetensors import safe_open

import molmeta

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

# Limits are for the commands: an import that runs out of memory fails in its own way.
for _module in pkgutil.walk_packages(molmeta.__path__, "molmeta."):
    if not _module.name.endswith("__main__"):
        importlib.import_module(_module.name)

RECIPE = json.dumps(
    {
        "learner": "protonet",
        "encoder": "fingerprint",
        "encoder_options": {"width": 8, "hidden": 8},
        "training": {
            "steps": 12, "episodes": 2, "supports": [16], "n_query": 16, "validate_every": 3,
            "validation_supports": [16], "validation_repeats": 1, "checkpoint_seconds": 0.0,
        },
    }
)  # fmt: skip
VERBS: dict[str, list[str]] = {
    "curate": [
        "curate", "test.csv", "--rules", "{thresholds: {test: 7.7}}",
        "--output", "out/test.parquet",
    ],
    "featurize": [
        "featurize", "train.parquet", "valid.parquet", "--featurizer", "morgan",
        "--output", "out/molecules.safetensors",
    ],
    "featurize a library": [
        "featurize", "library.smi", "--featurizer", "morgan", "--output", "out/library.arrow",
    ],
    "train": [
        "train", "train.parquet", "--valid", "valid.parquet",
        "--molecules", "molecules.safetensors", "--recipe", RECIPE,
        "--curve", "out/curve.svg", "--output", "out/model.safetensors",
    ],
    "evaluate": [
        "evaluate", "similarity", "train.parquet", "valid.parquet", "--supports", "16",
        "--repeats", "2", "--examples", "out/examples.parquet", "--output", "out/metrics.parquet",
    ],
    "enrich": [
        "enrich", "screens.csv", "--models", "similarity,logistic_regression",
        "--supports", "unrelated:5+5", "--draws", "2", "--output", "out/enrich.csv",
    ],
    "screen": [
        "screen", "--support", "test.csv", "--threshold", "7.7 pIC50", "--size", "32",
        "--library", "library.smi",
        "--model", "similarity", "--top", "100", "--report", "out/hits.html",
        "--output", "out/hits.csv",
    ],
    "suggest": [
        "suggest", "--support", "test.csv", "--threshold", "7.7 pIC50", "--size", "32",
        "--library", "library.smi",
        "--model", "tanimoto_gp", "--wells", "24", "--output", "out/plate.csv",
    ],
    "report": ["report", "metrics.parquet", "--output", "out/report.html"],
    "simulate": [
        "simulate", "valid.parquet", "--model", "similarity", "--start", "8", "--batch", "8",
        "--rounds", "2", "--repeats", "1", "--output", "out/rounds.csv",
    ],
}  # fmt: skip
TIMES = ("adapt_seconds", "predict_seconds", "seconds")
"""Columns of measured times, the only results that differ from run to run."""


def make_inputs(folder: Path) -> None:
    """Write the inputs of all verbs into a folder."""
    for name, source, rows in (
        ("train", "train/CHEMBL262_Ki", 80),
        ("valid", "valid/CHEMBL2047_EC50", 80),
        ("test", "test/CHEMBL4005_Ki", 120),
    ):
        table = pd.read_csv(DATA / "assays" / f"{source}.csv")
        table.sample(rows, random_state=0).to_csv(folder / f"{name}.csv", index=False)
        if name != "test":
            words = ["curate", f"{name}.csv", "--set", "min_compounds=16", "--output"]
            _made(folder, [*words, f"{name}.parquet"])
    lines = (DATA / "libraries" / "nci_5k.smi").read_text().splitlines()[:400]
    (folder / "library.smi").write_text("\n".join([*lines, "no_molecule"]) + "\n")
    screens = pd.read_parquet(folder / "train.parquet")[["smiles", "active"]]
    pd.concat([
        screens.assign(source="a", target=target) for target in ("one", "two", "three")
    ]).to_csv(folder / "screens.csv", index=False)  # fmt: skip
    for verb, made in (("featurize", "molecules.safetensors"), ("evaluate", "metrics.parquet")):
        _made(folder, VERBS[verb])
        (folder / "out" / made).rename(folder / made)
    for path in (folder / "out").iterdir():
        path.unlink()


def _made(folder: Path, words: Sequence[str]) -> None:
    status, said = run(words, folder)
    assert status == 0, said


def run(
    words: Sequence[str], folder: Path, *, seconds: float | None = None,
    before: Callable[[], object] = lambda: None, when: Callable[[], object] = lambda: False,
) -> tuple[int | None, str]:  # fmt: skip
    """Run a command in a copy of this process, which has imported everything already.

    Args:
        words: of the command line.
        folder: working directory.
        seconds: kill the process and its workers after this time; None lets it end.
        before: called in the copy first, for limits.
        when: kill the process as soon as this is true.

    Returns:
        Exit status, None if it was killed, and what the command said.
    """
    # A pipe has no limit on the size of files, and holds 64 kB without a reader.
    log, theirs = os.pipe()
    os.set_blocking(log, False)
    pid = os.fork()
    if pid == 0:
        _run_here(words, folder, theirs, before)
    os.close(theirs)
    until = time.monotonic() + (180 if seconds is None else seconds)
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), _read(log)
        if when() or time.monotonic() > until:
            break
        time.sleep(0.002)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert seconds is not None, f"{words[0]} took more than three minutes"
    return None, _read(log)


def _read(log: int) -> str:
    with os.fdopen(log, "rb") as file:
        return (file.read() or b"").decode(errors="replace")


def _run_here(words: Sequence[str], folder: Path, log: int, before: Callable[[], object]) -> None:
    from molmeta.cli import main

    status = 1
    try:
        os.setsid()
        os.chdir(folder)
        os.environ["SOURCE_DATE_EPOCH"] = "0"
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), write_through=True)
        sys.argv = ["molmeta", *words]
        before()
        main()
        status = 0
    except SystemExit as error:
        status = int(error.code or 0)
    except BaseException:  # noqa: BLE001 - shown as Python would
        import traceback

        traceback.print_exc(file=sys.stderr)
    finally:
        os._exit(status)


def results(folder: Path) -> dict[str, Any]:
    """Return the content of every file below a folder, without measured times."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): _content(path) for path in paths}


def _content(path: Path) -> object:
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        return table.drop(columns=[name for name in TIMES if name in table]).to_csv()
    if path.suffix == ".safetensors":
        with safe_open(path, "np") as file:
            header = json.loads(file.metadata()["molmeta"])
            header.get("history", {}).pop("seconds", None)
            tensors = {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118
        return header, tensors
    return path.read_bytes()
