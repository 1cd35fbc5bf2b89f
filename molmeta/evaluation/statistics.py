"""Bootstrap intervals and paired tests over assays, computed from the metrics table.

Assays of one cluster (a target or a panel) are not independent. The bootstrap therefore resamples
whole clusters, and each cluster counts once in the rank test.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from molmeta.evaluation.metrics import names as metric_names
from molmeta.runtime.deferred import Deferred

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

# It takes half a second, and a page that only names scopes needs none of it.
stats: Any = Deferred("scipy.stats")

BASELINES = ("similarity", "tanimoto_gp", "logistic_regression", "random_forest")
"""Learners that learn from the support alone; a meta-learner has to beat them."""

ALL, CLEAN, OUTSIDE_PANELS, NEW = "all", "clean", "outside panels", "new"
"""Scopes: all assays, assays without leakage, assays outside panels, assays with new compounds."""
MOSTLY_NEW = 0.1
"""Share of query compounds up to which an assay counts as new to a pretrained model."""
RESAMPLES = 10_000
LEVEL = 0.95
_EPISODE = ["support", "assay", "cluster", "repeat", "episode"]
_SPLIT_ORDER = {"test": 0, "valid": 1, "train": 2}


@dataclass(frozen=True)
class Interval:
    """A mean over assays with its bootstrap interval over clusters.

    Attributes:
        mean: mean over assays; NaN without assays.
        low: lower end of the 95 % interval; NaN for fewer than two clusters.
        high: upper end of the interval.
        n_assays: number of assays with a finite value.
        n_clusters: number of clusters of these assays.
    """

    mean: float
    low: float
    high: float
    n_assays: int
    n_clusters: int


def interval(
    values: Sequence[float] | NDArray[np.float64], clusters: Sequence[str], *, seed: int = 0
) -> Interval:
    """Return the mean over assays and its 95 % percentile interval over resampled clusters.

    Args:
        values: one score for each assay; values that are not finite are ignored.
        clusters: cluster of each assay, as many as values.
        seed: seed of the resampling. The same clusters and seed give the same resamples, so the
            intervals of two models can be compared.

    Source:
        Cameron, Gelbach & Miller, Rev. Econ. Stat. 90, 414 (2008), pairs cluster bootstrap.

    Example:
        >>> interval([0.1, 0.3], ["a", "a"])
        Interval(mean=0.2, low=nan, high=nan, n_assays=2, n_clusters=1)
    """
    sums, counts = _by_cluster(values, clusters)
    n_assays = int(counts.sum())
    if not n_assays:
        return Interval(np.nan, np.nan, np.nan, 0, 0)
    mean = float(sums.sum() / n_assays)
    if len(sums) < 2:
        return Interval(mean, np.nan, np.nan, n_assays, len(sums))
    resamples = _resamples(len(sums), seed)
    # einsum uses one thread; for products this small, BLAS threads wait longer than they compute.
    means = np.einsum("rc,c->r", resamples, sums) / np.einsum("rc,c->r", resamples, counts)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(mean, float(low), float(high), n_assays, len(sums))


def signed_rank(values: Sequence[float] | NDArray[np.float64], clusters: Sequence[str]) -> float:
    """Return the two-sided p value of Wilcoxon's signed-rank test on cluster means.

    Args:
        values: one paired difference for each assay; NaN is ignored.
        clusters: cluster of each assay, as many as values.

    Returns:
        p in (0, 1]; NaN for fewer than two clusters, 1 if all differences are zero.

    Source:
        Wilcoxon, Biometrics Bull. 1, 80 (1945); for models over data sets: Demsar, JMLR 7 (2006).
    """
    sums, counts = _by_cluster(values, clusters)
    means = sums / counts
    if len(means) < 2:
        return float("nan")
    if not np.any(means):
        return 1.0
    result: Any = stats.wilcoxon(means)  # pyright: ignore[reportUnknownMemberType]
    return float(result.pvalue)


def holm(values: Sequence[float]) -> list[float]:
    """Return p values adjusted for multiple comparisons by Holm's method; NaN stays NaN.

    Source:
        Holm, Scand. J. Statist. 6, 65 (1979).

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(values, dtype=np.float64)
    finite = np.flatnonzero(np.isfinite(p))
    order = finite[np.argsort(p[finite], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    return [float(value) for value in adjusted]


def scopes(metrics: pd.DataFrame, audit: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """Return the rows of the metrics table for each scope of assays.

    Args:
        metrics: the metrics table.
        audit: the leakage audit, or None. It replaces the clusters of the metrics table, which has
            no panels.

    Returns:
        Rows by scope: always `ALL`; `CLEAN` with an audit, and `OUTSIDE_PANELS` if it lists panels;
        `NEW` if a model records its training compounds. `NEW` has the assays of which no model
        saw more than a tenth of the query compounds in training.
    """
    share_known = metrics["known"] if "known" in metrics else pd.Series(0.0, index=metrics.index)
    highest = share_known.groupby(metrics["assay"]).transform("max").fillna(0.0)
    new = {NEW: highest.le(MOSTLY_NEW)} if highest.gt(0).any() else {}
    if audit is None:
        return {ALL: metrics, **{name: metrics[rows] for name, rows in new.items()}}
    audited = audit_by_assay(audit).set_index("assay")
    metrics = metrics.copy()
    metrics["cluster"] = metrics["assay"].map(audited["cluster"]).fillna(metrics["cluster"])
    clean, panel = (metrics["assay"].map(audited[name]) for name in ("clean", "panel"))
    rows = {CLEAN: clean.eq(True)}  # noqa: FBT003 - a comparison
    if panel.fillna("").ne("").any():
        rows[OUTSIDE_PANELS] = panel.eq("")
    return {ALL: metrics, **{name: metrics[kept] for name, kept in (rows | new).items()}}


def audit_by_assay(audit: pd.DataFrame) -> pd.DataFrame:
    """Return one audit row for each assay; test rows take precedence over valid and train rows."""
    order = audit["split"].map(_SPLIT_ORDER).fillna(len(_SPLIT_ORDER))
    return audit.assign(order=order).sort_values("order", kind="stable").drop_duplicates("assay")


def assay_scores(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return means over seeds, then repeats: one row per (model, support, assay, cluster)."""
    keys = ["model", "support", "assay", "cluster"]
    scores = _episode_scores(metrics)
    return scores.groupby(keys, sort=True)[_metrics_in(scores)].mean().reset_index()


def summarise(
    metrics: pd.DataFrame, *, names: Sequence[str] | None = None, seed: int = 0
) -> pd.DataFrame:
    """Return the mean over assays and its interval, one row per (model, support, metric).

    Args:
        metrics: the metrics table; rows with a reason have no scores and are ignored.
        names: metrics to summarise; None for all columns of metrics.
        seed: seed of the resampling.

    Returns:
        Columns `model, support, metric, mean, low, high, n_assays, n_clusters, n_seeds, seed_sd`;
        `seed_sd` is the standard deviation of the means of the training seeds, NaN for one seed.
    """
    names = _metrics_in(metrics) if names is None else names
    spread = _seed_spread(metrics, names)
    rows = [
        {"model": model, "support": support, "metric": name}
        | asdict(interval(list(group[name]), list(group["cluster"]), seed=seed))
        | spread[f"{model}\n{support}\n{name}"]
        for (model, support), group in assay_scores(metrics).groupby(["model", "support"])
        for name in names
    ]
    return pd.DataFrame(rows, columns=list(_SUMMARY))


def base(model: str) -> str:
    """The name of a model without options.

    Example:
        >>> base("similarity:mode=mean"), base("maml")
        ('similarity', 'maml')
    """
    return model.partition(":")[0]


def baselines_among(models: Iterable[str]) -> tuple[str, ...]:
    """The baselines of some models, with and without options, in the order of BASELINES.

    Example:
        >>> baselines_among(["maml", "tanimoto_gp:rank=mean", "similarity"])
        ('similarity', 'tanimoto_gp:rank=mean')
    """
    chosen = [model for model in models if base(model) in BASELINES]
    return tuple(sorted(chosen, key=lambda model: (BASELINES.index(base(model)), model)))


def compare(
    metrics: pd.DataFrame,
    *,
    baselines: Sequence[str] | None = None,
    metric: str = "delta_auprc",
    seed: int = 0,
) -> pd.DataFrame:
    """Return the paired difference of each model to each baseline over their shared episodes.

    Args:
        metrics: the metrics table.
        baselines: models to compare with; None takes those of BASELINES.
        metric: metric to compare.
        seed: seed of the resampling.

    Returns:
        Columns `model, baseline, support, metric, difference, low, high, p, p_holm, n_assays,
        n_clusters, n_episodes, share_better`. `p_holm` is adjusted for all comparisons of
        meta-learners at that support size, and NaN between baselines. `share_better` is the share
        of assays on which the model is better than the baseline.
    """
    wide = _episode_scores(metrics).pivot_table(index=_EPISODE, columns="model", values=metric)
    baselines = baselines_among(map(str, wide.columns)) if baselines is None else baselines
    rows = [
        {"baseline": baseline, "metric": metric, **row}
        for baseline in baselines
        if baseline in wide.columns
        for row in _differences(wide.drop(columns=baseline).sub(wide[baseline], axis=0), seed)
    ]
    table = pd.DataFrame(rows, columns=list(_PAIRED))
    tested = table["p"].where(~table["model"].isin(baselines))
    adjusted = tested.groupby(table["support"]).transform(lambda p: holm(list(p)))
    return table.assign(p_holm=adjusted).sort_values(["support", "baseline", "model"])


_SUMMARY = (
    *("model", "support", "metric", "mean", "low", "high"),
    *("n_assays", "n_clusters", "n_seeds", "seed_sd"),
)
_PAIRED = (
    *("model", "baseline", "support", "metric", "difference", "low", "high", "p", "p_holm"),
    *("n_assays", "n_clusters", "n_episodes", "share_better"),
)


def _episode_scores(metrics: pd.DataFrame) -> pd.DataFrame:
    groups = _evaluated(metrics).groupby(["model", *_EPISODE], sort=True)
    return groups[_metrics_in(metrics)].mean().reset_index()


def _metrics_in(table: pd.DataFrame) -> list[str]:
    return [name for name in metric_names() if name in table.columns]


def _evaluated(metrics: pd.DataFrame) -> pd.DataFrame:
    return metrics[metrics["reason"].fillna("").eq("")]


def _by_cluster(
    values: Sequence[float] | NDArray[np.float64], clusters: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and number of the finite values of each cluster."""
    scores = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(scores)
    _, codes = np.unique(np.asarray(clusters, dtype=str)[finite], return_inverse=True)
    sums = np.bincount(codes, weights=scores[finite])
    return sums.astype(np.float64), np.bincount(codes).astype(np.float64)


def _seed_spread(metrics: pd.DataFrame, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    keys = ["model", "support", "seed"]
    seeds = _evaluated(metrics).groupby([*keys, "assay"])[list(names)].mean().groupby(keys).mean()
    return {
        f"{model}\n{support}\n{name}": {"n_seeds": len(group), "seed_sd": group[name].std(ddof=1)}
        for (model, support), group in seeds.groupby(["model", "support"])
        for name in names
    }


def _differences(paired: pd.DataFrame, seed: int) -> Iterator[dict[str, Any]]:
    assays = paired.groupby(["support", "assay", "cluster"])
    means, counts = assays.mean(), assays.count()
    for support, group in means.groupby("support"):
        clusters = [str(name) for name in group.index.get_level_values("cluster")]
        episodes = counts.loc[group.index].sum()
        for model in (str(name) for name in group.columns if episodes[name] > 0):
            values = group[model].to_numpy(dtype=np.float64)
            estimate = asdict(interval(values, clusters, seed=seed))
            yield {
                "model": model,
                "support": support,
                "difference": estimate.pop("mean"),
                **estimate,
                "p": signed_rank(values, clusters),
                "n_episodes": int(episodes[model]),
                "share_better": np.count_nonzero(values > 0) / estimate["n_assays"],
            }


@lru_cache(maxsize=64)
def _resamples(n_clusters: int, seed: int) -> NDArray[np.float64]:
    """How often each cluster occurs in each resample, shape (RESAMPLES, n_clusters)."""
    rng = np.random.default_rng(seed)
    uniform = np.full(n_clusters, 1 / n_clusters)
    return rng.multinomial(n_clusters, uniform, size=RESAMPLES).astype(np.float64)
