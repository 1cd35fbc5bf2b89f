"""The conclusion of an evaluation: which model is best, by how much, and for which assays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from molmeta.evaluation.statistics import ALL, CLEAN, LEVEL, OUTSIDE_PANELS, base
from molmeta.report.caveats import caveats
from molmeta.report.findings import SIMILARITY, Difference, Findings
from molmeta.report.results import SupportSizeResult, results
from molmeta.report.wording import (
    counted,
    in_sentence,
    listed,
    model_label,
    number,
    share,
    signed,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.report.evidence import Evidence


@dataclass(frozen=True)
class Answer:
    """The head of the page.

    Attributes:
        title: conclusion in one sentence.
        lead: sentences with the numbers behind it.
        caveats: what limits these numbers.
        rows: one result for each support size.
    """

    title: str
    lead: tuple[str, ...]
    caveats: tuple[str, ...]
    rows: tuple[SupportSizeResult, ...]


def answer(findings: Findings, evidence: Evidence) -> Answer:
    """Return the conclusion of an evaluation."""
    rows = results(findings)
    # At the headline's support size perhaps nothing was evaluated; then the next larger one.
    row = next(row for row in rows if row.support >= findings.support or row is rows[-1])
    lead = [
        _best_models(rows, findings),
        _gain(row),
        _gain_without_leakage(row, findings, evidence),
    ]
    return Answer(
        title=_title(findings, row),
        lead=tuple(sentence for sentence in lead if sentence),
        caveats=tuple(caveats(findings, evidence, rows, row)),
        rows=rows,
    )


def _title(findings: Findings, row: SupportSizeResult) -> str:
    compounds = counted(row.support, "measured compound")
    learner, baseline = model_label(row.learner), in_sentence(row.baseline or "the baselines")
    similarity, strongest = row.similarity.get(ALL), row.strongest.get(ALL)
    if len(findings.models) == 1:
        return f"{learner} has a mean ΔAUPRC of {row.mean} with {compounds}."
    if not findings.learners:
        return f"{model_label(row.best)} ranks compounds best; no meta-learner was evaluated."
    if row.best != row.learner or (strongest and strongest.difference <= 0):
        winner = in_sentence(row.best) if row.best != row.learner else baseline
        return f"With {compounds}, no meta-learner beats {winner}."
    if strongest and not strongest.clear:
        return f"{learner} ranks first with {compounds}, but not clearly above {baseline}."
    if similarity is None:
        return f"{learner} ranks compounds best."
    return (
        f"{learner} ranks compounds best: {signed(similarity.difference)} ΔAUPRC over similarity "
        f"search with {compounds}."
    )


def _best_models(rows: Sequence[SupportSizeResult], findings: Findings) -> str:
    if len(findings.models) == 1:
        return ""
    models = list(dict.fromkeys(row.best for row in rows))
    if len(rows) == 1:
        return f"{model_label(models[0])} has the highest mean ΔAUPRC, {rows[0].mean}."
    if len(models) == 1:
        return f"{model_label(models[0])} has the highest mean ΔAUPRC at every support size."
    parts = [
        f"{model_label(m)} at {listed([str(r.support) for r in rows if r.best == m])}"
        for m in models
    ]
    return f"Highest mean ΔAUPRC by support size: {'; '.join(parts)}."


def _gain(row: SupportSizeResult) -> str:
    gain = row.similarity.get(ALL)
    if base(row.learner) == SIMILARITY:
        return ""
    if gain is None:
        return "Similarity search was not evaluated on the same episodes, so the gain is unknown."
    interval = span(gain.low, gain.high)
    return (
        f"With {counted(row.support, 'measured compound')}, the ΔAUPRC of "
        f"{in_sentence(row.learner)} is {number(abs(gain.difference))} "
        f"{'above' if gain.difference > 0 else 'below'} that of similarity search"
        f"{f' ({share(LEVEL)} interval of the difference {interval})' if interval else ''}, over "
        f"{counted(gain.n_episodes, 'shared episode')} of {counted(gain.n_assays, 'assay')}. It is "
        f"ahead on {share(gain.share_better)} of the assays."
    )


def _gain_without_leakage(row: SupportSizeResult, findings: Findings, evidence: Evidence) -> str:
    if evidence.audit is None or base(row.learner) == SIMILARITY:
        return ""
    gain, whole = row.similarity.get(CLEAN), row.similarity.get(ALL)
    if CLEAN not in findings.scopes:
        return "Every evaluated assay overlaps with this run's training data."
    if gain is None or whole is None:
        return ""
    if whole.n_assays == gain.n_assays:
        return "None of the evaluated assays is in this run's training data."
    text = (
        f"On the {counted(gain.n_assays, 'assay')} not in this run's training data: "
        f"{difference_text(gain)}."
    )
    outside = row.similarity.get(OUTSIDE_PANELS)
    if outside:
        n_assays = counted(outside.n_assays, "assay")
        text += f" On the {n_assays} outside panels: {difference_text(outside)}."
    return text


def difference_text(difference: Difference) -> str:
    """Return a difference with its interval."""
    return f"{signed(difference.difference)} {span(difference.low, difference.high)}".strip()
