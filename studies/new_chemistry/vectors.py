"""Measures vectors of a network, as one more kernel, on compounds that no assay has measured.

python studies/new_chemistry/vectors.py RESULTS TASKS OUTPUT NAME=VECTORS.npz ...

RESULTS, TASKS, OUTPUT and the split are those of `measure.py`. A file of vectors has the arrays
`keys`, InChIKeys, and `x`, a row for each; `minimol.py` and `encode.py` write these files. It must
cover the assays that are set aside, and the network must not have seen these.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from measure import BASELINE, parts_of, scored, table, with_numbers
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from molmeta.assays.assay import assays_of, read_curated
from molmeta.learners.base import MetaLearner
from molmeta.learners.profile_gp import ProfileGP
from molmeta.learners.tanimoto_gp import TanimotoGP
from molmeta.models.named import baseline
from molmeta.molecules.blocks import Molecules, Vectors, tensor_of
from molmeta.molecules.store import load_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from molmeta.learners.base import Predictor
    from molmeta.molecules.labelled import Labelled
    from molmeta.molecules.store import Store

OTHERS = ("tanimoto_gp", "logistic_regression", "similarity")
"""Baselines on one fingerprint."""
NONE = -20.0
"""Logarithm of a weight that is as good as 0."""


def main(results: Path, tasks: Path, output: Path, files: Sequence[str]) -> None:
    """Write the table of both halves to standard output."""
    output.mkdir(exist_ok=True, parents=True)
    store = load_store(results / "molecules.safetensors")
    assays = assays_of(read_curated([results / "curated" / "train" / "train.parquet"]), store)
    parts = parts_of(assays, tasks, output / "split.csv")
    part_of = dict(zip(parts["assay"], parts["part"], strict=True))
    named = dict(file.split("=", 1) for file in files)
    molecules = store.molecules
    for name, path in named.items():
        molecules = molecules.with_block(name, Vectors(vectors_of(store, Path(path))))
    for part in ("select", "report"):
        chosen = [assay for assay in assays if part_of[assay.name] == part]
        rows = {
            name: scored(learner, chosen, molecules, output / f"{part} {name}.parquet")
            for name, learner in learners(list(named))
        }
        sys.stdout.write(f"\n{part}\n" + "\n".join(table(rows, parts)) + "\n")


def learners(names: Sequence[str]) -> Iterator[tuple[str, MetaLearner]]:
    """Yield the rows of the table."""
    yield BASELINE, TanimotoGP(fingerprints="+".join(ProfileGP.needs))
    for name in OTHERS:
        yield name, baseline(name).learner
    yield "process", with_numbers(ProfileGP())
    for name in names:
        yield f"process, {name}", with_numbers(ProfileGP(further=name))
        yield f"{name} alone", without_structures(with_numbers(ProfileGP(further=name)))
        yield f"logistic regression on {name}", Logistic(name)


def without_structures(learner: ProfileGP) -> ProfileGP:
    """Set the weights of the fingerprints to almost 0."""
    learner.log_structure.data.fill_(NONE)
    return learner


def vectors_of(store: Store, path: Path) -> Tensor:
    """Return the vectors of the compounds of a store, zeros where the file has none."""
    with np.load(path) as file:
        keys, vectors = file["keys"].astype(store.keys.dtype), file["x"].astype(np.float32)
    values = torch.zeros(len(store), vectors.shape[1])
    values[store.rows([key.decode() for key in keys])] = tensor_of(vectors)
    return values


class Logistic(MetaLearner):
    """Logistic regression of scikit-learn on standardised vectors of width W, with C = 1 / W."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    @property
    def featurizers(self) -> tuple[str, ...]:
        return (self.name,)

    def adapt(self, support: Labelled) -> Predictor:
        x = support.molecules.block(self.name, Vectors).values.numpy()
        regression = LogisticRegression(C=1 / x.shape[1], max_iter=1000)
        model: Any = make_pipeline(StandardScaler(), regression)
        model.fit(x, support.labels.numpy())

        def score(molecules: Molecules) -> Tensor:
            values = molecules.block(self.name, Vectors).values.numpy()
            return tensor_of(model.decision_function(values)).float()

        return score


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
