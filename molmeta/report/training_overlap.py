"""Query compounds in the training data of models that record it, such as the pretrained one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.evaluation.statistics import MOSTLY_NEW, NEW
from molmeta.report.wording import counted, in_sentence, listed, model_label, share

if TYPE_CHECKING:
    import pandas as pd

    from molmeta.report.findings import Findings

_NAMED = 8


def seen_shares(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the mean share of query compounds in each model's training data, by assay and model.

    Zero for models that do not record their training compounds.
    """
    shares = metrics.groupby(["model", "assay"])["known"].mean().fillna(0.0)
    return shares.unstack("model").fillna(0.0)


def overlap_sentences(findings: Findings, metrics: pd.DataFrame) -> str:
    """Return sentences about each model that saw query compounds in training, or ""."""
    if not findings.recorded:
        return ""
    seen, sentences = seen_shares(metrics), list[str]()
    for model in findings.recorded:
        assays = [str(name) for name in seen.index[seen[model].gt(MOSTLY_NEW)]]
        label = in_sentence(model)
        sentences.append(
            f"{label[0].upper()}{label[1:]} saw {share(float(seen[model].mean()))} of the query "
            f"compounds in its own training, and more than {share(MOSTLY_NEW)} of those of "
            f"{len(assays)} of {counted(len(seen), 'assay')}"
            f"{': ' if assays else ''}{listed(assays, _NAMED)}."
        )
    models = listed([in_sentence(name) for name in findings.recorded], 2)
    sentences.append(
        f"“Not seen by {models}” leaves these assays out."
        if NEW in findings.scopes
        else f"No assay is left without them, so the score on compounds that {models} did not "
        "see is unknown."
    )
    return " ".join(sentences)


def badges(seen: pd.DataFrame, assay: str) -> list[str]:
    """Return one text for each model that saw more than a tenth of an assay's query compounds."""
    shares = {str(model): float(seen[model][assay]) for model in seen.columns}
    return [
        f"{share(value)} seen by {model_label(model)}"
        for model, value in shares.items()
        if value > MOSTLY_NEW
    ]
