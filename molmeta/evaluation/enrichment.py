"""Judges learners where actives are rare: a few knowns, a library of a target, its top."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from molmeta.assays.records import records_in, times_measured
from molmeta.errors import ConfigError, EpisodeError
from molmeta.evaluation.evaluate import inference_mode
from molmeta.evaluation.metrics import ranking_metrics
from molmeta.evaluation.statistics import interval
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.labelled import Labelled
from molmeta.runtime.seeds import generator
from molmeta.runtime.tableparts import made

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from molmeta.assays.screens import Screen
    from molmeta.learners.base import MetaLearner
    from molmeta.molecules.blocks import Molecules
    from molmeta.runtime.tableparts import Keep

METRICS = ("ef1", "ef5", "bedroc20", "auroc")
COLUMNS = (
    "model", "source", "target", "actives", "per_active", "draw",
    *METRICS, "n_library", "n_active", "n_known", "n_known_active",
)  # fmt: skip
CHUNK = 4096


@dataclass(frozen=True)
class EnrichmentPlan:
    """Which supports are drawn of every target.

    Attributes:
        actives: numbers of actives in a support.
        per_active: inactives for each of them; the fewest actives are also given alone.
        draws: supports of each kind.
        seed: of all draws.

    Raises:
        ConfigError: a number is below 1.
    """

    actives: tuple[int, ...] = (5, 10, 20)
    per_active: tuple[int, ...] = (1, 4, 10)
    draws: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        least = min((*self.actives, *self.per_active, self.draws), default=0)
        if least < 1 or not (self.actives and self.per_active):
            raise ConfigError(
                f"enrichment: a number is out of its range; got {self}, expected numbers of at "
                "least 1. Correct --actives, --per-active or --draws."
            )

    @property
    def kinds(self) -> tuple[tuple[int, int], ...]:
        """Actives, and inactives for each of them."""
        return ((min(self.actives), 0), *product(self.actives, self.per_active))


def enrich(
    learners: Mapping[str, MetaLearner],
    screens: Sequence[Screen],
    molecules: Molecules,
    *,
    plan: EnrichmentPlan,
    keep: Keep = made,
) -> pd.DataFrame:
    """Return one row for each model, target, kind of support and draw.

    A draw shuffles a target's actives and its inactives once; every support of the draw takes the
    first of each, and all that it leaves is the library. For actives alone, learners that cannot
    do without an inactive get one, which no library holds then. `n_known` counts what the
    learner's memory of training compounds knows of the library, on whatever target.

    Args:
        learners: by the name that the table gives them; all see the same draws.
        screens: rows point into the molecules.
        molecules: with every learner's blocks.
        plan: what is drawn.
        keep: of `molmeta.runtime.tableparts.kept`, so that a killed run goes on at its target.

    Raises:
        EpisodeError: a target has too few compounds of a class.
    """
    for screen in screens:
        _require_enough(screen, plan)

    def judged(screen: Screen) -> pd.DataFrame:
        return pd.DataFrame(_of_screen(learners, screen, molecules, plan), columns=list(COLUMNS))

    tables = [keep(number, partial(judged, screen)) for number, screen in enumerate(screens)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))


def without_memory(learner: MetaLearner) -> MetaLearner:
    """Return a copy of the learner without activity records."""
    without = copy.deepcopy(learner)
    for records in records_in(without):
        records.clear()
    return without


def new_compounds(
    screens: Sequence[Screen], learner: MetaLearner, molecules: Molecules, *, plan: EnrichmentPlan
) -> list[Screen]:
    """Return screens without the compounds that a training assay of the learner has measured.

    Whatever it has kept of them, by a memory or in its weights, is then of no use. Targets of which
    too few compounds are left for the largest support are left out.
    """
    found: list[Screen] = []
    for screen in screens:
        own = molecules.select(tensor_of(screen.rows).to(molecules.device))
        new = (times_measured(learner, own) == 0).cpu().numpy()
        left = replace(screen, rows=screen.rows[new], labels=screen.labels[new])
        if all(have > needed for have, needed in _counted(left, plan).values()):
            found.append(left)
    return found


def unknown_targets(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of targets of which no model's memory knows an active, in any draw."""
    known = rows.groupby(["source", "target"])["n_known_active"].transform("max")
    return rows[known == 0]


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return means over draws and then targets, a row for each source, support and model."""
    kinds = ["source", "actives", "per_active", "model"]
    targets = rows.groupby([*kinds, "target"], sort=True)[list(METRICS)].mean()
    means = targets.groupby(kinds).mean()
    return means.assign(n_targets=targets.groupby(kinds).size()).reset_index()


def compared(rows: pd.DataFrame, model: str, *, seed: int = 0) -> pd.DataFrame:
    """Return a model's paired difference to the best other model of each source and support.

    Args:
        rows: of `enrich`.
        model: which to compare.
        seed: of the bootstrap over targets.

    Returns:
        Columns `source, actives, per_active, metric, model, baseline, theirs, difference, low,
        high, n_targets`: best is the baseline with the highest mean `theirs` of that metric,
        and the 95 % interval resamples targets.
    """
    means = rows.groupby(["model", "source", "actives", "per_active", "target"])[list(METRICS)]
    table = means.mean().reset_index()
    found = [
        {"source": s, "actives": a, "per_active": k, "metric": name, **row}
        for (s, a, k), group in table.groupby(["source", "actives", "per_active"])
        for name in METRICS
        for row in _difference(
            group.pivot_table(index="target", columns="model", values=name), model, seed
        )
    ]
    return pd.DataFrame(found)


def _counted(screen: Screen, plan: EnrichmentPlan) -> dict[str, tuple[int, int]]:
    """What there is of each class, and what the largest support takes."""
    n_active, most = int(screen.labels.sum()), max(plan.actives)
    return {
        "actives": (n_active, most),
        "inactives": (len(screen) - n_active, most * max(plan.per_active)),
    }


def _require_enough(screen: Screen, plan: EnrichmentPlan) -> None:
    for name, (found, needed) in _counted(screen, plan).items():
        if found <= needed:
            raise EpisodeError(
                f"target '{screen.target}': too few {name}; got {found}, expected more than the "
                f"{needed} of the largest support. Leave it out or ask for smaller supports."
            )


def _difference(wide: pd.DataFrame, model: str, seed: int) -> Iterator[dict[str, Any]]:
    others = wide.drop(columns=model, errors="ignore")
    if model not in wide or others.empty:
        return
    best = str(others.mean().idxmax())
    difference = wide[model] - wide[best]
    found = interval(list(difference), list(wide.index), seed=seed)
    yield {
        "model": float(wide[model].mean()),
        "baseline": best,
        "theirs": float(wide[best].mean()),
        "difference": found.mean,
        "low": found.low,
        "high": found.high,
        "n_targets": found.n_assays,
    }


def _of_screen(
    learners: Mapping[str, MetaLearner],
    screen: Screen,
    molecules: Molecules,
    plan: EnrichmentPlan,
) -> Iterator[dict[str, Any]]:
    pool = molecules.select(tensor_of(screen.rows).to(molecules.device))
    labels = tensor_of(screen.labels).to(molecules.device)
    known = {
        name: (times_measured(learner, pool) > 0).cpu().numpy()
        for name, learner in learners.items()
    }
    pools = {name: _prepared(learner, Labelled(pool, labels)) for name, learner in learners.items()}
    for draw in range(plan.draws):
        rng = generator(plan.seed, "enrich", screen.source, screen.target, draw)
        actives, inactives = (rng.permutation(np.flatnonzero(screen.labels == y)) for y in (1, 0))
        for n, per_active in plan.kinds:
            given = inactives[: max(n * per_active, 1)]
            library = np.setdiff1d(np.arange(len(screen)), [*actives[:n], *given])
            for name, learner in learners.items():
                alone = not per_active and learner.actives_only
                support = actives[:n] if alone else np.concatenate([actives[:n], given])
                scores = _scores(learner, *pools[name], support)[library]
                yield {
                    "model": name,
                    "source": screen.source,
                    "target": screen.target,
                    "actives": n,
                    "per_active": per_active,
                    "draw": draw,
                    **ranking_metrics(screen.labels[library], scores),
                    **_counts(screen.labels[library], known[name][library]),
                }


def _prepared(learner: MetaLearner, pool: Labelled) -> tuple[Labelled, list[Molecules]]:
    """Return the pool, and in chunks, as all draws will see it."""
    with inference_mode(learner):
        molecules = learner.prepare(pool.molecules)
    rows = torch.arange(len(molecules), device=molecules.device)
    chunks = [molecules.select(part) for part in torch.split(rows, CHUNK)]
    return Labelled(molecules, pool.labels), chunks


def _scores(
    learner: MetaLearner, pool: Labelled, chunks: Sequence[Molecules], support: NDArray[np.int64]
) -> NDArray[np.float64]:
    rows = tensor_of(support).to(pool.labels.device)
    with inference_mode(learner):
        labelled = Labelled(pool.molecules.select(rows), pool.labels[rows])
        predictor = learner.adapt_library(labelled)
        return torch.cat([predictor(chunk).double() for chunk in chunks]).cpu().numpy()


def _counts(labels: NDArray[np.float32], known: NDArray[np.bool_]) -> dict[str, int]:
    return {
        "n_library": len(labels),
        "n_active": int(labels.sum()),
        "n_known": int(known.sum()),
        "n_known_active": int(known[labels == 1].sum()),
    }
