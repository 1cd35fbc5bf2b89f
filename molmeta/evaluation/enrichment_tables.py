"""Means, paired comparisons and overlaps of screens, from the rows of `enrich`."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from molmeta.evaluation.hidden_actives import METRICS
from molmeta.evaluation.statistics import interval

if TYPE_CHECKING:
    from collections.abc import Iterator

LOWER_IS_BETTER = ("first_rank",)
_KIND = ["source", "support"]


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return means over draws and then targets, a row for each source, support and model."""
    targets = _means(rows).groupby([*_KIND, "model"])
    return targets[list(METRICS)].mean().assign(n_targets=targets.size()).reset_index()


def compared(rows: pd.DataFrame, model: str, *, seed: int = 0) -> pd.DataFrame:
    """Return a model's paired difference from the best other model of each source and support.

    Args:
        rows: of `enrich`.
        model: which to compare.
        seed: of the bootstrap over targets.

    Returns:
        Columns `source, support, metric, model, baseline, theirs, difference, low, high,
        n_targets`. The baseline is the other model with the best mean of that metric. The 95 %
        interval resamples clusters of targets.
    """
    means = _means(rows)
    differences = [
        {"source": source, "support": support, "metric": metric, **row}
        for (source, support), group in means.groupby(_KIND)
        for metric in METRICS
        for row in _difference(group, metric, model, seed)
    ]
    return pd.DataFrame(differences)


def overlap(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how alike the best library compounds of unrelated targets are.

    Only the first draw counts, and the first target of each cluster.

    Returns:
        Columns `source, support, model, overlap, hub, n_targets`. `overlap` is the mean share of
        library compounds that are in the top 30 of both of two targets. `hub` is the share of
        targets whose top 30 contains the most frequent compound.
    """
    first = rows[(rows["draw"] == 0) & rows["top"].ne("")]
    first = first.drop_duplicates(["model", *_KIND, "cluster"])
    shares = [
        {"source": source, "support": support, "model": model, **_shared(group["top"])}
        for (source, support, model), group in first.groupby([*_KIND, "model"])
        if len(group) > 1
    ]
    return pd.DataFrame(shares)


def _means(rows: pd.DataFrame) -> pd.DataFrame:
    by = ["model", *_KIND, "target", "cluster"]
    return rows.groupby(by, sort=True)[list(METRICS)].mean().reset_index()


def _difference(
    group: pd.DataFrame, metric: str, model: str, seed: int
) -> Iterator[dict[str, Any]]:
    # Only targets on which every model has this metric, so that all means are paired.
    wide = group.pivot_table(index=["target", "cluster"], columns="model", values=metric).dropna()
    others = wide.drop(columns=model, errors="ignore")
    if model not in wide or others.empty:
        return
    means = others.mean()
    best = str(means.idxmin() if metric in LOWER_IS_BETTER else means.idxmax())
    difference = (wide[model] - wide[best]).to_numpy()
    estimate = interval(difference, list(wide.index.get_level_values("cluster")), seed=seed)
    yield {
        "model": float(wide[model].mean()),
        "baseline": best,
        "theirs": float(wide[best].mean()),
        "difference": estimate.mean,
        "low": estimate.low,
        "high": estimate.high,
        "n_targets": estimate.n_assays,
    }


def _shared(tops: pd.Series) -> dict[str, float]:
    lists = [set(text.split()) for text in tops]
    # In a small library, lists are shorter than 30.
    pairs = [len(a & b) / min(len(a), len(b)) for a, b in combinations(lists, 2)]
    counts = pd.Series([row for rows in lists for row in rows]).value_counts()
    return {
        "overlap": float(np.mean(pairs)),
        "hub": float(counts.iloc[0] / len(lists)),
        "n_targets": len(lists),
    }
