"""Compares evaluated models with published scores of the same assays, assay by assay."""

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
    """Read published scores: columns method, task, support and delta_auprc, one row each.

    Raises:
        TableError: the file cannot be read or lacks a column.
    """
    table = _columns(path, _NEEDED).rename(columns={"task": "assay", "delta_auprc": "published"})
    numbers = {
        name: pd.to_numeric(table[name], errors="coerce") for name in ("support", "published")
    }
    known = table.assign(**numbers).dropna(subset=["support", "published"])
    keys = ["method", "assay", "support"]
    return known.astype({"support": "int64"}).groupby(keys)["published"].mean().reset_index()


def read_groups(path: Path, column: str) -> pd.Series:
    """Read a property of assays, such as the panel that each belongs to; "" where it is unknown.

    Returns:
        Texts such as "panel: True", by the table's column task.

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
    """Return the difference of each model to each published method over the assays both have.

    Published scores are means over draws of their own, so that they are paired by assay and not by
    episode. Intervals are of a bootstrap over clusters of assays.

    Args:
        metrics: of one or more models.
        published: as `read_published` returns it.
        audit: gives clusters and the scopes beside that of all assays; None leaves them out.
        groups: as `read_groups` returns them; each is one more scope.
        seed: of the bootstrap.

    Returns:
        Rows of `COLUMNS`; `mean` and `published` are over the same `n_assays`.
    """
    found = scopes(metrics, audit)
    if groups is not None:
        group = found[ALL]["assay"].map(groups)
        found |= {str(name): found[ALL][group.eq(name)] for name in sorted(group.dropna().unique())}
    rows = [
        {"scope": scope, **row}
        for scope, table in found.items()
        for row in _differences(assay_scores(table), published, seed)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _columns(path: Path, names: tuple[str, ...]) -> pd.DataFrame:
    table = read_columns(path)
    missing = [name for name in names if name not in table]
    if missing:
        raise TableError(
            f"{path}: columns are missing; got {list(table.columns)[:12]}, expected {list(names)}. "
            "Rename them."
        )
    return table[list(names)]


def _differences(
    scores: pd.DataFrame, published: pd.DataFrame, seed: int
) -> Iterator[dict[str, Any]]:
    both = scores.merge(published, on=["assay", "support"]).dropna(subset=["delta_auprc"])
    both["difference"] = both["delta_auprc"] - both["published"]
    for (model, method, support), group in both.groupby(["model", "method", "support"]):
        found = asdict(interval(list(group["difference"]), list(group["cluster"]), seed=seed))
        yield {
            "model": model,
            "method": method,
            "support": support,
            "mean": group["delta_auprc"].mean(),
            "published": group["published"].mean(),
            "difference": found.pop("mean"),
            **found,
        }
