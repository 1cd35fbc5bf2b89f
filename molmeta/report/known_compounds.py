"""Says which assays a model knew from its own training, where it keeps a record of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.evaluation.statistics import MOSTLY_NEW, NEW
from molmeta.report.wording import listed, model_label, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from molmeta.report.findings import Findings

_NAMED = 8


def acquainted(findings: Findings, metrics: pd.DataFrame) -> str:
    """Return a sentence for each model that had met compounds of the evaluated assays, or ""."""
    known = metrics.groupby(["model", "assay"])["known"].mean().fillna(0.0)
    return " ".join(_sentences(findings, known.unstack("model").fillna(0.0)))


def _sentences(findings: Findings, known: pd.DataFrame) -> Iterator[str]:
    for model in (name for name in findings.models if known[name].gt(0).any()):
        met = known.index[known[model].gt(MOSTLY_NEW)]
        named = listed([str(name) for name in met[:_NAMED]])
        more = f" and {len(met) - _NAMED} more" if len(met) > _NAMED else ""
        yield (
            f"{model_label(model)} had met {share(float(known[model].mean()))} of the query "
            f"compounds in its own training, and more than a tenth in {len(met)} of {len(known)} "
            f"assays{f': {named}{more}' if len(met) else ''}."
        )
    if known.gt(0).any(axis=None):
        yield (
            "The tables of new compounds are without these assays."
            if NEW in findings.scopes
            else "No assay is left without them, so its score on new compounds is not known here."
        )
