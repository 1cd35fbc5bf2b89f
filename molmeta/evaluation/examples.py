"""Example episodes of an evaluation, as molecules: each assay's support and its predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from molmeta.errors import EpisodeError
from molmeta.evaluation.evaluate import EvaluationPlan, episode_drawer, inference_mode, molecules_of
from molmeta.learners.base import MetaLearner, probability

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay
    from molmeta.assays.episodes import Episode
    from molmeta.molecules.blocks import Molecules

COLUMNS = ("assay", "model", "role", "rank", "smiles", "active", "probability")


def examples(
    learner: MetaLearner,
    assays: Sequence[Assay],
    molecules: Molecules,
    *,
    plan: EvaluationPlan,
    model: str,
    support: int,
) -> pd.DataFrame:
    """Return the support and the ranked query of one episode for each assay.

    The episode is that of repeat 0. An assay in which it cannot be drawn has no rows.

    Args:
        learner: learner to use; its state is restored afterwards.
        assays: assays to show.
        molecules: molecule store that the assays' rows refer to, on the learner's device.
        plan: how episodes are drawn; its support sizes and repeats are ignored.
        model: name of the model, for its column.
        support: support size.

    Returns:
        One row of `COLUMNS` for each molecule: first role "support", actives first, then role
        "query"; ranks count from 1 within each role. The probability is NaN in the support and
        for a learner that predicts values.
    """
    tables: list[pd.DataFrame] = []
    with inference_mode(learner):
        for assay in assays:
            try:
                episode = episode_drawer(assay, plan)(support, 0)
                table = _episode_table(learner, assay, episode, molecules)
            except EpisodeError:
                continue
            tables.append(table.assign(assay=assay.name, model=model))
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(tables, ignore_index=True)[list(COLUMNS)]


def _episode_table(
    learner: MetaLearner, assay: Assay, episode: Episode, molecules: Molecules
) -> pd.DataFrame:
    prepared = learner.prepare(molecules_of(learner, assay, molecules))
    support, query = episode.labelled(prepared)
    logits = learner.adapt(support)(query.molecules).double().cpu()
    # Stable, so that tied compounds keep the order of the query.
    best = torch.argsort(logits, descending=True, stable=True)
    probabilities = probability(logits) if learner.target == "activity" else logits * torch.nan
    actives_first = np.argsort(-episode.support_labels, kind="stable")
    support_rows = _role_table(assay, "support", episode.support[actives_first])
    query_rows = _role_table(assay, "query", episode.query[best.numpy()])
    return pd.concat([support_rows, query_rows.assign(probability=probabilities[best].numpy())])


def _role_table(assay: Assay, role: str, rows: NDArray[np.int64]) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "role": role,
        "rank": np.arange(1, len(rows) + 1),
        "smiles": [assay.smiles[row] for row in rows],
        "active": assay.labels[rows].astype(np.int8),
        "probability": np.nan,
    }
    return pd.DataFrame(columns)
