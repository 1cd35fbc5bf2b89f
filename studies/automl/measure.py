"""Scores members of automatic choices on set-aside assays, for `fit.py`.

    python studies/automl/measure.py FOLDER OUTPUT [test]

FOLDER holds `train.parquet` and `valid.parquet`, or `test.parquet`, curated. Writes a row for each
episode: features of the support, labels, and outputs of every member for the query and for
held-out compounds of the support. An interrupted run resumes at its assay.

Training assays set aside: the pretrained model has seen them. Its networks are therefore left out,
which changes next to nothing within an assay (docs/fsmol.md), and every assay hides the records of
its own target. What remains are about twenty numbers, fitted to all training assays.
"""

from __future__ import annotations

import copy
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from molmeta.assays.assay import assays_of, distinct_compounds, read_curated
from molmeta.assays.episodes import Draw, draw_episode
from molmeta.assays.records import records_in, times_measured
from molmeta.automl.candidates import NAME, member_models
from molmeta.automl.describe import described
from molmeta.automl.held_out import HeldOut
from molmeta.errors import EpisodeError
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.store import load_store, save_store, update
from molmeta.runtime.outputs import written
from molmeta.runtime.parquetfiles import write_parquet
from molmeta.runtime.seeds import generator
from molmeta.runtime.tableparts import kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from molmeta.assays.assay import Assay
    from molmeta.learners.base import MetaLearner
    from molmeta.models.model import Model
    from molmeta.molecules.blocks import Molecules

SIZES = (16, 32, 64, 128, 256)
GROUPS = ((320, 1500, 60), (192, 319, 50), (96, 191, 50))
"""Smallest and largest number of compounds, and number of set-aside training assays."""
PANEL = 35
"""Set-aside assays of the kinase panel: training assays of 157 compounds that many others share."""
MOST = 450
SMALLEST_QUERY = 24


def set_aside(frame: pd.DataFrame) -> list[str]:
    """Names of set-aside training assays, at most one for each target outside the panel."""
    sizes = frame.groupby("assay").agg(n=("smiles", "size"), target=("target", "first"))
    compounds = frame.groupby("assay")["inchikey"].agg(lambda keys: "".join(sorted(keys)))
    sizes["set"] = compounds.map(compounds.value_counts())
    sizes = sizes.sample(frac=1, random_state=0)
    panel = sizes["set"].gt(PANEL) & sizes["n"].ge(GROUPS[-1][0])
    others = sizes[~panel].drop_duplicates("target")
    names = [str(name) for name in sizes[panel].index[:PANEL]]
    for low, high, number in GROUPS:
        names += list(others[others["n"].between(low, high)].index[:number])
    return names


def blinded(models: dict[str, Model], targets: Mapping[str, int]) -> dict[str, MetaLearner]:
    """Learners without the networks of the pretrained model, which hide records by target."""
    learners = {name: model.learner for name, model in models.items()}
    of_assay = torch.tensor([targets[name] for name in models[NAME].history["assays"]])
    for name in learners:
        if name.startswith(NAME):
            learner = copy.copy(learners[name])
            vars(learner)["_modules"] = {**vars(learner)["_modules"], "encoder": None}
            for records in records_in(learner):
                records.targets = of_assay
            learners[name] = learner
    return learners


def rows(
    learners: Mapping[str, MetaLearner], values: Mapping[str, MetaLearner], assay: Assay,
    molecules: Molecules, held_out: Sequence[int], repeats: int,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Yield a row for each episode of an assay; `molecules` are those of its rows."""
    known = times_measured(learners[NAME], molecules).numpy()
    with torch.no_grad():
        molecules = learners[NAME].prepare(molecules)
    for size in SIZES:
        for repeat in range(repeats):
            try:
                draw = Draw(size)
                episode = draw_episode(
                    assay, draw, generator(0, "evaluate", assay.name, size, repeat)
                )
            except EpisodeError:
                continue
            if len(episode.query) < SMALLEST_QUERY:
                continue
            support, query = episode.labelled(molecules)
            row: dict[str, Any] = {
                "assay": assay.name, "target": assay.target, "cluster": assay.cluster,
                "support": size, "repeat": repeat, "labels": episode.query_labels,
                "support_labels": episode.support_labels, "query_values": episode.query_values,
                "support_values": episode.support_values,
                **described(support, known[episode.support]),
            }  # fmt: skip
            with torch.no_grad():
                for name, learner in learners.items():
                    row[f"query {name}"] = learner.adapt(support)(query.molecules).numpy()
                for name, learner in values.items():
                    if np.isfinite(episode.support_values).all():
                        row[f"value {name}"] = learner.adapt(support)(query.molecules).numpy()
                    else:
                        row[f"value {name}"] = np.zeros(0, np.float32)
            judged = HeldOut(support)
            if size in held_out:
                judged.judge(learners)
            for name in learners:
                row[f"held {name}"] = judged.outputs.get(name, np.zeros((1, 0)))[0]
            yield row


def main(folder: Path, output: Path, fold: str) -> None:
    torch.set_num_threads(1)
    frame = read_curated([folder / fold / f"{fold}.parquet"])
    targets = target_numbers_of(folder)
    if fold == "train":
        frame = frame[frame["assay"].isin(set_aside(frame))]
        frame = frame.sample(frac=1, random_state=0).groupby("assay").head(MOST)
    models = member_models()
    learners = (
        blinded(models, targets) if fold == "train" else {n: m.learner for n, m in models.items()}
    )
    of_values = member_models("value")
    values = (
        blinded(of_values, targets)
        if fold == "train"
        else {n: m.learner for n, m in of_values.items()}
    )
    features = tuple(sorted({name for one in learners.values() for name in one.featurizers}))
    path = output.with_suffix(".safetensors")
    store = update(load_store(path) if path.exists() else None, distinct_compounds(frame), features)
    save_store(store, path)
    assays = assays_of(frame, store)
    # Every other assay, so that cross-validation is affordable.
    sizes = [(16, 64, 256), (32, 128)] if fold == "train" else [SIZES]
    with kept(output, [fold, list(learners), list(values), len(assays)]) as keep:
        tables = []
        for number, assay in enumerate(assays):

            def make(number: int = number, assay: Assay = assay) -> pd.DataFrame:
                molecules = store.molecules.select(tensor_of(assay.rows))
                if fold == "train":
                    own = torch.full((len(assay),), targets[assay.name])
                    molecules = replace(molecules, hidden_targets=own)
                made = rows(
                    learners, values, assay, molecules, sizes[number % len(sizes)], REPEATS[fold]
                )
                return pd.DataFrame(list(made))

            tables.append(keep(number, make))
            print(number + 1, len(assays), flush=True)
        with written(output) as temporary:
            write_parquet(temporary, pd.concat(tables, ignore_index=True))


REPEATS = {"train": 1, "valid": 1, "test": 1}


def target_numbers_of(folder: Path) -> dict[str, int]:
    train = read_curated([folder / "train" / "train.parquet"])
    of = train.groupby("assay")["target"].first()
    numbers = {target: number for number, target in enumerate(sorted(set(of)))}
    return {str(name): numbers[target] for name, target in of.items()}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
