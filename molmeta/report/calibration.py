"""Predicted probabilities against measured shares of actives, in the example episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from scipy import stats

if TYPE_CHECKING:
    from molmeta.report.evidence import Evidence

FEWEST, BINS = 100, 10
"""Fewest predictions worth a chart, and the number of its points."""


def calibration(evidence: Evidence) -> dict[str, Any] | None:
    """Return the points of a reliability diagram, or None without enough predictions.

    The predictions of all assays are sorted and cut into bins of the same size.

    Returns:
        `model`, `n` predictions, `n_assays`, and a row for each bin in `rows`: its mean probability
        (`predicted`) and its share of actives (`observed`) with a Wilson interval (`low`, `high`).
    """
    examples = evidence.examples.dropna(subset=["probability"])
    query = examples[examples["role"].eq("query")]
    if len(query) < FEWEST:
        return None
    model = query["model"].mode().iloc[0]
    query = query[query["model"].eq(model)]
    bins = pd.qcut(query["probability"].rank(method="first"), BINS, labels=False)
    rows: list[dict[str, Any]] = []
    for _, part in query.groupby(bins):
        active, n = int(part["active"].sum()), len(part)
        low, high = stats.binomtest(active, n).proportion_ci(method="wilson")
        mean = float(part["probability"].mean())
        rows.append(
            {"predicted": mean, "observed": active / n, "low": low, "high": high}
            | {"tooltip": f"predicted {mean:.2f}, observed {active / n:.2f} of {n} compounds"}
        )
    return {
        "model": str(model), "n": len(query), "n_assays": query["assay"].nunique(), "rows": rows,
    }  # fmt: skip
