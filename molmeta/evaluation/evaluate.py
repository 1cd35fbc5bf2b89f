"""Judges learners: one row for each assay, support size and repeat. Averages nothing.

Episodes are drawn from seeds with names, so that every model is judged on the same ones. What
cannot be drawn or judged is a row that says why.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from molmeta.assays.episodes import Draw, Episode, draw_episode
from molmeta.assays.splitters import draw_by_splitter, require_splitter
from molmeta.errors import ConfigError, EpisodeError
from molmeta.evaluation import ranking, regression
from molmeta.learners.base import probability
from molmeta.molecules.compounds import parse, scaffold_of
from molmeta.runtime.seeds import generator
from molmeta.runtime.tableparts import made

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from molmeta.assays.assay import Assay
    from molmeta.learners.base import MetaLearner
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled
    from molmeta.runtime.tableparts import Keep

_BLANK: dict[str, Any] = {
    "model": "", "seed": 0, "assay": "", "target": "", "cluster": "", "support": 0, "repeat": 0,
    "episode": "", "n_support": 0, "n_support_active": 0, "n_query": 0, "n_query_active": 0,
    "known": np.nan,
    **dict.fromkeys((*ranking.NAMES, *regression.NAMES), np.nan),
    "adapt_seconds": np.nan, "predict_seconds": np.nan, "reason": "",
}  # fmt: skip
COLUMNS = tuple(_BLANK)
EXAMPLE_COLUMNS = ("assay", "model", "role", "rank", "smiles", "active", "probability")


@dataclass(frozen=True)
class EvaluationPlan:
    """Which episodes to judge on.

    Attributes:
        supports: molecules in the support, each size in turn.
        repeats: draws of each assay and size.
        seed: the same seed draws the same episodes.
        share: of actives in the support; None keeps the assay's own.
        n_query: molecules in the query at most; None takes all that the support left.
        scaffold: whether the query holds no Murcko scaffold of the support.
        split: DeepChem splitter that separates support and query, "" to draw at random. It gives
            a single episode for each size, whatever `repeats` is, and none of the options above.

    Raises:
        ConfigError: no support size, one below 2, no repeat, a share outside (0, 1), an unknown
            splitter, or a splitter together with options of random draws.
    """

    supports: tuple[int, ...]
    repeats: int
    seed: int
    share: float | None = None
    n_query: int | None = None
    scaffold: bool = False
    split: str = ""

    def __post_init__(self) -> None:
        _require("supports", self.supports, len(self.supports) > 0, "at least one size")
        _require("supports", self.supports, min(self.supports, default=2) >= 2, "2 or more each")
        _require("repeats", self.repeats, self.repeats >= 1, "1 or more")
        _require("share", self.share, self.share is None or 0 < self.share < 1, "above 0, below 1")
        _require("n_query", self.n_query, self.n_query is None or self.n_query >= 2, "2 or more")
        if self.split:
            require_splitter(self.split)
            free = self.share is None and self.n_query is None and not self.scaffold
            _require("split", self.split, free, "no share, n_query or scaffold beside it")

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
    keep: Keep = made,
) -> pd.DataFrame:
    """Return one row of `COLUMNS` for each assay, support size and repeat, in this order.

    A learner of values is judged on the compounds whose value is known: on its predictions and on
    how they rank actives. Seconds are wall-clock; what `learner.prepare` does once for all
    episodes of an assay is not among them.

    Args:
        learner: left as it was.
        assays: what to judge on.
        molecules: the store that the assays' rows point into, on the learner's device.
        plan: which episodes.
        model: name of the model, for its column.
        seed: the model's training seed, for its column.
        keep: of `molmeta.runtime.tableparts.kept`, so that a killed run goes on at its assay.

    Raises:
        ConfigError: the molecules lack a block that the learner reads.
    """

    def judged(assay: Assay) -> pd.DataFrame:
        named = {"model": model, "seed": seed, "target": assay.target, "cluster": assay.cluster}
        rows = _assay_rows(learner, assay, molecules, plan)
        return _typed([{**_BLANK, **named, **row} for row in rows])

    with judging(learner):
        tables = [keep(number, partial(judged, assay)) for number, assay in enumerate(assays)]
    return pd.concat([_typed([]), *tables], ignore_index=True)


def examples(
    learner: MetaLearner,
    assays: Sequence[Assay],
    molecules: Molecules,
    *,
    plan: EvaluationPlan,
    model: str,
    support: int,
    top: int = 12,
) -> pd.DataFrame:
    """Return what a chemist would have seen: each assay's support and its best-ranked query.

    The episode is that of repeat 0; an assay in which it cannot be drawn has no rows.

    Args:
        learner: left as it was.
        assays: what to show.
        molecules: the store that the assays' rows point into, on the learner's device.
        plan: which episodes; its sizes and repeats are not used.
        model: name of the model, for its column.
        support: molecules in the support.
        top: molecules of the query to keep, best first.

    Returns:
        A row of `EXAMPLE_COLUMNS` a molecule: role "support", actives first, probability NaN for
        it was given; then role "query"; ranks count from 1 within each. A learner of
        values gives no probability.
    """
    tables: list[pd.DataFrame] = []
    with judging(learner):
        for assay in assays:
            try:
                episode = _draws(assay, plan)(support, 0)
                shown = _shown(learner, assay, episode, molecules, top)
            except EpisodeError:
                continue
            tables.append(shown.assign(assay=assay.name, model=model))
    if not tables:
        return pd.DataFrame(columns=list(EXAMPLE_COLUMNS))
    return pd.concat(tables, ignore_index=True)[list(EXAMPLE_COLUMNS)]


@contextmanager
def judging(learner: MetaLearner) -> Generator[None]:
    """No gradients and no dropout, and the learner's own mode back afterwards."""
    training = learner.training
    learner.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        learner.train(training)


def _draws(assay: Assay, plan: EvaluationPlan) -> Callable[[int, int], Episode]:
    scaffolds = _scaffolds(assay) if plan.scaffold else None

    def draw(support: int, repeat: int) -> Episode:
        if plan.split:
            return draw_by_splitter(assay, plan.split, support)
        rng = generator(plan.seed, "evaluate", assay.name, support, repeat)
        how = Draw(support, share=plan.share, n_query=plan.n_query)
        return draw_episode(assay, how, rng, scaffolds=scaffolds)

    return draw


def _scaffolds(assay: Assay) -> list[str]:
    return [scaffold_of(parse(text)) for text in assay.smiles]


def _assay_rows(
    learner: MetaLearner, assay: Assay, molecules: Molecules, plan: EvaluationPlan
) -> Iterator[dict[str, Any]]:
    assay = assay.measured() if learner.target == "value" else assay
    draw, prepared = _draws(assay, plan), _prepared(learner, assay, molecules)
    known = _known(learner, assay, molecules)
    for support in plan.supports:
        for repeat in range(plan.draws):
            named = {"assay": assay.name, "support": support, "repeat": repeat}
            try:
                episode = draw(support, repeat)
            except EpisodeError as error:
                yield {**named, "reason": str(error)}
                continue
            sizes = {**_sizes(episode), "known": float(known[episode.query].mean())}
            yield {**named, **sizes, **_judged(learner, episode, prepared)}


def _prepared(learner: MetaLearner, assay: Assay, molecules: Molecules) -> Molecules:
    rows = torch.tensor(assay.rows, device=molecules.device)
    return learner.prepare(_read(learner, molecules).select(rows))


def _known(learner: MetaLearner, assay: Assay, molecules: Molecules) -> NDArray[np.bool_]:
    rows = torch.tensor(assay.rows, device=molecules.device)
    return (learner.known(_read(learner, molecules).select(rows)) > 0).cpu().numpy()


def _read(learner: MetaLearner, molecules: Molecules) -> Molecules:
    """What the learner reads; everything where a block is missing, for it to say which."""
    names = learner.featurizers
    complete = bool(names) and all(name in molecules.blocks for name in names)
    return molecules.only(names) if complete else molecules


def _sizes(episode: Episode) -> dict[str, Any]:
    return {
        "episode": episode.digest,
        "n_support": len(episode.support),
        "n_support_active": int(episode.support_labels.sum()),
        "n_query": len(episode.query),
        "n_query_active": int(episode.query_labels.sum()),
    }


def _judged(learner: MetaLearner, episode: Episode, prepared: Molecules) -> dict[str, Any]:
    support, query = episode.labelled(prepared)
    try:
        logits, adapt_seconds, predict_seconds = _timed(learner, support, query.molecules)
        values = _compared(learner, episode, logits.numpy())
    except EpisodeError as error:
        return {"reason": str(error)}
    return {**values, "adapt_seconds": adapt_seconds, "predict_seconds": predict_seconds}


def _compared(
    learner: MetaLearner, episode: Episode, predicted: NDArray[np.float64]
) -> dict[str, float]:
    if learner.target == "activity":
        return ranking.all_metrics(episode.query_labels, predicted)
    sides = (episode.support_values, episode.query_values)
    known, asked = (np.empty(0) if side is None else side.astype(np.float64) for side in sides)
    return {
        **ranking.ranking_metrics(episode.query_labels, predicted),
        **regression.value_metrics(asked, predicted, known.sum() / max(len(known), 1)),
    }


def _timed(
    learner: MetaLearner, support: Labelled, query: Molecules
) -> tuple[Tensor, float, float]:
    start = time.perf_counter()
    predictor = learner.adapt(support)
    adapted = time.perf_counter()
    logits = predictor(query).double().cpu()
    return logits, adapted - start, time.perf_counter() - adapted


def _shown(
    learner: MetaLearner, assay: Assay, episode: Episode, molecules: Molecules, top: int
) -> pd.DataFrame:
    support, query = episode.labelled(_prepared(learner, assay, molecules))
    logits = learner.adapt(support)(query.molecules).double().cpu()
    best = torch.argsort(logits, descending=True, stable=True)[:top]
    shown = probability(logits) if learner.target == "activity" else logits * torch.nan
    first = np.argsort(-episode.support_labels, kind="stable")
    given = _role(assay, "support", episode.support[first])
    ranked = _role(assay, "query", episode.query[best.numpy()])
    return pd.concat([given, ranked.assign(probability=shown[best].numpy())])


def _role(assay: Assay, role: str, rows: np.ndarray[Any, np.dtype[np.int64]]) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "role": role,
        "rank": np.arange(1, len(rows) + 1),
        "smiles": [assay.smiles[row] for row in rows],
        "active": assay.labels[rows].astype(np.int8),
        "probability": np.nan,
    }
    return pd.DataFrame(columns)


def _typed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    kinds = {name: type(value).__name__ for name, value in _BLANK.items()}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(kinds)


def _require(name: str, value: object, holds: bool, rule: str) -> None:  # noqa: FBT001
    if not holds:
        raise ConfigError(
            f"evaluation: {name} cannot be used; got {value}, expected {rule}. "
            "Correct it in the config."
        )
