"""Measures learners on compounds that no training assay has measured; see `split.py`.

python studies/new_chemistry/measure.py RESULTS TASKS OUTPUT

RESULTS is the folder results/ of a run of config/fsmol.yaml, and TASKS the file tasks.csv.gz of
FS-Mol. Properties, the split and the metrics of every row are written to the folder OUTPUT; what
is there already is used again.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from prior import Alone, WithPrior
from split import split, without
from trees import PROPERTIES, PropertyPrior

from molmeta.assays.assay import assays_of, distinct_compounds, read_curated
from molmeta.assays.training_data import TrainingData
from molmeta.evaluation.evaluate import EvaluationPlan, evaluate
from molmeta.learners.profile_gp import ProfileGP
from molmeta.learners.tanimoto_gp import TanimotoGP
from molmeta.models.pretrained import load_pretrained
from molmeta.molecules.blocks import Vectors
from molmeta.molecules.store import Store, featurize, load_store, save_store
from molmeta.runtime.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from molmeta.assays.assay import Assay
    from molmeta.learners.base import MetaLearner
    from molmeta.molecules.blocks import Molecules

PLAN = EvaluationPlan(supports=(16, 32, 64, 128), repeats=3, seed=0, n_query=128)
BASELINE = "tanimoto_gp, four fingerprints"
WEIGHT = 0.4
RESAMPLES = 2000


def main(results: Path, tasks: Path, output: Path) -> None:
    """Write the table of both halves to standard output."""
    output.mkdir(exist_ok=True, parents=True)
    store = load_store(results / "molecules.safetensors")
    curated = results / "curated" / "train" / "train.parquet"
    assays = assays_of(read_curated([curated]), store)
    molecules = with_properties(store, curated, output / "properties.safetensors")
    parts = parts_of(assays, tasks, output / "split.csv")
    part_of = dict(zip(parts["assay"], parts["part"], strict=True))
    aside = [assay for assay in assays if part_of[assay.name] != "train"]
    train = without([assay for assay in assays if part_of[assay.name] == "train"], aside)
    prior = PropertyPrior()
    prior.fill(TrainingData(molecules, train))
    sys.stdout.write(f"trained on {sum(map(len, train))} labels of {len(train)} assays\n")
    for part in ("select", "report"):
        chosen = [assay for assay in aside if part_of[assay.name] == part]
        rows = {
            name: scored(learner, chosen, molecules, output / f"{part} {name}.parquet")
            for name, learner in learners(prior)
        }
        sys.stdout.write(f"\n{part}\n" + "\n".join(table(rows, parts)) + "\n")


def learners(prior: PropertyPrior) -> Iterator[tuple[str, MetaLearner]]:
    """Yield the rows of the table."""
    yield BASELINE, TanimotoGP(fingerprints="+".join(ProfileGP.needs))
    yield "prior alone", Alone(prior)
    yield "process", with_numbers(ProfileGP())
    yield f"process, prior {WEIGHT}", with_numbers(WithPrior(prior, weight=WEIGHT))
    yield f"process, mean {WEIGHT}", with_numbers(WithPrior(prior, weight=WEIGHT, in_kernel=False))
    yield "process, kernel of the prior", with_numbers(WithPrior(prior, weight=0))


def with_numbers(learner: ProfileGP) -> ProfileGP:
    """Take the trained numbers of the pretrained model, without its records and networks."""
    trained = dict(load_pretrained().learner.named_parameters())
    for name, parameter in learner.named_parameters():
        parameter.data.copy_(trained[name].data)
    return learner.eval()


def with_properties(store: Store, curated: Path, path: Path) -> Molecules:
    """Return the molecules of the store with their properties, zeros outside this table."""
    if not path.exists():
        smiles = distinct_compounds(read_curated([curated]))
        keys = np.array(sorted(smiles), store.keys.dtype)
        block = featurize([smiles[key] for key in sorted(smiles)], (PROPERTIES,))
        save_store(Store(keys, np.zeros(len(keys), np.int64), block, {PROPERTIES: 1}), path)
    properties = load_store(path)
    values = torch.zeros(
        len(store), properties.molecules.block(PROPERTIES, Vectors).values.shape[1]
    )
    values[store.rows([key.decode() for key in properties.keys])] = properties.molecules.block(
        PROPERTIES, Vectors
    ).values
    return store.molecules.with_block(PROPERTIES, Vectors(values))


def parts_of(assays: Sequence[Assay], tasks: Path, path: Path) -> pd.DataFrame:
    """Return the split, which takes a few minutes the first time."""
    if not path.exists():
        table = pd.read_csv(tasks)
        panel = set(table.loc[table["panel"].astype(bool), "task"])
        split(assays, panel).to_csv(path, index=False)
    return pd.read_csv(path)


def scored(
    learner: MetaLearner, assays: Sequence[Assay], molecules: Molecules, path: Path
) -> pd.Series:
    """Return the mean delta-AUPRC of each assay and support size."""
    if not path.exists():
        evaluate(learner, assays, molecules, plan=PLAN, model=path.stem, seed=0).to_parquet(path)
    rows = pd.read_parquet(path)
    return rows[rows["reason"].eq("")].groupby(["support", "assay"])["delta_auprc"].mean()


def table(rows: dict[str, pd.Series], parts: pd.DataFrame) -> Iterator[str]:
    """Yield a line for each row and support size, with the difference from the baseline."""
    group_of = parts.set_index("assay")["group"]
    for name, scores in rows.items():
        for size, of_size in scores.groupby("support"):
            difference = (of_size - rows[BASELINE]).dropna().droplevel("support")
            low, high = interval(difference, group_of)
            better = float((difference > 0).mean())
            yield (
                f"{name} | {size} | {of_size.mean():.4f} | {difference.mean():+.4f} "
                f"[{low:+.4f}, {high:+.4f}] | {better:.0%} of {len(difference)}"
            )


def interval(difference: pd.Series, group_of: pd.Series) -> tuple[float, float]:
    """Return a 95 % interval of the mean from a bootstrap over groups."""
    by_group = difference.groupby(difference.index.map(group_of)).agg(["sum", "size"])
    draws = generator(0, "bootstrap").integers(0, len(by_group), (RESAMPLES, len(by_group)))
    sums, sizes = (by_group[column].to_numpy()[draws].sum(1) for column in ("sum", "size"))
    low, high = np.quantile(sums / sizes, (0.025, 0.975))
    return float(low), float(high)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
