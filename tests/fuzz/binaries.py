"""Models, stores, featurized libraries, tables and checkpoints with damaged or hostile bytes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import pandas as pd
import report_inputs
import torch
import toy_training
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from zoo import DRUGS

from molmeta.assays.assay import assays_of, read_curated
from molmeta.assays.training_data import TrainingData
from molmeta.curation.curate import Rules, curate
from molmeta.curation.usertables import read_user_table
from molmeta.libraries.featurize import FeaturizePlan, featurize_library
from molmeta.libraries.reading import read_library
from molmeta.libraries.source import LibrarySource
from molmeta.models.files import load, save
from molmeta.models.model import Model
from molmeta.models.recipes import Recipe
from molmeta.molecules.store import load_store, save_store
from molmeta.report.evidence import Sources, read
from molmeta.runtime.parquetfiles import write_parquet
from molmeta.training.checkpoints import Progress, restore_run, save_run
from tests.fuzz.cases import Case

if TYPE_CHECKING:
    from random import Random

SUPPORT = (DRUGS[:6], [1, 0, 1, 0, 1, 0])
NUMBERS = (float("nan"), 3e38, -1.0, 0.0, 1e6, -1e5, 100.0)
VALUES: tuple[Any, ...] = (
    None, -1, 0, 1, 3, 10**6, 10**30, 1e308, float("inf"), float("nan"), "", "x", "protonet",
    "gine",     [], {}, [[]], {"a": {}}, True, "../../etc/passwd", "\x00", "__class__",
)  # fmt: skip
BASES = ("model", "records", "store", "library", "curated", "plain", "checkpoint", "metrics")
TENSORS = {"model", "records", "store", "checkpoint"}


def binary_case(rng: Random) -> Case:
    base = rng.choice(BASES)
    size = len(original(base))
    edits = [_edit(rng, size, tensors=base in TENSORS) for _ in range(rng.randint(1, 4))]
    return Case("binary", edits, {"base": base})


def _edit(rng: Random, size: int, *, tensors: bool) -> list[Any]:
    # Most of what can go wrong is in the head and the tail of a file.
    near = rng.choice((min(size, 400), min(size, 4000), size))
    place = rng.randrange(near) if rng.random() < 0.5 else size - 1 - rng.randrange(near)
    edits: list[list[Any]] = [
        ["flip", place, rng.randrange(8)],
        ["set", place, rng.randrange(256)],
        ["zero", place, rng.randint(1, 200)],
        ["cut", place],
        ["insert", place, rng.randbytes(rng.randint(1, 8)).hex()],
    ]
    if tensors:
        edits.append(["header", rng.randrange(200), rng.choice(VALUES)])
        edits.append(["fill", rng.randrange(200), rng.choice(NUMBERS)])
        edits.append(["entry", rng.randrange(200), rng.randrange(10**6), rng.choice(NUMBERS)])
    return rng.choice(edits)


def content_of(case: Case) -> bytes:
    content = original(case.options["base"])
    for edit in sorted(case.pieces, key=lambda edit: edit[0] not in ("header", "fill", "entry")):
        content = EDITS[edit[0]](content, *edit[1:])
    return content


def read_binary(case: Case, path: Path) -> None:
    READERS[case.options["base"]](path)


@cache
def original(base: str) -> bytes:
    path = Path(mkdtemp()) / f"{base}{SUFFIX.get(base, '.safetensors')}"
    torch.manual_seed(0)
    MAKERS[base](path)
    return path.read_bytes()


def _flip(content: bytes, place: int, bit: int) -> bytes:
    return _set(content, place, content[place % len(content)] ^ (1 << bit)) if content else content


def _set(content: bytes, place: int, value: int) -> bytes:
    place %= max(1, len(content))
    return content[:place] + bytes([value]) + content[place + 1 :]


def _zero(content: bytes, place: int, n: int) -> bytes:
    return content[:place] + bytes(min(n, max(0, len(content) - place))) + content[place + n :]


def _header(content: bytes, place: int, value: object) -> bytes:
    tensors, header = _opened(content)
    slots = list(_slots(header))
    holder, key = slots[place % len(slots)]
    holder[key] = value
    return save_tensors(tensors, {"molmeta": json.dumps(header)})


def _fill(content: bytes, place: int, value: float) -> bytes:
    tensors, header = _opened(content)
    tensor = tensors[sorted(tensors)[place % len(tensors)]]
    tensor.copy_(torch.full(tensor.shape, value))
    return save_tensors(tensors, {"molmeta": json.dumps(header)})


def _entry(content: bytes, place: int, entry: int, value: float) -> bytes:
    tensors, header = _opened(content)
    flat = tensors[sorted(tensors)[place % len(tensors)]].view(-1)
    if len(flat):
        flat[entry % len(flat) : entry % len(flat) + 1].copy_(torch.tensor([value]))
    return save_tensors(tensors, {"molmeta": json.dumps(header)})


def _opened(content: bytes) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    size = int.from_bytes(content[:8], "little")
    header = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["molmeta"])
    return load_tensors(content), header


def _slots(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from _slots(inner)


EDITS = {
    "flip": _flip, "set": _set, "zero": _zero, "cut": lambda content, n: content[:n],
    "insert": lambda content, n, text: content[:n] + bytes.fromhex(text) + content[n:],
    "header": _header, "fill": _fill, "entry": _entry,
}  # fmt: skip


@cache
def _small_model() -> Model:
    torch.manual_seed(0)
    recipe = toy_training.recipe()
    return Model(recipe.build(0).eval(), recipe, {"version": "0", "seed": 0})


@cache
def _model_of_records() -> Model:
    recipe = Recipe("profile_gp", "fingerprint", {}, toy_training.FINGERPRINTS)
    learner = recipe.build(0)
    learner.fit(TrainingData(toy_training.store().molecules, list(toy_training.assays())))
    return Model(learner.eval(), recipe, {"version": "0"})


def _make_library(path: Path) -> None:
    lines = path.with_suffix(".smi")
    lines.write_text("\n".join([*DRUGS, "no_molecule"]) + "\n")
    featurize_library(lines, path, FeaturizePlan(("morgan", "graph"), model=_small_model()))


def _curated() -> pd.DataFrame:
    rows = pd.DataFrame({"smiles": DRUGS, "active": [i % 2 for i in range(len(DRUGS))]})
    table = read_user_table(rows).rows
    return curate(table, rules=Rules(min_compounds=2, min_class=1)).kept


def _make_checkpoint(path: Path) -> None:
    learner = _small_model().recipe.build(0)
    optimizer = torch.optim.Adam(learner.parameters())
    for parameter in learner.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    state = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    save_run(path, "f", learner, optimizer, Progress(1, 0.5, state, 0, [(1.0,) * 6], 1.0))


def _make_metrics(path: Path) -> None:
    path.write_bytes(report_inputs.make(path.parent, report_inputs.SMALL).metrics[0].read_bytes())


def _read_model(path: Path) -> None:
    predictor = load(path).adapt(*SUPPORT)
    predictor.predict(DRUGS)
    predictor.model.training_record(DRUGS)


def _read_store(path: Path) -> None:
    store = load_store(path)
    model = _small_model()
    model.adapt(*SUPPORT).predict_molecules(store.molecules.only(("morgan",)))


def _read_library(path: Path) -> None:
    model = _small_model()
    predictor = model.adapt(*SUPPORT)
    source = LibrarySource(path, model.featurizers, model=model.digest, force=True)
    for chunk in source.prepared():
        if chunk.records:
            predictor.predict_molecules(chunk.molecules())


def _read_curated(path: Path) -> None:
    assays_of(read_curated([path]), toy_training.store())


def _read_plain(path: Path) -> None:
    for chunk in read_library(path):
        del chunk
    read_user_table(path)


def _read_checkpoint(path: Path) -> None:
    learner = _small_model().recipe.build(0)
    restore_run(path, "f", learner, torch.optim.Adam(learner.parameters()))


MAKERS: dict[str, Any] = {
    "model": lambda path: save(_small_model(), path),
    "records": lambda path: save(_model_of_records(), path),
    "store": lambda path: save_store(toy_training.store(), path),
    "library": _make_library,
    "curated": lambda path: write_parquet(path, _curated()),
    "plain": lambda path: pd.DataFrame({"smiles": DRUGS, "active": [1, 0] * 6}).to_parquet(path),
    "checkpoint": _make_checkpoint,
    "metrics": _make_metrics,
}
READERS: dict[str, Any] = {
    "model": _read_model, "records": _read_model, "store": _read_store, "library": _read_library,
    "curated": _read_curated, "plain": _read_plain, "checkpoint": _read_checkpoint,
    "metrics": lambda path: read(Sources([path])),
}  # fmt: skip
SUFFIX = {"library": ".arrow", "curated": ".parquet", "plain": ".parquet", "metrics": ".parquet"}
