"""The best models at each support size, and how far they are above the baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from molmeta.report.wording import number, span

if TYPE_CHECKING:
    from molmeta.report.findings import Difference, Findings


@dataclass(frozen=True)
class SupportSizeResult:
    """The result at one support size.

    Attributes:
        support: support size.
        best: model with the highest mean over all assays.
        mean: its mean with interval, as text.
        learner: best meta-learner, which the differences are about; the best model without a
            meta-learner.
        similarity: its differences to similarity search, by scope.
        baseline: strongest baseline.
        strongest: its differences to the strongest baseline, by scope.
    """

    support: int
    best: str
    mean: str
    learner: str
    similarity: dict[str, Difference | None]
    baseline: str | None
    strongest: dict[str, Difference | None]


def results(findings: Findings) -> tuple[SupportSizeResult, ...]:
    """Return the result of every support size at which a model was evaluated."""
    rows = (_result(findings, support) for support in findings.supports)
    return tuple(row for row in rows if row is not None)


def _result(findings: Findings, support: int) -> SupportSizeResult | None:
    best = findings.best(support, findings.models)
    if best is None:
        return None
    learner = findings.best(support, findings.learners) or best
    others = tuple(name for name in findings.baselines if name != learner)
    baseline = findings.best(support, others)
    means = findings.means(support)
    mean, low, high = (float(means[name][best]) for name in ("mean", "low", "high"))
    return SupportSizeResult(
        support=support,
        best=best,
        mean=f"{number(mean)} {span(low, high)}".strip(),
        learner=learner,
        similarity=_by_scope(findings, learner, findings.similarity, support),
        baseline=baseline,
        strongest=_by_scope(findings, learner, baseline, support),
    )


def _by_scope(
    findings: Findings, model: str, baseline: str | None, support: int
) -> dict[str, Difference | None]:
    return {s: findings.difference(model, baseline, support, s) for s in findings.scopes}
