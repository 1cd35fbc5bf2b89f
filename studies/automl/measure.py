"""Scores members of automatic choices on set-aside assays, for `fit.py`.

    python studies/automl/measure.py FOLDER OUTPUT FOLD

FOLDER holds the curated folds `train`, `valid` and `test` of FS-Mol. Writes a row for each episode
of one FOLD: features of the support, labels, and outputs of every member for the query and for
held-out compounds of the support. An interrupted run resumes at its assay.

Training assays set aside: the pretrained model has seen them. Its fingerprint networks were trained
on their labels, so they get weight 0, which changes next to nothing within an assay
(docs/fsmol.md). Its graph network was distilled from MiniMol and has seen no labels of FS-Mol, so
it stays. Every assay hides the records of its own target. What remains are about twenty numbers,
fitted to all training assays. The pretrained graph network that is a model of its own is not
measured on them, as its kernel was fitted to them, nor are members that take long: every third
validation assay has to do for these. The test fold leaves them out too: `test_fold.py` checks that
the selector could choose none of them. Random forests are not cross-validated, which would take
longer than all else.
"""

from __future__ import annotations

import copy
import logging
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import torch

from molmeta.assays.assay import assays_of, distinct_compounds, read_curated
from molmeta.assays.episodes import Draw, draw_episode
from molmeta.assays.records import records_in, times_measured
from molmeta.automl.candidates import NAME, member_models, members_for
from molmeta.automl.describe import described
from molmeta.automl.held_out import HeldOut
from molmeta.errors import EpisodeError
from molmeta.models.pretrained import load_pretrained
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.store import load_store, save_store, update
from molmeta.runtime.outputs import written
from molmeta.runtime.parquetfiles import write_parquet
from molmeta.runtime.seeds import generator
from molmeta.runtime.tableparts import kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from molmeta.assays.assay import Assay
    from molmeta.learners.base import MetaLearner, Target
    from molmeta.learners.profile_gp import ProfileGP
    from molmeta.models.model import Model
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

SIZES = (16, 32, 64, 128, 256)
GROUPS = ((320, 1500, 60), (192, 319, 50), (96, 191, 50))
"""Smallest and largest number of compounds, and number of set-aside training assays."""
PANEL = 35
"""Set-aside assays of the kinase panel: training assays of 157 compounds that many others share."""
MOST = 450
FOREST = "random_forest"
SLOW = ("random_forest", "random_forest_descriptors", "logistic_regression_descriptors")
SEEN = ("pretrained_gine",)
"""Members whose weights were fitted to the training assays."""
EVERY = 3
"""Every third validation assay is one for all members."""
SMALLEST_QUERY = 24
NOTHING = np.zeros(0, np.float32)
_log = logging.getLogger(__name__)


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
    """Learners that hide records by target, without networks trained on labels of FS-Mol."""
    learners = {name: m.learner for name, m in models.items() if name not in (*SLOW, *SEEN)}
    assays = load_pretrained().history["assays"]
    of_assay = torch.tensor([targets[name] for name in assays])
    for name in learners:
        if name.startswith(NAME):
            learner = cast("ProfileGP", copy.copy(learners[name]))
            # Weighs the fingerprint networks alone; the graph network has one of its own.
            learner.encoder_weight = 0.0
            for records in records_in(learner):
                records.targets = of_assay
            learners[name] = learner
    return learners


def rows(
    learners: Mapping[str, MetaLearner],
    values: Mapping[str, MetaLearner],
    assay: Assay,
    molecules: Molecules,
    held_out: Sequence[int],
) -> Iterator[dict[str, Any]]:
    """Yield a row for each episode of an assay; `molecules` are those of its rows."""
    n_records = times_measured(learners[NAME], molecules).numpy()
    missing = [name for name in members_for() if name not in learners]
    with torch.no_grad():
        prepared = {NAME: learners[NAME].prepare(molecules)}
        # Prepared vectors have one name for all learners, so those of two need two copies.
        prepared |= {name: learners[name].prepare(molecules) for name in SEEN if name in learners}
    for size in SIZES:
        try:
            rng = generator(0, "evaluate", assay.name, size, 0)
            episode = draw_episode(assay, Draw(size), rng)
        except EpisodeError:
            continue
        if len(episode.query) < SMALLEST_QUERY:
            continue
        drawn = {name: episode.labelled(each) for name, each in prepared.items()}
        judged = HeldOut(episode.labelled(molecules)[0])
        support, _ = drawn[NAME]
        if size in held_out:
            judged.judge(
                {n: learner for n, learner in learners.items() if not n.startswith(FOREST)}
            )
        complete = bool(np.isfinite(assay.values[episode.support]).all())
        yield {
            "assay": assay.name, "target": assay.target, "cluster": assay.cluster,
            "support": size, "repeat": 0, "labels": episode.query_labels,
            "support_labels": episode.support_labels, "query_values": episode.query_values,
            "support_values": episode.support_values,
            **described(support, n_records[episode.support]),
            **outputs("query", learners, drawn),
            **outputs("value", values if complete else {}, drawn),
            **{f"value {name}": NOTHING for name in ({} if complete else values)},
            **{
                f"held {name}": judged.outputs.get(name, [NOTHING])[0].astype(np.float32)
                for name in learners
            },
            **{f"{kind} {n}": NOTHING for n in missing for kind in ("query", "held")},
        }  # fmt: skip


def outputs(
    prefix: str, learners: Mapping[str, MetaLearner], drawn: Mapping[str, tuple[Labelled, Labelled]]
) -> dict[str, Any]:
    """Outputs of each learner for a query, named after it.

    Args:
        prefix: of the names.
        learners: by name.
        drawn: support and query, prepared by the learner of that name; all others take those of
            the pretrained model.
    """
    columns = dict[str, Any]()
    with torch.no_grad():
        for name, learner in learners.items():
            support, query = drawn.get(name, drawn[NAME])
            columns[f"{prefix} {name}"] = learner.adapt(support)(query.molecules).numpy()
    return columns


def target_numbers_of(folder: Path) -> dict[str, int]:
    """Number of the target of each training assay."""
    target_of = read_curated([folder / "train" / "train.parquet"]).groupby("assay")["target"]
    first = target_of.first()
    numbers = {target: number for number, target in enumerate(sorted(set(first)))}
    return {str(name): numbers[target] for name, target in first.items()}


def members(target: Target, targets: Mapping[str, int]) -> dict[str, MetaLearner]:
    """Members of the candidates as learners, blinded if there are numbers of targets."""
    models = member_models(target)
    return blinded(models, targets) if targets else {n: m.learner for n, m in models.items()}


def main(folder: Path, output: Path, fold: str) -> None:
    """Write the rows of one fold."""
    torch.set_num_threads(1)
    frame = read_curated([folder / fold / f"{fold}.parquet"])
    targets = target_numbers_of(folder) if fold == "train" else {}
    if targets:
        frame = frame[frame["assay"].isin(set_aside(frame))]
    if fold != "test":
        frame = frame.sample(frac=1, random_state=0).groupby("assay").head(MOST)
    learners, values = members("activity", targets), members("value", targets)
    quick = {name: learner for name, learner in learners.items() if name not in (*SLOW, *SEEN)}
    learners = learners if fold == "valid" else quick
    features = tuple(
        sorted({name for learner in learners.values() for name in learner.featurizers})
    )
    path = output.with_suffix(".safetensors")
    store = update(load_store(path) if path.exists() else None, distinct_compounds(frame), features)
    save_store(store, path)
    assays = assays_of(frame, store)
    # Every training assay at every other size, so that cross-validation is affordable.
    sizes = [SIZES[::2], SIZES[1::2]] if targets else [SIZES]

    def table(number: int) -> pd.DataFrame:
        assay = assays[number]
        molecules = store.molecules.select(tensor_of(assay.rows))
        if targets:
            hidden = torch.full((len(assay),), targets[assay.name])
            molecules = replace(molecules, hidden_targets=hidden)
        held_out = sizes[number % len(sizes)]
        chosen = quick if number % EVERY else learners
        return pd.DataFrame(list(rows(chosen, values, assay, molecules, held_out)))

    kind = [fold, list(learners), list(values), len(assays)]
    with kept(output, kind, lambda _: _log.info("an assay is done")) as keep:
        tables = [keep(number, partial(table, number)) for number in range(len(assays))]
        with written(output) as temporary:
            write_parquet(temporary, pd.concat(tables, ignore_index=True))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
