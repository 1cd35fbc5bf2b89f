"""Intervals and paired comparisons over assays, computed from the metrics table.

Assays of one cluster (a target, a panel) are not independent: they are drawn together in the
bootstrap and count once in the rank test. Does not read, format or draw anything.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

METRICS = (
    "delta_auprc",
    "auprc",
    "auroc",
    "bedroc20",
    "ef1",
    "ef5",
    "brier",
    "log_loss",
    "calibration_error",
    "r2",
    "rmse",
    "spearman",
)
"""The columns of the metrics table that hold a score."""

BASELINES = ("similarity", "tanimoto_gp", "logistic_regression", "random_forest")
"""The models that a meta-learner has to beat; they learn from the support alone."""

ALL, CLEAN, OUTSIDE_PANELS, NEW = "all", "clean", "outside panels", "new"
MOSTLY_NEW = 0.1
RESAMPLES = 10_000
LEVEL = 0.95
_EPISODE = ["support", "assay", "cluster", "repeat", "episode"]
_SPLITS = {"test": 0, "valid": 1, "train": 2}


@dataclass(frozen=True)
class Interval:
    """A mean over assays with its bootstrap interval over clusters.

    Attributes:
        mean: mean over assays; NaN without any.
        low: lower end of the 95 % interval; NaN below two clusters.
        high: upper end of it.
        n_assays: assays with a finite value.
        n_clusters: clusters that they fall into.
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
        values: one score an assay; values that are not finite are left out.
        clusters: the cluster of each assay, equally long.
        seed: of the resampling; the same clusters and seed give the same resamples, which is
            what makes the intervals of two models comparable.

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
    drawn = _resamples(len(sums), seed)
    # einsum stays on one thread; a BLAS product this small loses more to waiting than it gains
    means = np.einsum("rc,c->r", drawn, sums) / np.einsum("rc,c->r", drawn, counts)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(mean, float(low), float(high), n_assays, len(sums))


def signed_rank(values: Sequence[float] | NDArray[np.float64], clusters: Sequence[str]) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test on the mean difference per cluster.

    Args:
        values: one paired difference an assay; NaN is left out.
        clusters: the cluster of each assay, equally long.

    Returns:
        p in (0, 1]; NaN below two clusters, 1 where nothing differs.

    Source:
        Wilcoxon, Biometrics Bull. 1, 80 (1945); for models over data sets: Demsar, JMLR 7 (2006).
    """
    sums, counts = _by_cluster(values, clusters)
    means = sums / counts
    if len(means) < 2:
        return float("nan")
    if not np.any(means):
        return 1.0
    tested: Any = stats.wilcoxon(means)  # pyright: ignore[reportUnknownMemberType]
    return float(tested.pvalue)


def holm(values: Sequence[float]) -> list[float]:
    """Return the p values adjusted for their number by Holm's step-down rule; NaN stays NaN.

    Source:
        Holm, Scand. J. Statist. 6, 65 (1979).

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(values, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    return [float(value) for value in adjusted]


def scopes(metrics: pd.DataFrame, audit: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """Return the rows over all assays, over clean ones and, if there are panels, outside them.

    Where a model knows compounds from its own training, as the pretrained model does, there is also
    the scope of the assays in which no model knows more than a tenth of the queries. The clusters
    of the audit replace those of the metrics table, because only the audit knows the panels.
    Without an audit there is neither the clean scope nor that outside the panels.
    """
    known = metrics["known"] if "known" in metrics else pd.Series(0.0, index=metrics.index)
    seen = known.groupby(metrics["assay"]).transform("max").fillna(0.0)
    new = {NEW: seen.le(MOSTLY_NEW)} if seen.gt(0).any() else {}
    if audit is None:
        return {ALL: metrics, **{name: metrics[kept] for name, kept in new.items()}}
    found_out = audited(audit).set_index("assay")
    metrics = metrics.copy()
    metrics["cluster"] = metrics["assay"].map(found_out["cluster"]).fillna(metrics["cluster"])
    clean, panel = (metrics["assay"].map(found_out[name]) for name in ("clean", "panel"))
    found = {ALL: metrics, CLEAN: metrics[clean.eq(True)]}  # noqa: FBT003 - a comparison
    if panel.fillna("").ne("").any():
        found[OUTSIDE_PANELS] = metrics[panel.eq("")]
    return found | {name: metrics[kept] for name, kept in new.items()}


def audited(audit: pd.DataFrame) -> pd.DataFrame:
    """Return one row of the audit an assay: where a name stands in two splits, the later fold's."""
    order = audit["split"].map(_SPLITS).fillna(len(_SPLITS))
    return audit.assign(order=order).sort_values("order", kind="stable").drop_duplicates("assay")


def assay_scores(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over seeds, then repeats: one row per (model, support, assay, cluster)."""
    keys = ["model", "support", "assay", "cluster"]
    return _episode_scores(metrics).groupby(keys, sort=True)[list(METRICS)].mean().reset_index()


def summarise(
    metrics: pd.DataFrame, *, names: Sequence[str] = METRICS, seed: int = 0
) -> pd.DataFrame:
    """Return the mean over assays and its interval, one row per (model, support, metric).

    Args:
        metrics: the metrics table; rows with a reason were not drawn and are left out.
        names: the metrics wanted.
        seed: of the resampling.

    Returns:
        Columns `model, support, metric, mean, low, high, n_assays, n_clusters, n_seeds, seed_sd`;
        the last is the standard deviation of the means per seed, NaN for a single one.
    """
    spread = _seed_spread(metrics, names)
    rows = [
        {"model": model, "support": support, "metric": name, **_of(group, name, seed)}
        | spread[f"{model}\n{support}\n{name}"]
        for (model, support), group in assay_scores(metrics).groupby(["model", "support"])
        for name in names
    ]
    return pd.DataFrame(rows, columns=list(_SUMMARY))


def compare(
    metrics: pd.DataFrame,
    *,
    baselines: Sequence[str] = BASELINES,
    metric: str = "delta_auprc",
    seed: int = 0,
) -> pd.DataFrame:
    """Return every model's paired difference to each baseline over the episodes both have.

    Returns:
        Columns `model, baseline, support, metric, difference, low, high, p, p_holm, n_assays,
        n_clusters, n_episodes, share_better`; `p_holm` is adjusted for all comparisons of a
        meta-learner at that support and NaN between baselines, `share_better` is the share of
        assays on which the model lies above the baseline.
    """
    wide = _episode_scores(metrics).pivot_table(index=_EPISODE, columns="model", values=metric)
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
    drawn = metrics[metrics["reason"].fillna("").eq("")]
    return drawn.groupby(["model", *_EPISODE], sort=True)[list(METRICS)].mean().reset_index()


def _by_cluster(
    values: Sequence[float] | NDArray[np.float64], clusters: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    scores = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(scores)
    names, codes = np.unique(np.asarray(clusters, dtype=str)[finite], return_inverse=True)
    sums = np.zeros(len(names))
    np.add.at(sums, codes, scores[finite])
    return sums, np.bincount(codes, minlength=len(names)).astype(np.float64)


def _of(group: pd.DataFrame, name: str, seed: int) -> dict[str, Any]:
    return asdict(interval(list(group[name]), list(group["cluster"]), seed=seed))


def _seed_spread(metrics: pd.DataFrame, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    drawn = metrics[metrics["reason"].fillna("").eq("")]
    keys = ["model", "support", "seed"]
    seeds = drawn.groupby([*keys, "assay"])[list(names)].mean().groupby(keys).mean()
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
            found = asdict(interval(values, clusters, seed=seed))
            yield {
                "model": model,
                "support": support,
                "difference": found.pop("mean"),
                **found,
                "p": signed_rank(values, clusters),
                "n_episodes": int(episodes[model]),
                "share_better": np.count_nonzero(values > 0) / found["n_assays"],
            }


@lru_cache(maxsize=64)
def _resamples(n_clusters: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    even = np.full(n_clusters, 1 / n_clusters)
    return rng.multinomial(n_clusters, even, size=RESAMPLES).astype(np.float64)
