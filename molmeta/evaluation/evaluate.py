"""Evaluates a learner: one row of metrics for each assay, support size and repeat.

Episodes are drawn from named seeds, so every model is evaluated on the same ones. An episode that
cannot be drawn or evaluated gives a row with the reason.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from pydantic import NonNegativeInt, PositiveInt, model_validator

from molmeta.assays.episodes import Draw, Episode, draw_episode
from molmeta.assays.records import times_measured
from molmeta.assays.splitters import SPLITTERS, draw_by_splitter
from molmeta.errors import EpisodeError
from molmeta.evaluation import metrics
from molmeta.molecules.compounds import parse
from molmeta.molecules.scaffolds import scaffold_of
from molmeta.runtime.options import Options, Share, Size, Sizes, mistake, one_of
from molmeta.runtime.seeds import generator
from molmeta.runtime.tableparts import computed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from molmeta.assays.assay import Assay
    from molmeta.learners.base import MetaLearner
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled
    from molmeta.runtime.tableparts import Keep


def columns() -> tuple[str, ...]:
    """Columns of the metrics table."""
    return tuple(_blank())


class EvaluationPlan(Options):
    """Which episodes to evaluate on: `evaluation` in the config.

    Raises:
        ConfigError: an unknown option, one out of range, or a splitter together with options of
            random draws.
    """

    section = "evaluation"
    renamed: ClassVar = {"query": "n_query"}

    supports: Sizes = (16, 32, 64, 128)
    """Support sizes: how many measured compounds a model is given."""
    repeats: PositiveInt = 5
    """Episodes per assay and support size."""
    seed: NonNegativeInt = 0
    """Seed of the episodes; every model is evaluated on the same ones."""
    share: Share | None = None
    """Share of actives in a support set; null keeps that of the assay."""
    n_query: Size | None = None
    """Largest number of compounds in a query set; null takes all that are not in the support."""
    scaffold: bool = False
    """Keep compounds that share a Murcko scaffold with the support set out of the query set."""
    split: Annotated[str, *one_of(("", *SPLITTERS))] = ""
    """DeepChem splitter that separates support and query; "" draws at random. It gives one episode
    for each size, whatever `repeats` is."""

    @model_validator(mode="after")
    def _require_random_draws(self) -> Self:
        if self.split and (self.share is not None or self.n_query is not None or self.scaffold):
            raise mistake("'split' must be alone; got share, n_query or scaffold too.")
        return self

    @property
    def draws(self) -> int:
        """Episodes of each assay and size."""
        return 1 if self.split else self.repeats


def evaluate(
    learner: MetaLearner,
    assays: Sequence[Assay],
    molecules: Molecules,
    *,
    plan: EvaluationPlan,
    model: str,
    seed: int,
    keep: Keep = computed,
) -> pd.DataFrame:
    """Return one row of `columns()` for each assay, support size and repeat, in this order.

    A learner that predicts values is evaluated on the compounds with a measured value, both on
    its predictions and on how they rank actives. Seconds are wall-clock time, without that of
    `learner.prepare`, which runs once for all episodes of an assay.

    Args:
        learner: learner to evaluate; its state is restored afterwards.
        assays: assays to evaluate on.
        molecules: molecule store that the assays' rows refer to, on the learner's device.
        plan: which episodes to draw.
        model: name of the model, for its column.
        seed: training seed of the model, for its column.
        keep: stores the rows of each assay (see `molmeta.runtime.tableparts.kept`), so that an
            interrupted run resumes at the next assay.

    Raises:
        ConfigError: the molecules lack a block that the learner reads.
    """

    def assay_table(assay: Assay) -> pd.DataFrame:
        identity = {"model": model, "seed": seed, "target": assay.target, "cluster": assay.cluster}
        return _table(identity | row for row in _assay_rows(learner, assay, molecules, plan))

    with inference_mode(learner):
        tables = [keep(number, partial(assay_table, assay)) for number, assay in enumerate(assays)]
    return pd.concat([_table([]), *tables], ignore_index=True)


@contextmanager
def inference_mode(learner: MetaLearner) -> Generator[None]:
    """Turn off gradients and dropout, and restore the learner's mode afterwards."""
    training = learner.training
    learner.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        learner.train(training)


def episode_drawer(assay: Assay, plan: EvaluationPlan) -> Callable[[int, int], Episode]:
    """Return a function that draws the episode of a support size and repeat.

    The function raises EpisodeError if the assay has too few compounds for the episode.
    """
    scaffolds = [scaffold_of(parse(text)) for text in assay.smiles] if plan.scaffold else None

    def draw(support: int, repeat: int) -> Episode:
        if plan.split:
            return draw_by_splitter(assay, plan.split, support)
        rng = generator(plan.seed, "evaluate", assay.name, support, repeat)
        how = Draw(support, share=plan.share, n_query=plan.n_query)
        return draw_episode(assay, how, rng, scaffolds=scaffolds)

    return draw


def _assay_rows(
    learner: MetaLearner, assay: Assay, molecules: Molecules, plan: EvaluationPlan
) -> Iterator[dict[str, Any]]:
    assay = assay.measured() if learner.target == "value" else assay
    draw, own_molecules = episode_drawer(assay, plan), molecules_of(learner, assay, molecules)
    # `prepare` may drop the blocks by which records are recognised.
    in_training = times_measured(learner, own_molecules).cpu().numpy() > 0
    prepared = learner.prepare(own_molecules)
    for support, repeat in product(plan.supports, range(plan.draws)):
        identity = {"assay": assay.name, "support": support, "repeat": repeat}
        try:
            episode = draw(support, repeat)
        except EpisodeError as error:
            yield {**identity, "reason": str(error)}
            continue
        share_known = float(in_training[episode.query].mean())
        row = {**identity, **_sizes(episode), "known": share_known}
        yield {**row, **_scores(learner, episode, prepared)}


def molecules_of(learner: MetaLearner, assay: Assay, molecules: Molecules) -> Molecules:
    """Return the molecules of an assay, in the order of its rows, with the blocks a learner reads.

    If one is missing, all blocks are returned, and the learner names the missing one in its error.
    """
    names = learner.featurizers
    complete = bool(names) and all(name in molecules.blocks for name in names)
    rows = torch.tensor(assay.rows, device=molecules.device)
    return (molecules.only(names) if complete else molecules).select(rows)


def _sizes(episode: Episode) -> dict[str, Any]:
    return {
        "episode": episode.digest,
        "n_support": len(episode.support),
        "n_support_active": int(episode.support_labels.sum()),
        "n_query": len(episode.query),
        "n_query_active": int(episode.query_labels.sum()),
    }


def _scores(learner: MetaLearner, episode: Episode, prepared: Molecules) -> dict[str, Any]:
    support, query = episode.labelled(prepared)
    try:
        predicted, adapt_seconds, predict_seconds = _timed(learner, support, query.molecules)
        scores = _metrics(learner, episode, predicted.numpy())
    except EpisodeError as error:
        return {"reason": str(error)}
    return {**scores, "adapt_seconds": adapt_seconds, "predict_seconds": predict_seconds}


def _metrics(
    learner: MetaLearner, episode: Episode, predicted: NDArray[np.float64]
) -> dict[str, float]:
    if learner.target == "activity":
        return metrics.class_metrics(episode.query_labels, predicted)
    support, query = (
        np.empty(0) if values is None else values.astype(np.float64)
        for values in (episode.support_values, episode.query_values)
    )
    mean = support.sum() / max(len(support), 1)
    return {
        **metrics.ranking_metrics(episode.query_labels, predicted),
        **metrics.value_metrics(query, predicted, mean),
    }


def _timed(
    learner: MetaLearner, support: Labelled, query: Molecules
) -> tuple[Tensor, float, float]:
    """Predictions for the query, seconds to adapt, and seconds to predict."""
    start = time.perf_counter()
    predictor = learner.adapt(support)
    adapted = time.perf_counter()
    predicted = predictor(query).double().cpu()
    return predicted, adapted - start, time.perf_counter() - adapted


def _blank() -> dict[str, Any]:
    """Row of an episode that was not evaluated; its values also set the types of the columns."""
    return {
        "model": "", "seed": 0, "assay": "", "target": "", "cluster": "", "support": 0,
        "repeat": 0, "episode": "", "n_support": 0, "n_support_active": 0, "n_query": 0,
        "n_query_active": 0, "known": np.nan, **dict.fromkeys(metrics.names(), np.nan),
        "adapt_seconds": np.nan, "predict_seconds": np.nan, "reason": "",
    }  # fmt: skip


def _table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    blank = _blank()
    types = {name: type(value).__name__ for name, value in blank.items()}
    return pd.DataFrame([blank | row for row in rows], columns=list(blank)).astype(types)
