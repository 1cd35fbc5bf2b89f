"""Says in words what came out: who is best, by how much, and what to be wary of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from molmeta.evaluation.statistics import ALL, CLEAN, LEVEL, OUTSIDE_PANELS
from molmeta.report.findings import HEADLINE
from molmeta.report.known_compounds import acquainted
from molmeta.report.wording import (
    SCOPES,
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
    from molmeta.report.findings import Difference, Findings

SIMILARITY = "similarity"
_FEW_CLUSTERS = 10


@dataclass(frozen=True)
class Row:
    """What is said about one support size.

    Attributes:
        support: measured compounds.
        best: the model with the highest mean over all assays.
        mean: that mean with its interval, as text.
        learner: the best meta-learner, which the differences are about.
        similarity: its differences to similarity search, by scope.
        baseline: the strongest baseline.
        strongest: its differences to that baseline, by scope.
    """

    support: int
    best: str
    mean: str
    learner: str
    similarity: dict[str, Difference | None]
    baseline: str | None
    strongest: dict[str, Difference | None]


@dataclass(frozen=True)
class Answer:
    """The head of the page.

    Attributes:
        title: the verdict in one sentence.
        lead: sentences with the numbers.
        warnings: what a reader must know before believing them.
        rows: one a support size.
    """

    title: str
    lead: tuple[str, ...]
    warnings: tuple[str, ...]
    rows: tuple[Row, ...]


def answer(findings: Findings, evidence: Evidence) -> Answer:
    """Return the verdict of an evaluation."""
    rows = tuple(_row(findings, support) for support in findings.supports)
    rows = tuple(row for row in rows if row is not None)
    row = next(row for row in rows if row.support >= findings.support or row is rows[-1])
    lead = [_best_each(rows), _gain(row), _gain_clean(findings, row, evidence)]
    return Answer(
        title=_title(findings, row),
        lead=tuple(sentence for sentence in lead if sentence),
        warnings=tuple(_warnings(findings, evidence, rows)),
        rows=rows,
    )


def told(difference: Difference | None) -> str:
    """Return a difference with its interval, or a dash."""
    if difference is None:
        return number(float("nan"))
    return f"{signed(difference.difference)} {span(difference.low, difference.high)}".strip()


def _row(findings: Findings, support: int) -> Row | None:
    best = findings.best(support, findings.models)
    if best is None:
        return None
    learner = findings.best(support, findings.learners) or best
    rivals = tuple(name for name in findings.baselines if name != learner)
    baseline = findings.best(support, rivals)
    means = findings.means(support)
    mean, low, high = (float(means[name][best]) for name in ("mean", "low", "high"))
    return Row(
        support=support,
        best=best,
        mean=f"{number(mean)} {span(low, high)}".strip(),
        learner=learner,
        similarity=_by_scope(findings, learner, SIMILARITY, support),
        baseline=baseline,
        strongest=_by_scope(findings, learner, baseline, support),
    )


def _by_scope(
    findings: Findings, model: str, baseline: str | None, support: int
) -> dict[str, Difference | None]:
    if baseline is None:
        return dict.fromkeys(findings.scopes)
    return {s: findings.difference(model, baseline, support, s) for s in findings.scopes}


def _title(findings: Findings, row: Row) -> str:
    similarity, strongest = row.similarity.get(ALL), row.strongest.get(ALL)
    learner = model_label(row.learner)
    if not findings.learners:
        return f"{model_label(row.best)} ranks new compounds best; no meta-learner was evaluated."
    if row.best != row.learner or (strongest and strongest.difference <= 0):
        rival = row.best if row.best != row.learner else row.baseline
        return f"With {row.support} measured compounds, no meta-learner beats {_the(rival)}."
    if strongest and not strongest.clear:
        return (
            f"{learner} ranks first with {row.support} measured compounds, but not clearly above "
            f"{_the(row.baseline)}."
        )
    if similarity is None:
        return f"{learner} ranks new compounds best."
    gain = signed(similarity.difference)
    return (
        f"{learner} ranks new compounds best: {gain} ΔAUPRC over similarity search with "
        f"{row.support} measured compounds."
    )


def _best_each(rows: Sequence[Row]) -> str:
    if len(rows) == 1:
        return f"{model_label(rows[0].best)} has the highest mean ΔAUPRC, {rows[0].mean}."
    models = list(dict.fromkeys(row.best for row in rows))
    if len(models) == 1:
        return f"{model_label(models[0])} has the highest mean ΔAUPRC at every support size."
    parts = [
        f"{model_label(m)} at {listed([str(r.support) for r in rows if r.best == m])}"
        for m in models
    ]
    return f"Highest mean ΔAUPRC by number of measured compounds: {'; '.join(parts)}."


def _gain(row: Row) -> str:
    found = row.similarity.get(ALL)
    if found is None:
        return "Similarity search was not evaluated on the same episodes, so no gain can be stated."
    return (
        f"From {row.support} measured compounds {in_sentence(row.learner)} ranks {_apart(found)} "
        f"similarity search in ΔAUPRC, {share(LEVEL)} interval of the difference "
        f"{span(found.low, found.high) or 'unknown'}, over {found.n_episodes:,} shared episodes of "
        f"{found.n_assays} assays. It is ahead on {share(found.share_better)} of the assays."
    )


def _gain_clean(findings: Findings, row: Row, evidence: Evidence) -> str:
    if evidence.audit is None:
        return ""
    found = row.similarity.get(CLEAN)
    if found is None:
        return "No evaluated assay is free of leaks, so there is no clean number to set beside it."
    whole = row.similarity.get(ALL)
    if whole and whole.n_assays == found.n_assays:
        clean = f"All {found.n_assays} assays are clean"
        if evidence.metrics["known"].gt(0).any():
            return f"{clean} of what was trained here; what a model learnt elsewhere stands below."
        return f"{clean}: no leak can be behind these numbers."
    text = f"On the {found.n_assays} clean assays alone, those without leaks: {told(found)}."
    outside = row.similarity.get(OUTSIDE_PANELS)
    if outside and OUTSIDE_PANELS in findings.scopes:
        text += f" On the {outside.n_assays} assays outside panels: {told(outside)}."
    return text


def _warnings(findings: Findings, evidence: Evidence, rows: Sequence[Row]) -> list[str]:
    found = [
        _beaten(findings, rows),
        "" if evidence.audit is not None else _NO_AUDIT,
        _shrinks(rows[0] if len(rows) == 1 else _headline(findings, rows)),
        _few_clusters(findings),
        _incomplete(findings),
        acquainted(findings, evidence.metrics),
    ]
    return [text for text in found if text]


_NO_AUDIT = (
    "No audit of leaks was given: how much of these numbers comes from compounds that the models "
    "saw in training is not known."
)


def _headline(findings: Findings, rows: Sequence[Row]) -> Row:
    return next((row for row in rows if row.support == findings.support), rows[-1])


def _beaten(findings: Findings, rows: Sequence[Row]) -> str:
    if not findings.learners or not findings.baselines:
        return ""
    scope = CLEAN if CLEAN in findings.scopes else ALL
    where = SCOPES[scope].lower()
    judged = [row for row in rows if row.strongest.get(scope)]
    lost = [row for row in judged if not _wins(findings, row.support, scope)]
    if not lost:
        return ""
    if len(lost) == len(judged):
        return (
            f"No meta-learner beats all baselines at any support size ({where}, whole interval "
            f"above zero). {_closest(lost[0], scope)}"
        )
    sizes = listed([str(row.support) for row in lost])
    return f"At {sizes} measured compounds no meta-learner clearly beats all baselines ({where})."


def _closest(row: Row, scope: str) -> str:
    return (
        f"At {row.support} measured compounds the best of them, {in_sentence(row.learner)}, "
        f"differs from {_the(row.baseline)} by {told(row.strongest[scope])}."
    )


def _apart(found: Difference) -> str:
    return f"{number(abs(found.difference))} {'above' if found.difference > 0 else 'below'}"


def _wins(findings: Findings, support: int, scope: str) -> bool:
    return any(
        all(
            found is None or found.clear
            for found in (
                findings.difference(learner, rival, support, scope) for rival in findings.baselines
            )
        )
        for learner in findings.learners
        if learner in findings.means(support, scope).index
    )


def _shrinks(row: Row) -> str:
    whole, clean = row.similarity.get(ALL), row.similarity.get(CLEAN)
    if not (whole and clean and whole.difference > 0):
        return ""
    kept = clean.difference / whole.difference
    if kept >= 0.5:
        return ""
    return (
        f"More than half of the gain over similarity search goes away on clean assays "
        f"({signed(whole.difference)} to {signed(clean.difference)} at {row.support})."
    )


def _few_clusters(findings: Findings) -> str:
    clusters = int(findings.means(findings.support)["n_clusters"].max())
    if clusters >= _FEW_CLUSTERS:
        return ""
    smallest = 2 ** (1 - clusters)
    return (
        f"There are only {clusters} independent clusters of assays. With so few, bootstrap "
        f"intervals are too narrow, and the rank test cannot give less than p = {smallest:.2g}."
    )


def _incomplete(findings: Findings) -> str:
    table = findings.summary
    rows = table[table["scope"].eq(ALL) & table["metric"].eq(HEADLINE)]
    rows = rows.assign(whole=rows.groupby("support")["n_assays"].transform("max"))
    short = rows[rows["n_assays"] < rows["whole"]]
    parts = [
        f"{model_label(str(row['model']))} has {row['n_assays']} of {row['whole']} at "
        f"{row['support']}"
        for row in short.to_dict("records")
    ]
    if not parts:
        return ""
    return (
        f"Not every model was judged on every assay: {'; '.join(parts[:4])}"
        f"{' and more' if len(parts) > 4 else ''}. Means over different assays are not comparable; "
        "the paired differences are."
    )


def _the(model: str | None) -> str:
    if model is None:
        return "the baselines"
    articles = {"tanimoto_gp": "the Tanimoto GP"}
    return articles.get(model, in_sentence(model))
