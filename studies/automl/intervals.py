"""How often scores lie in intervals that were estimated on other targets, for `fit.py`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from regressions import FOLDS, SMALLEST, spread_of

from molmeta.automl.spread import Spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def tell(*parts: object) -> None:
    """Write a line."""
    sys.stdout.write(" ".join(map(str, parts)) + "\n")


def print_coverage(
    measure: str, error: Floats, predicted: Floats, table: pd.DataFrame, weights: Floats
) -> None:
    """Print the share of errors inside intervals that were estimated on the other targets.

    By support size, over all assays and by fold, and by the third of predicted scores. Errors that
    are not finite are left out.
    """
    size, n_query, group = sizes_of(table)
    inside = np.zeros(len(table), bool)
    for fold in range(FOLDS):
        others = group != fold
        parts = (column[others] for column in (error, predicted, size, n_query, weights))
        spread = Spread(**spread_of(*parts))
        for row in np.flatnonzero(~others):
            value = predicted[row]
            low, high = spread.interval(value, size[row], int(n_query[row]))
            inside[row] = low <= value + error[row] <= high
    kept = (size + n_query >= SMALLEST) & np.isfinite(error)
    about = table.loc[kept, ["fold", "support"]].assign(
        third=np.asarray(pd.qcut(predicted[kept], 3, labels=["low", "middle", "high"])),
        inside=inside[kept], weight=weights[kept],
    )  # fmt: skip
    tell(f"\n{measure}: share inside the 80 % interval")
    for name in ("support", "third"):
        totals = about.assign(inside=about["inside"] * about["weight"]).groupby(name)
        sums = totals[["inside", "weight"]].sum()
        tell((sums["inside"] / sums["weight"]).round(3).to_dict())
    by_fold = about.groupby(["fold", "support"])["inside"].agg(["mean", "size"])
    tell(by_fold.unstack().round(3).to_string())


def sizes_of(table: pd.DataFrame) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Support size, number of compounds in the query, and fold of the target, of each episode."""
    targets = table["target"].astype(str)
    names = np.random.default_rng(0).permutation(np.unique(targets))
    numbers = {name: number for number, name in enumerate(names)}
    return (
        table["support"].to_numpy(np.float64),
        table["labels"].map(len).to_numpy(np.float64),
        targets.map(numbers).to_numpy(np.int64) % FOLDS,
    )
