"""Caveats of an evaluation: what a reader must know before trusting its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.evaluation.statistics import ALL, CLEAN
from molmeta.report.findings import HEADLINE, Findings
from molmeta.report.training_overlap import overlap_sentences
from molmeta.report.wording import in_sentence, listed, model_label, scope_labels, signed, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.report.evidence import Evidence
    from molmeta.report.results import SupportSizeResult

_FEW_CLUSTERS = 10
_NOT_AUDITED = (
    "No leakage audit was given, so the overlap of these assays with this run's training data is "
    "unknown."
)


def caveats(
    findings: Findings,
    evidence: Evidence,
    rows: Sequence[SupportSizeResult],
    headline: SupportSizeResult,
) -> list[str]:
    """Return one sentence or more for each caveat that applies.

    Args:
        findings: results of the evaluation.
        evidence: tables that the results come from.
        rows: results by support size.
        headline: the one of `rows` that the title is about.
    """
    # Models that record their training data, such as the pretrained one, say what they have seen.
    trained = bool({*findings.learners} - {*findings.recorded})
    sentences = [
        _beaten(findings, rows),
        _NOT_AUDITED if trained and evidence.audit is None else "",
        _gain_from_leakage(headline),
        _few_clusters(findings),
        _incomplete(findings),
        overlap_sentences(findings, evidence.metrics),
    ]
    return [text for text in sentences if text]


def _beaten(findings: Findings, rows: Sequence[SupportSizeResult]) -> str:
    scope = CLEAN if CLEAN in findings.scopes else ALL
    compared = [row for row in rows if row.strongest.get(scope)]
    lost = [row for row in compared if not _beats_all_baselines(findings, row.support, scope)]
    if not findings.learners or not lost:
        return ""
    label = scope_labels(findings.recorded)[scope]
    assays = label[0].lower() + label[1:]
    if len(lost) < len(compared):
        sizes = listed([str(row.support) for row in lost])
        return (
            f"With {sizes} measured compounds, no meta-learner clearly beats all baselines "
            f"({assays})."
        )
    row, gain = lost[0], lost[0].strongest[scope]
    if gain is None or row.baseline is None:
        return ""
    return (
        f"No meta-learner beats all baselines at any support size ({assays}, whole interval above "
        f"zero). With {row.support} measured compounds, the best of them, "
        f"{in_sentence(row.learner)}, differs from {in_sentence(row.baseline)} by "
        f"{signed(gain.difference)} {span(gain.low, gain.high)}".rstrip()
        + "."
    )


def _beats_all_baselines(findings: Findings, support: int, scope: str) -> bool:
    means = findings.means(support, scope)
    return any(
        all(
            # A baseline without shared episodes says nothing about the learner.
            gain is None or gain.clear
            for gain in (
                findings.difference(learner, b, support, scope) for b in findings.baselines
            )
        )
        for learner in findings.learners
        if learner in means.index
    )


def _gain_from_leakage(row: SupportSizeResult) -> str:
    whole, clean = row.similarity.get(ALL), row.similarity.get(CLEAN)
    if not (whole and clean and whole.difference > 0) or clean.difference >= whole.difference / 2:
        return ""
    return (
        "More than half of the gain over similarity search disappears on assays that are not in "
        f"this run's training data ({signed(whole.difference)} to {signed(clean.difference)} with "
        f"{row.support} measured compounds)."
    )


def _few_clusters(findings: Findings) -> str:
    clusters = int(findings.means(findings.support)["n_clusters"].max())
    if clusters >= _FEW_CLUSTERS or len(findings.models) == 1:
        return ""
    # Two of the 2^n equally likely patterns of signs are the most extreme: all + and all -.
    smallest = 2 ** (1 - clusters)
    return (
        f"There are only {clusters} independent clusters of assays. With so few, bootstrap "
        f"intervals are too narrow, and the rank test cannot give p below {smallest:.2g}."
    )


def _incomplete(findings: Findings) -> str:
    table = findings.summary
    rows = table[table["scope"].eq(ALL) & table["metric"].eq(HEADLINE)]
    rows = rows.assign(most=rows.groupby("support")["n_assays"].transform("max"))
    parts = [
        f"{model_label(str(row['model']))} has {row['n_assays']} of {row['most']} "
        f"at {row['support']}"
        for row in rows[rows["n_assays"] < rows["most"]].to_dict("records")
    ]
    if not parts:
        return ""
    return (
        f"Not every model was evaluated on every assay: {'; '.join(parts[:4])}"
        f"{' and more' if len(parts) > 4 else ''}. Means over different assays cannot be compared; "
        "paired differences can."
    )
