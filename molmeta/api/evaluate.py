"""Judges a model on episodes of held-out assays."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from molmeta.api._inputs import (
    ModelLike,
    SupportOptions,
    all_existing,
    existing,
    model_name,
    model_of,
)
from molmeta.assays.assay import digest
from molmeta.curation.reading import assays_and_molecules
from molmeta.curation.tableoptions import TableOptions
from molmeta.errors import EpisodeError
from molmeta.evaluation import evaluate as evaluation
from molmeta.evaluation.evaluate import EvaluationPlan
from molmeta.evaluation.examples import examples as example_episodes
from molmeta.evaluation.reuse import earlier_rows, merged, write_rows
from molmeta.runtime.tableparts import kept

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pandas as pd

    from molmeta.assays.assay import Assay

SUPPORTS = (16, 32, 64, 128, 256)
_log = logging.getLogger(__name__)


def evaluate(
    model: ModelLike,
    tables: Sequence[Path | str] | Path,
    *,
    plan: EvaluationPlan | None = None,
    molecules: Path | str | None = None,
    name: str | None = None,
    output: Path | None = None,
    examples: Path | None = None,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
    **options: Unpack[SupportOptions],
) -> pd.DataFrame:
    """Judge a model on assays with known labels.

    Args:
        model: a model, its file, or the name of a baseline; None takes the pretrained model.
        tables: curated tables, or tables as in `data/README.md`.
        plan: support sizes, repeats and seed; by default sizes from 16 to 256, ten repeats.
        molecules: molecule store of `molmeta featurize`; None featurizes the compounds here.
        name: name of the model in the result.
        output: Parquet file to write; an interrupted evaluation then resumes. Rows of assays that
            an earlier evaluation of the same model and plan has written there are kept.
        examples: Parquet file for one drawn episode of each assay.
        cores: processes that featurize.
        progress: called with 1 after each assay.
        options: names of columns, unit, threshold and direction of tables that are not curated,
            named as the attributes of `molmeta.curation.tableoptions.TableOptions`.

    Returns:
        A row for each assay, support size and repeat, as `molmeta.evaluation.evaluate` describes.

    Raises:
        EpisodeError: no episode can be drawn from any assay, with the reason.
        TableError: a table cannot be read, or a label is not understood.
        ConfigError: an option is out of range, or the model is unknown.
    """
    chosen, plan = model_of(model), plan or EvaluationPlan(supports=SUPPORTS, repeats=10)
    label, seed = name or model_name(model), int(chosen.history.get("seed", 0))
    paths = all_existing(tables)
    store = None if molecules is None else existing(molecules)
    assays, blocks = assays_and_molecules(
        paths, store, chosen.featurizers, options=TableOptions(**options), cores=cores
    )
    kind = [chosen.digest, label, seed, plan.model_dump()]
    same: Any = {"molecules": blocks, "plan": plan, "model": label}
    judge = partial(evaluation.evaluate, chosen.learner, seed=seed, **same)
    rows = _judged(judge, assays, kind, output, progress)
    if examples is not None:
        size = min(plan.supports)
        draw = partial(example_episodes, chosen.learner, support=size, **same)
        _write_examples(draw, assays, [kind, size], examples)
    return rows


def _judged(
    judge: Callable[..., pd.DataFrame],
    assays: Sequence[Assay],
    kind: object,
    output: Path | None,
    progress: Callable[[int], None] | None,
) -> pd.DataFrame:
    """Rows of all assays, written to the output; earlier rows that still hold are kept."""
    earlier = earlier_rows(output, kind, assays)
    todo = [assay for assay in assays if assay.name not in earlier]
    if earlier:
        _log.info("%d of %d assays were judged before", len(earlier), len(assays))
    # An interrupted run resumes only if nothing has changed that a row depends on.
    with kept(output, [kind, digest(todo)], progress) as keep:
        rows = merged(assays, earlier, judge(todo, keep=keep))
        _require_episodes(rows)
        if output is not None:
            write_rows(output, rows, kind, assays)
    return rows


def _write_examples(
    draw: Callable[..., pd.DataFrame], assays: Sequence[Assay], kind: object, output: Path
) -> None:
    earlier = earlier_rows(output, kind, assays)
    todo = [assay for assay in assays if assay.name not in earlier]
    write_rows(output, merged(assays, earlier, draw(todo)), kind, assays)


def _require_episodes(rows: pd.DataFrame) -> None:
    """Refuse an evaluation without episodes, and log support sizes without any.

    Raises:
        EpisodeError: with the reason of the first row.
    """
    failed = rows["reason"].ne("")
    if len(rows) and failed.all():
        raise EpisodeError(str(rows["reason"].iloc[0]))
    for size, lost in failed.groupby(rows["support"]):
        if lost.all():
            reason = rows.loc[lost.index[0], "reason"]
            _log.warning("support size %s: no assay gave an episode; %s", size, reason)
