"""Compares evaluated models with published scores on the same assays."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pandas as pd

from molmeta.curation.tablefiles import read_columns
from molmeta.errors import TableError
from molmeta.evaluation.statistics import ALL, assay_scores, interval, scopes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMNS = (
    "model", "method", "scope", "support", "mean", "published", "difference", "low", "high",
    "n_assays", "n_clusters",
)  # fmt: skip
_NEEDED = ("method", "task", "support", "delta_auprc")


def read_published(path: Path) -> pd.DataFrame:
    """Read published scores: one row for each method, task and support, with its delta_auprc.

    Raises:
        TableError: the file cannot be read or lacks a column.
    """
    table = _columns(path, _NEEDED).rename(columns={"task": "assay", "delta_auprc": "published"})
    numbers = {
        name: pd.to_numeric(table[name], errors="coerce") for name in ("support", "published")
    }
    scores = table.assign(**numbers).dropna(subset=["support", "published"])
    keys = ["method", "assay", "support"]
    return scores.astype({"support": "int64"}).groupby(keys)["published"].mean().reset_index()


def read_groups(path: Path, column: str) -> pd.Series:
    """Read a property of assays, such as the panel that each belongs to.

    Returns:
        Labels such as "panel: True" by assay; assays without the property are missing.

    Raises:
        TableError: the file cannot be read or lacks a column.
    """
    table = _columns(path, ("task", column)).dropna().astype("str")
    table = table[table[column].ne("")].drop_duplicates("task").set_index("task")
    return (f"{column}: " + table[column]).rename("group")


def compare_published(
    metrics: pd.DataFrame,
    published: pd.DataFrame,
    audit: pd.DataFrame | None,
    *,
    groups: pd.Series | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the difference of each model to each published method over their shared assays.

    Published scores are means over other episodes, so they are paired by assay instead of by
    episode. Intervals are from a bootstrap over clusters of assays.

    Args:
        metrics: metrics table of one or more models.
        published: table that `read_published` returns.
        audit: leakage audit, which provides clusters and further scopes; None for all assays only.
        groups: labels that `read_groups` returns; each label is a further scope.
        seed: seed of the bootstrap.

    Returns:
        Rows of `COLUMNS`; `mean` and `published` are over the same `n_assays`.
    """
    tables = scopes(metrics, audit)
    if groups is not None:
        group = tables[ALL]["assay"].map(groups)
        labels = sorted(group.dropna().unique())
        tables |= {str(label): tables[ALL][group.eq(label)] for label in labels}
    rows = [
        {"scope": scope, **row}
        for scope, table in tables.items()
        for row in _differences(assay_scores(table), published, seed)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _columns(path: Path, names: tuple[str, ...]) -> pd.DataFrame:
    table = read_columns(path)
    missing = [name for name in names if name not in table]
    if missing:
        raise TableError(
            f"{path}: columns are missing; got {list(table.columns)[:12]}, expected {list(names)}. "
            "Rename the columns."
        )
    return table[list(names)]


def _differences(
    scores: pd.DataFrame, published: pd.DataFrame, seed: int
) -> Iterator[dict[str, Any]]:
    both = scores.merge(published, on=["assay", "support"]).dropna(subset=["delta_auprc"])
    both["difference"] = both["delta_auprc"] - both["published"]
    for (model, method, support), group in both.groupby(["model", "method", "support"]):
        estimate = asdict(interval(list(group["difference"]), list(group["cluster"]), seed=seed))
        yield {
            "model": model,
            "method": method,
            "support": support,
            "mean": group["delta_auprc"].mean(),
            "published": group["published"].mean(),
            "difference": estimate.pop("mean"),
            **estimate,
        }
