"""The score of a learner on a validation assay, by which the best step is selected."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from molmeta.assays.decoys import Decoys
from molmeta.errors import EpisodeError
from molmeta.evaluation.contestants import Contestant
from molmeta.evaluation.enrichment import EnrichmentPlan, enrich
from molmeta.evaluation.evaluate import EvaluationPlan, evaluate

if TYPE_CHECKING:
    from molmeta.assays.assay import Assay
    from molmeta.learners import MetaLearner
    from molmeta.molecules.blocks import Molecules
    from molmeta.training.task import Task, TrainingOptions

VALIDATION_QUERY = 512
HIDDEN = EnrichmentPlan(("unrelated:5+20",))
"""Supports for the validation assays, whose compounds are hidden among those of the others."""


def judged_by(options: TrainingOptions) -> str:
    """Name of the score."""
    return "delta_auprc" if options.prevalence is None else "bedroc20"


def validation_score(learner: MetaLearner, molecules: Molecules, task: Task, assay: Assay) -> float:
    """Return the mean score on one assay, NaN if no episode can be drawn.

    It is delta-AUPRC, or for training at a prevalence BEDROC(20) among the compounds of all
    validation assays.
    """
    if task.training.prevalence is not None:
        return _enrichment(learner, molecules, task, assay)
    options = task.training
    plan = EvaluationPlan(
        supports=options.validation_supports, repeats=options.validation_repeats, seed=task.seed,
        n_query=VALIDATION_QUERY,
    )  # fmt: skip
    rows = evaluate(learner, [assay], molecules, plan=plan, model="", seed=task.seed)
    return float(rows["delta_auprc"].mean())


def _enrichment(learner: MetaLearner, molecules: Molecules, task: Task, assay: Assay) -> float:
    plan = replace(HIDDEN, draws=task.training.validation_repeats, seed=task.seed)
    screen = Decoys.of(task.valid).screen(assay)
    try:
        rows = enrich({"": Contestant(learner)}, [screen], molecules, plan=plan)
    except EpisodeError:
        return math.nan
    return float(rows["bedroc20"].mean())
