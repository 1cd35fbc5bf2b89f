"""Turns findings into the cells of the summary and of the paired comparisons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from molmeta.evaluation import metrics
from molmeta.report.evidence import records
from molmeta.report.wording import number, p_value, signed, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from molmeta.report.findings import Findings


@dataclass(frozen=True)
class Cell:
    """One cell: a number, what qualifies it, and whether it stands out.

    Attributes:
        value: the number as text.
        interval: its interval as text.
        note: p, as text.
        spread: standard deviation between seeds, as text.
        strong: the best of its column, or a clear gain.
        weak: a clear loss.
    """

    value: str
    interval: str = ""
    note: str = ""
    spread: str = ""
    strong: bool = False
    weak: bool = False


@dataclass(frozen=True)
class View:
    """One table of the page, shown when its scope and its choice are selected.

    Attributes:
        scope: `all`, `clean` or `outside panels`.
        choice: the metric or the baseline.
        assays: number of assays behind each column.
        rows: model and its cells, one a support size.
    """

    scope: str
    choice: str
    assays: tuple[int, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def summaries(findings: Findings) -> list[View]:
    """Return one table a scope and metric: means with intervals by model and support size."""
    return [
        _summary(findings, scope, metric)
        for metric in metrics.names()
        for scope in findings.scopes
        if any(len(findings.means(s, scope, metric)) for s in findings.supports)
    ]


def comparisons(findings: Findings) -> list[View]:
    """Return one table a scope and baseline: paired differences by model and support size."""
    return [
        _comparison(findings, scope, baseline)
        for baseline in findings.baselines
        for scope in findings.scopes
    ]


def _summary(findings: Findings, scope: str, metric: str) -> View:
    columns = [_by_model(findings.means(s, scope, metric)) for s in findings.supports]
    cells = [_column(column, findings.models, metric) for column in columns]
    rows = tuple(
        (model, tuple(column[place] for column in cells))
        for place, model in enumerate(findings.models)
    )
    assays = tuple(max((int(row["n_assays"]) for row in c.values()), default=0) for c in columns)
    return View(scope, metric, assays, rows)


def _by_model(means: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {str(row["model"]): row for row in records(means.reset_index())}


def _column(column: dict[str, dict[str, Any]], models: Sequence[str], metric: str) -> list[Cell]:
    shown = metrics.get(metric)
    pick = max if shown.higher_is_better else min
    best = pick((float(row["mean"]) for row in column.values()), default=math.nan)
    return [_mean(column.get(model), best, shown.digits) for model in models]


def _mean(row: dict[str, Any] | None, best: float, digits: int) -> Cell:
    if row is None:
        return Cell(number(math.nan))
    spread = f"± {number(row['seed_sd'], digits)}" if row["n_seeds"] > 1 else ""
    interval = span(row["low"], row["high"], digits)
    return Cell(number(row["mean"], digits), interval, spread=spread, strong=row["mean"] == best)


def _comparison(findings: Findings, scope: str, baseline: str) -> View:
    models = [model for model in findings.models if model != baseline]
    found = [list(_against(findings, model, baseline, scope)) for model in models]
    counts = ([n for n, _ in row] for row in found)
    assays = tuple(max(column) for column in zip(*counts, strict=True))
    rows = tuple(
        (model, tuple(cell for _, cell in row)) for model, row in zip(models, found, strict=True)
    )
    return View(scope, baseline, assays, rows)


def _against(
    findings: Findings, model: str, baseline: str, scope: str
) -> Iterator[tuple[int, Cell]]:
    for support in findings.supports:
        found = findings.difference(model, baseline, support, scope)
        if found is None:
            yield 0, Cell(number(math.nan))
            continue
        interval = span(found.low, found.high)
        note = " · ".join(filter(None, [p_value(found.p), p_value(found.p_holm, "Holm")]))
        strong, weak = found.clear, found.high < 0
        value = signed(found.difference)
        yield found.n_assays, Cell(value, interval, note, strong=strong, weak=weak)
