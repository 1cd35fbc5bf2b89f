"""Terms and metrics, explained for a chemist."""

from __future__ import annotations

from molmeta.evaluation import metrics
from molmeta.report.sections.base import Inputs, Section

TERMS = {
    "Assay": "One measured property of a set of compounds, each labelled active or inactive.",
    "Support": "The compounds of a new assay that were measured already. They are all that a model "
    "knows about the assay. The support size is their number.",
    "Query": "The other compounds of the assay. The model ranks them without knowing their labels.",
    "Episode": "One draw of a support and a query from an assay. All models are evaluated on the "
    "same episodes, so their differences are paired.",
    "Meta-learner": "A model that was trained on other assays, so that a few compounds of a new "
    "assay are enough.",
    "Baseline": "A model that learns from the support alone: similarity search, a Gaussian process "
    "on Tanimoto similarity, logistic regression or a random forest. Meta-learning is worthwhile "
    "only if it beats these.",
    "Interval": "95 % percentile interval of a bootstrap with 10,000 resamples. It resamples "
    "clusters of assays (a target or a panel) instead of single assays, because the assays of a "
    "cluster are not independent.",
    "p": "Wilcoxon's signed-rank test on the mean paired difference of each cluster, two-sided. "
    "p (Holm) is adjusted for all comparisons at one support size.",
    "Not in this run's training data": "Assays that share no panel with an assay this run trained "
    "on, and less than 10 % of their compounds. This says nothing about models that were trained "
    "elsewhere, such as the pretrained model.",
    "Seen by a model": "Share of an assay's query compounds in the training data of a model, for "
    "models that record it, such as the pretrained model. “Not seen” means at most 10 %.",
    "Panel": "Assays that share at least half of their compounds, such as one library screened "
    "against many kinases.",
}


def build(inputs: Inputs) -> dict[str, dict[str, str]]:
    """Return terms and metrics with their meaning."""
    del inputs
    explained = {metrics.get(name).label: metrics.get(name).meaning for name in metrics.names()}
    return {"terms": TERMS | explained}


SECTION = Section("Glossary", 70, build)
