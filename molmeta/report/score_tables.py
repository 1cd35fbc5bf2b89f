"""Score tables: means of every metric, and paired differences to every baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from molmeta.evaluation import metrics
from molmeta.report.evidence import records
from molmeta.report.wording import number, p_value, signed, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from molmeta.report.findings import Findings


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        value: number, as text.
        interval: its interval, as text.
        note: p values, as text.
        spread: standard deviation over seeds, as text.
        strong: whether it is the best of its column, or a clear gain.
        weak: whether it is a clear loss.
    """

    value: str
    interval: str = ""
    note: str = ""
    spread: str = ""
    strong: bool = False
    weak: bool = False


@dataclass(frozen=True)
class ScoreTable:
    """One table of the page, visible when its scope and choice are selected.

    Attributes:
        scope: scope of assays.
        choice: metric or baseline.
        assays: number of assays in each column.
        rows: models with their cells, one for each support size.
    """

    scope: str
    choice: str
    assays: tuple[int, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def summaries(findings: Findings) -> list[ScoreTable]:
    """Return means with intervals by model and support size, for each metric and scope."""
    return [
        _summary(findings, scope, metric)
        for metric in metrics.names()
        for scope in findings.scopes
        if any(len(findings.means(s, scope, metric)) for s in findings.supports)
    ]


def comparisons(findings: Findings) -> list[ScoreTable]:
    """Return paired differences by model and support size, for each baseline and scope."""
    return [
        _comparison(findings, scope, baseline)
        for baseline in findings.baselines
        for scope in findings.scopes
        if len(findings.models) > 1
    ]


def _summary(findings: Findings, scope: str, metric: str) -> ScoreTable:
    tables = [findings.means(s, scope, metric) for s in findings.supports]
    columns = [{str(row["model"]): row for row in records(t.reset_index())} for t in tables]
    cells = [_column(column, findings.models, metric) for column in columns]
    rows = tuple(
        (model, tuple(column[n] for column in cells)) for n, model in enumerate(findings.models)
    )
    assays = tuple(max((int(row["n_assays"]) for row in c.values()), default=0) for c in columns)
    return ScoreTable(scope, metric, assays, rows)


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


def _comparison(findings: Findings, scope: str, baseline: str) -> ScoreTable:
    models = [model for model in findings.models if model != baseline]
    cells = [list(_differences(findings, model, baseline, scope)) for model in models]
    counts = ([n_assays for n_assays, _ in row] for row in cells)
    assays = tuple(max(column) for column in zip(*counts, strict=True))
    rows = tuple(
        (model, tuple(cell for _, cell in row)) for model, row in zip(models, cells, strict=True)
    )
    return ScoreTable(scope, baseline, assays, rows)


def _differences(
    findings: Findings, model: str, baseline: str, scope: str
) -> Iterator[tuple[int, Cell]]:
    """Number of assays and cell of each support size."""
    for support in findings.supports:
        gain = findings.difference(model, baseline, support, scope)
        if gain is None:
            yield 0, Cell(number(math.nan))
            continue
        interval = span(gain.low, gain.high)
        note = " · ".join(filter(None, [p_value(gain.p), p_value(gain.p_holm, "Holm")]))
        cell = Cell(signed(gain.difference), interval, note, strong=gain.clear, weak=gain.high < 0)
        yield gain.n_assays, cell
