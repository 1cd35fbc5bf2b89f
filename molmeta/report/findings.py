"""Computes once what all parts of the page say: summaries, comparisons, who is best where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from molmeta.errors import TableError
from molmeta.evaluation.statistics import ALL, BASELINES, assay_scores, compare, scopes, summarise
from molmeta.report.evidence import records

if TYPE_CHECKING:
    from molmeta.report.evidence import Evidence

HEADLINE = "delta_auprc"
_USUAL_SUPPORT = 16


@dataclass(frozen=True)
class Difference:
    """A model against a baseline at one support size: `statistics.compare` as a value."""

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
    """The results behind the page.

    Attributes:
        summary: `statistics.summarise` with a column `scope`.
        paired: `statistics.compare` with a column `scope`.
        differences: the same by (model, baseline, support, scope).
        scores: `statistics.assay_scores` over all assays.
        scopes: the names of the scopes that exist.
        supports: support sizes, rising.
        models: meta-learners by falling mean, then baselines in their fixed order.
        baselines: those of the models that are baselines.
        support: the support size of the headline.
    """

    summary: pd.DataFrame
    paired: pd.DataFrame
    differences: dict[tuple[str, str, int, str], Difference]
    scores: pd.DataFrame
    scopes: tuple[str, ...]
    supports: tuple[int, ...]
    models: tuple[str, ...]
    baselines: tuple[str, ...]
    support: int

    @property
    def learners(self) -> tuple[str, ...]:
        """The models that are not baselines."""
        return tuple(model for model in self.models if model not in self.baselines)

    def means(self, support: int, scope: str = ALL, metric: str = HEADLINE) -> pd.DataFrame:
        """Return the rows of the summary at one support size, indexed by model, best first."""
        table = self.summary
        rows = table[
            table["support"].eq(support) & table["scope"].eq(scope) & table["metric"].eq(metric)
        ]
        return rows.dropna(subset=["mean"]).set_index("model").sort_values("mean", ascending=False)

    def best(self, support: int, among: tuple[str, ...], scope: str = ALL) -> str | None:
        """Return the model with the highest mean of those that were judged on every assay.

        A model that was judged on fewer assays is named only where no other is left: its mean is
        over other, perhaps easier, assays.
        """
        means = self.means(support, scope)
        full = means["n_assays"].eq(means["n_assays"].max())
        names = [str(name) for name in (*means.index[full], *means.index[~full])]
        return next((name for name in names if name in among), None)

    def difference(
        self, model: str, baseline: str, support: int, scope: str = ALL
    ) -> Difference | None:
        """Return the paired difference, or None where the two share no episode."""
        return self.differences.get((model, baseline, support, scope))


def find(evidence: Evidence, *, seed: int = 0) -> Findings:
    """Return the findings of an evaluation; `seed` is that of the bootstrap.

    Raises:
        TableError: not one episode could be drawn.
    """
    tables = scopes(evidence.metrics, evidence.audit)
    filled = {name: table for name, table in tables.items() if table["reason"].eq("").any()}
    if ALL not in filled:
        raise TableError(
            f"metrics: no episode could be drawn; got {evidence.metrics['reason'].iloc[0]!r} and "
            "the like in every row, expected at least one evaluated episode. Ask for smaller "
            "supports or give larger assays."
        )
    summary = _stacked({name: summarise(t, seed=seed) for name, t in filled.items()})
    paired = _stacked({name: compare(t, seed=seed) for name, t in filled.items()})
    supports = tuple(sorted(int(value) for value in evidence.metrics["support"].unique()))
    support = next((s for s in supports if s >= _USUAL_SUPPORT), supports[-1])
    models = _ordered(evidence.metrics, summary, support)
    return Findings(
        summary=summary,
        paired=paired,
        differences=_differences(paired),
        scores=assay_scores(tables[ALL]),
        scopes=tuple(filled),
        supports=supports,
        models=models,
        baselines=tuple(name for name in BASELINES if name in models),
        support=support,
    )


def _stacked(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    labelled = [table.assign(scope=name) for name, table in tables.items()]
    return pd.concat(labelled, ignore_index=True) if labelled else pd.DataFrame()


def _differences(paired: pd.DataFrame) -> dict[tuple[str, str, int, str], Difference]:
    names = list(Difference.__dataclass_fields__)
    rows = records(paired)
    return {
        (row["model"], row["baseline"], int(row["support"]), row["scope"]): Difference(
            **{name: row[name] for name in names}
        )
        for row in rows
    }


def _ordered(metrics: pd.DataFrame, summary: pd.DataFrame, support: int) -> tuple[str, ...]:
    rows = summary[summary["metric"].eq(HEADLINE) & summary["scope"].eq(ALL)]
    rows = rows[rows["support"].eq(support)].sort_values("mean", ascending=False)
    judged = [str(name) for name in rows["model"]]
    others = sorted(set(map(str, metrics["model"].unique())) - set(judged))
    learners = [name for name in (*judged, *others) if name not in BASELINES]
    return (*learners, *(name for name in BASELINES if name in {*judged, *others}))
