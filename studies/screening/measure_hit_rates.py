"""Hit rates of the pretrained model next to published ones, for studies/notes/enrichment.md.

Run: python studies/screening/measure_hit_rates.py FOLDER

The folder holds `published_hts_hitrate.csv.gz` and the two screens of it that are named below,
tables with `smiles` and `active`. Prints the rows of the page's table.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

import molmeta
from molmeta.assays.assay import distinct_compounds
from molmeta.assays.screens import read_screens, screens_of
from molmeta.evaluation.enrichment import without_records
from molmeta.models.named import baseline
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.store import update
from molmeta.runtime.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from molmeta.assays.screens import Screen
    from molmeta.learners.base import MetaLearner
    from molmeta.molecules.blocks import Molecules

SCREENS = {
    "Touret": ("sarscov2_touret", "SARSCoV2_Vitro_Touret"),
    "XChem": ("sarscov2_3clpro_xchem", "SARSCoV2_3CLPro_Diamond"),
}
"""The file of each screen, and what the published table calls it."""
SIZES, SHARES, SEEDS, TOPS = (16, 32, 64, 128), (0.05, 0.1), 20, (10, 100)


def main(folder: Path) -> None:
    """Print a row for each screen and kind of support."""
    torch.set_num_threads(1)
    pretrained = molmeta.load().learner
    learners = {
        "pretrained": pretrained,
        "without records": without_records(pretrained),
        "similarity": baseline("similarity").learner,
    }
    published = pd.read_csv(folder / "published_hts_hitrate.csv.gz")
    for name, (file, task) in SCREENS.items():
        screen, molecules = read(folder / f"{file}.parquet", learners)
        theirs = published[published["task_name"] == task]
        for size, share, n_active in kinds():
            rates = hit_rates(learners, screen, molecules, size, n_active)
            published_rates = theirs[
                (theirs["task_size"] == size) & np.isclose(theirs["task_prop"], share)
            ]
            cells = [" / ".join(cell(rates, published_rates, top)) for top in TOPS]
            start = f"{name}, {n_active} + {size - n_active}"
            sys.stdout.write(f"| {start} | {' | '.join(cells)} |\n")


def read(table: Path, learners: Mapping[str, MetaLearner]) -> tuple[Screen, Molecules]:
    """Return the one screen of a table, and its molecules with what the learners read."""
    frame = read_screens([table], cores=1)
    names = dict.fromkeys(name for learner in learners.values() for name in learner.featurizers)
    store = update(None, distinct_compounds(frame), list(names))
    return next(screens_of(frame, store)), store.molecules


def kinds() -> Iterator[tuple[int, float, int]]:
    """Yield size, share and number of actives of every kind of support, alike ones once."""
    seen: set[tuple[int, int]] = set()
    for size in SIZES:
        for share in SHARES:
            n_active = max(1, int(share * size))
            if (size, n_active) not in seen:
                seen.add((size, n_active))
                yield size, share, n_active


def hit_rates(
    learners: Mapping[str, MetaLearner], screen: Screen, molecules: Molecules, size: int, n: int
) -> dict[str, dict[int, float]]:
    """Return the share of actives among the first of the library, by learner and number of them.

    Args:
        learners: all see the same supports.
        screen: its rows point into the molecules.
        molecules: of the screen.
        size: compounds of a support.
        n: its actives.
    """
    rates = {name: dict.fromkeys(TOPS, 0.0) for name in learners}
    for seed in range(SEEDS):
        support, rest = drawn(screen, size, n, seed)
        labelled = Labelled(
            molecules.select(tensor_of(screen.rows[support])), tensor_of(screen.labels[support])
        )
        library = molecules.select(tensor_of(screen.rows[rest]))
        for name, learner in learners.items():
            with torch.no_grad():
                scores = learner.eval().adapt(labelled)(library).numpy()
            labels = screen.labels[rest][np.argsort(-scores, kind="stable")]
            for top in TOPS:
                rates[name][top] += float(labels[:top].mean()) / SEEDS
    return rates


def drawn(screen: Screen, size: int, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of a support and of all the rest, in random order."""
    rng = generator(0, "hit rates", screen.target, size, n, seed)
    active, inactive = (rng.permutation(np.flatnonzero(screen.labels == y)) for y in (1, 0))
    support = np.concatenate([active[:n], inactive[: size - n]])
    return support, rng.permutation(np.setdiff1d(np.arange(len(screen)), support))


def cell(
    rates_of: Mapping[str, Mapping[int, float]], published_rates: pd.DataFrame, top: int
) -> Iterator[str]:
    """Yield the rates found, that of published similarity search, and the best of the others."""
    for rates in rates_of.values():
        yield f"{rates[top]:.3f}"
    published = published_rates[published_rates["n_mols"] == top].set_index("model")["hitrate"]
    yield f"{published['simsearch']:.3f}"
    others = published.drop("simsearch")
    yield f"{others.max():.3f} `{others.idxmax()}`"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
