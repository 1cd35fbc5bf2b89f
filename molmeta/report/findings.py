"""Results that all sections of the report share: summaries, comparisons, best models."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from molmeta.errors import TableError
from molmeta.evaluation.statistics import (
    ALL,
    assay_scores,
    base,
    baselines_among,
    compare,
    scopes,
    summarise,
)
from molmeta.report.evidence import Evidence, records

HEADLINE = "delta_auprc"
"""Metric of the conclusions."""
SIMILARITY = "similarity"
"""Baseline that gains are stated against."""
_USUAL_SUPPORT = 16


@dataclass(frozen=True)
class Difference:
    """A row of `statistics.compare`: a model minus a baseline at one support size."""

    model: str
    baseline: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    n_assays: int
    n_clusters: int
    n_episodes: int
    share_better: float

    @property
    def clear(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0


@dataclass(frozen=True)
class Findings:
    """The results of an evaluation.

    Attributes:
        summary: table of `statistics.summarise` with a column `scope`.
        paired: table of `statistics.compare` with a column `scope`.
        differences: rows of `paired` by (model, baseline, support, scope).
        scores: table of `statistics.assay_scores` over all assays.
        scopes: scopes with at least one evaluated episode.
        supports: support sizes, ascending.
        models: meta-learners from best to worst, then baselines in a fixed order.
        baselines: the models that are baselines.
        recorded: models that record their training compounds and saw some of the query.
        support: support size of the headline.
    """

    summary: pd.DataFrame
    paired: pd.DataFrame
    differences: dict[tuple[str, str, int, str], Difference]
    scores: pd.DataFrame
    scopes: tuple[str, ...]
    supports: tuple[int, ...]
    models: tuple[str, ...]
    baselines: tuple[str, ...]
    recorded: tuple[str, ...]
    support: int

    @property
    def learners(self) -> tuple[str, ...]:
        """The models that are not baselines."""
        return tuple(model for model in self.models if model not in self.baselines)

    @property
    def similarity(self) -> str:
        """Similarity search, with the options that it was evaluated with; "" if it was not."""
        return next((name for name in self.baselines if base(name) == SIMILARITY), "")

    def means(self, support: int, scope: str = ALL, metric: str = HEADLINE) -> pd.DataFrame:
        """Return the rows of the summary at one support size, indexed by model, best first."""
        table = self.summary
        rows = table[
            table["support"].eq(support) & table["scope"].eq(scope) & table["metric"].eq(metric)
        ]
        return rows.dropna(subset=["mean"]).set_index("model").sort_values("mean", ascending=False)

    def best(self, support: int, among: tuple[str, ...], scope: str = ALL) -> str | None:
        """Return the model with the highest mean among those evaluated on every assay.

        A model that was evaluated on fewer assays is the last choice, because its mean is over
        other, perhaps easier, assays.
        """
        means = self.means(support, scope)
        # Both parts stay in the order of their means, so `next` finds the best of the first part.
        full = means["n_assays"].eq(means["n_assays"].max())
        names = [str(name) for name in (*means.index[full], *means.index[~full])]
        return next((name for name in names if name in among), None)

    def difference(
        self, model: str, baseline: str | None, support: int, scope: str = ALL
    ) -> Difference | None:
        """Return the paired difference, or None without a baseline or shared episodes."""
        return self.differences.get((model, baseline or "", support, scope))


def find(evidence: Evidence, *, seed: int = 0) -> Findings:
    """Return the results of an evaluation.

    Args:
        evidence: tables of the evaluation.
        seed: seed of the bootstrap.

    Raises:
        TableError: no episode was evaluated.
    """
    tables = scopes(evidence.metrics, evidence.audit)
    filled = {name: table for name, table in tables.items() if table["reason"].eq("").any()}
    if ALL not in filled:
        raise TableError(
            "metrics: no episode was evaluated; got a reason in every row, such as "
            f"{evidence.metrics['reason'].iloc[0]!r}, expected at least one episode. Use smaller "
            "supports or larger assays."
        )
    summary = _stacked({name: summarise(t, seed=seed) for name, t in filled.items()})
    paired = _stacked({name: compare(t, seed=seed) for name, t in filled.items()})
    supports = tuple(sorted(int(value) for value in evidence.metrics["support"].unique()))
    support = next((s for s in supports if s >= _USUAL_SUPPORT), supports[-1])
    models = _ordered(evidence.metrics, summary, support)
    recorded = set(evidence.metrics.loc[evidence.metrics["known"].gt(0), "model"])
    return Findings(
        summary=summary,
        paired=paired,
        differences=_differences(paired),
        scores=assay_scores(tables[ALL]),
        scopes=tuple(filled),
        supports=supports,
        models=models,
        baselines=baselines_among(models),
        recorded=tuple(name for name in models if name in recorded),
        support=support,
    )


def _stacked(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    labelled = [table.assign(scope=name) for name, table in tables.items()]
    return pd.concat(labelled, ignore_index=True) if labelled else pd.DataFrame()


def _differences(paired: pd.DataFrame) -> dict[tuple[str, str, int, str], Difference]:
    names = list(Difference.__dataclass_fields__)
    return {
        (row["model"], row["baseline"], int(row["support"]), row["scope"]): Difference(
            **{name: row[name] for name in names}
        )
        for row in records(paired)
    }


def _ordered(metrics: pd.DataFrame, summary: pd.DataFrame, support: int) -> tuple[str, ...]:
    rows = summary[summary["metric"].eq(HEADLINE) & summary["scope"].eq(ALL)]
    rows = rows[rows["support"].eq(support)].sort_values("mean", ascending=False)
    ranked = [str(name) for name in rows["model"]]
    unranked = sorted(set(map(str, metrics["model"].unique())) - set(ranked))
    names = (*ranked, *unranked)
    baselines = baselines_among(names)
    return (*(name for name in names if name not in baselines), *baselines)
