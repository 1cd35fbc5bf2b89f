"""Hides the actives of a target in a library, and measures how well models find them again."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from molmeta.assays.records import records_in, times_measured
from molmeta.errors import ConfigError, EpisodeError
from molmeta.evaluation.contestants import PRESUMED, Contestant, TargetPool
from molmeta.evaluation.drawn_supports import Drawn, SupportKind, Target
from molmeta.evaluation.evaluate import inference_mode
from molmeta.evaluation.hidden_actives import METRICS, hidden_metrics
from molmeta.molecules.blocks import Bits, Molecules, tensor_of
from molmeta.molecules.similarity import bits_of, tanimoto
from molmeta.molecules.store import concatenated
from molmeta.runtime.seeds import generator
from molmeta.runtime.tableparts import computed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from molmeta.assays.screens import Screen
    from molmeta.learners.base import MetaLearner
    from molmeta.runtime.tableparts import Keep

COLUMNS = (
    "model", "source", "target", "cluster", "support", "draw", *METRICS,
    "n_library", "n_hidden", "n_new", "top",
)  # fmt: skip
TOP = 30
"""Length of the list of best library compounds that a row keeps."""
MOST_HIDDEN = 100
"""One in this many compounds of a library is hidden in it, at most."""


@dataclass(frozen=True)
class EnrichmentPlan:
    """Which supports are drawn for every target.

    Attributes:
        supports: kinds of supports, as `SupportKind.parsed` reads them.
        draws: supports of each kind.
        seed: seed of all draws.

    Raises:
        ConfigError: a kind of support is unknown, or no draw is asked for.
    """

    supports: tuple[str, ...] = ("series:8", "series:24", "series:64", "hop:24", "actives:8")
    draws: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.draws < 1 or not self.supports:
            raise ConfigError(
                f"enrichment: nothing is drawn; got {self}, expected at least one kind of support "
                "and one draw. Correct --supports or --draws."
            )
        _ = self.kinds

    @property
    def kinds(self) -> tuple[SupportKind, ...]:
        """The kinds of supports."""
        return tuple(SupportKind.parsed(text) for text in self.supports)


def enrich(
    contestants: Mapping[str, Contestant],
    screens: Sequence[Screen],
    molecules: Molecules,
    *,
    plan: EnrichmentPlan,
    library: NDArray[np.int64] | None = None,
    keep: Keep = computed,
) -> pd.DataFrame:
    """Return one row for each model, target, kind of support and draw.

    All models see the same supports and score the same compounds. These are the hidden actives, the
    library, and the measured inactives outside the support. A target that is too small for a kind
    of support has no rows for it.

    | column         | meaning                                                                  |
    | -------------- | ------------------------------------------------------------------------ |
    | top1           | share of hidden actives that score above 99 % of the library             |
    | ef1, bedroc20, auroc | of the hidden actives among the library                            |
    | auroc_measured | of the hidden actives against measured inactives; NaN without a library  |
    | first_rank     | rank of the first hidden active, from 1                                  |
    | top1_new       | top1 of the hidden actives that no model has in its training data        |
    | top            | rows of the 30 library compounds that score best, separated by spaces    |

    Args:
        contestants: by the name that the table gives them.
        screens: rows point into the molecules.
        molecules: with every learner's blocks, and Morgan fingerprints for scaffold hops.
        plan: the supports to draw.
        library: rows of the compounds to hide actives among, at most one in a hundred; None
            hides all of them among the target's own inactives.
        keep: of `molmeta.runtime.tableparts.kept`, so that a killed run resumes at its target.

    Raises:
        EpisodeError: no support can be drawn from any target.
    """
    run = _Run(contestants, molecules, plan, library)
    tables = [keep(number, partial(run.rows, screen)) for number, screen in enumerate(screens)]
    rows = pd.concat([table for table in tables if len(table)] or [_table([])], ignore_index=True)
    if screens and contestants and rows.empty:
        raise EpisodeError(
            f"enrichment: no support can be drawn; got {len(screens)} targets that are too small, "
            f"expected one with enough compounds for {', '.join(plan.supports)}. Ask for smaller "
            "--supports."
        )
    return rows


def without_records(learner: MetaLearner) -> MetaLearner:
    """Return a copy of the learner without activity records."""
    without = copy.deepcopy(learner)
    for records in records_in(without):
        records.clear()
    return without


class _Run:
    """Prepares the library once for each contestant, then judges target after target."""

    def __init__(
        self,
        contestants: Mapping[str, Contestant],
        molecules: Molecules,
        plan: EnrichmentPlan,
        library: NDArray[np.int64] | None,
    ) -> None:
        self.contestants, self.molecules, self.plan = contestants, molecules, plan
        self.has_library = library is not None
        self.library = np.zeros(0, np.int64) if library is None else library
        wanted = max((contestant.most_presumed for contestant in contestants.values()), default=0)
        # A library can spare these, so that its scores do not depend on the other models.
        self.n_others = wanted if library is None else PRESUMED
        # Contestants may share a learner, which then prepares the molecules once for all of them.
        self.prepared = {
            learner: self._prepared(learner, self.library)
            for learner in {contestant.learner for contestant in contestants.values()}
        }

    def rows(self, screen: Screen) -> pd.DataFrame:
        """Return the rows of a target."""
        none = np.zeros(len(self.library), np.float32)
        labels = tensor_of(np.concatenate([screen.labels, none]))
        pools = {
            learner: TargetPool.of(self._with_library(learner, screen.rows), labels)
            for learner in self.prepared
        }
        in_training = self._in_training(screen.rows)
        return _table(
            {"source": screen.source, "target": screen.target, "cluster": screen.cluster, **row}
            for row in self._judged(screen, pools, in_training)
        )

    def _judged(
        self,
        screen: Screen,
        pools: Mapping[MetaLearner, TargetPool],
        in_training: NDArray[np.bool_],
    ) -> Iterator[dict[str, Any]]:
        target = self._target(screen)
        for kind in self.plan.kinds:
            for draw in range(self.plan.draws):
                name = (screen.source, screen.target, str(kind), draw)
                # Seeded by names: adding a target or a kind leaves other draws unchanged.
                rng = generator(self.plan.seed, "enrich", *name)
                drawn = kind.draw(target, rng)
                if drawn is None:
                    continue
                task = self._task(screen, drawn, kind.presumed, rng)
                if not len(task.library):
                    continue
                for model, contestant in self.contestants.items():
                    scores = _scores(contestant, pools[contestant.learner], task)
                    yield {
                        "model": model,
                        "support": str(kind),
                        "draw": draw,
                        **self._results(scores, task, in_training),
                    }

    def _task(
        self, screen: Screen, drawn: Drawn, n_presumed: int, rng: np.random.Generator
    ) -> _Task:
        """Take presumed inactives from the library, and leave the rest of it to be scored."""
        n, hidden = len(screen), drawn.hidden
        inactive = np.setdiff1d(np.flatnonzero(screen.labels == 0), drawn.support)
        if self.has_library:
            # A pool holds the target's n compounds first, then the library, which may repeat them.
            library = n + np.flatnonzero(~np.isin(self.library, screen.rows))
            # No more actives than the top 1 % holds, which would limit EF 1 % otherwise.
            hidden, measured = hidden[: max(len(library) // MOST_HIDDEN, 1)], inactive
        else:
            library, measured = inactive, inactive[:0]
        library = rng.permutation(library)
        # All models score the rest, whether or not they receive the others.
        n_others = max(min(self.n_others, (len(library) - n_presumed) // 2), 0)
        presumed, others, rest = np.split(library, [n_presumed, n_presumed + n_others])
        return _Task(
            np.concatenate([drawn.support, presumed]), others, hidden, np.sort(rest), measured
        )

    def _results(
        self, scores: NDArray[np.float64], task: _Task, in_training: NDArray[np.bool_]
    ) -> dict[str, Any]:
        library, new, n_own = scores[task.library], ~in_training[task.hidden], len(in_training)
        best = task.library[np.argsort(-library, kind="stable")[:TOP]]
        return {
            **hidden_metrics(scores[task.hidden], library, scores[task.measured], new),
            "n_library": len(library),
            "n_hidden": len(task.hidden),
            "n_new": int(new.sum()),
            "top": " ".join(str(self.library[row - n_own]) for row in best if row >= n_own),
        }

    def _target(self, screen: Screen) -> Target:
        # Only scaffold hops need fingerprints, and of the same compounds every time.
        @cache
        def fingerprints() -> Bits:
            return bits_of(self._select(screen.rows))

        def similarity(row: int) -> NDArray[np.float64]:
            bits = fingerprints()
            nearest = tanimoto(bits, bits.select(torch.tensor([row], device=bits.device)))
            return nearest[:, 0].double().cpu().numpy()

        return Target(screen.labels > 0.5, similarity)

    def _in_training(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a training assay of any contestant has measured each compound."""
        molecules, in_training = self._select(rows), np.zeros(len(rows), np.bool_)
        for learner in self.prepared:
            # In the training data of any model: `top1_new` is over the same compounds for all.
            in_training |= (times_measured(learner, molecules) > 0).cpu().numpy()
        return in_training

    def _with_library(self, learner: MetaLearner, rows: NDArray[np.int64]) -> Molecules:
        molecules = self._prepared(learner, rows)
        return concatenated([molecules, self.prepared[learner]]) if self.has_library else molecules

    def _prepared(self, learner: MetaLearner, rows: NDArray[np.int64]) -> Molecules:
        with inference_mode(learner):
            return learner.prepare(self._select(rows).only(learner.library_featurizers))

    def _select(self, rows: NDArray[np.int64]) -> Molecules:
        return self.molecules.select(tensor_of(rows).to(self.molecules.device))


@dataclass(frozen=True)
class _Task:
    """Indices into a pool: a support, and the compounds to score for it.

    Attributes:
        support: its compounds, measured or presumed inactive.
        others: library compounds for learners that need more presumed inactives.
        hidden: actives to find.
        library: compounds that are presumed inactive, or measured, without a library.
        measured: measured inactives.
    """

    support: NDArray[np.int64]
    others: NDArray[np.int64]
    hidden: NDArray[np.int64]
    library: NDArray[np.int64]
    measured: NDArray[np.int64]


def _scores(contestant: Contestant, pool: TargetPool, task: _Task) -> NDArray[np.float64]:
    active = pool.compounds.labels[task.support].cpu().numpy() > 0.5
    presumed = task.others[: contestant.n_presumed(active)]
    rows = np.concatenate([task.support[contestant.seen(active)], presumed])
    with inference_mode(contestant.learner):
        predictor = contestant.learner.adapt_library(pool.select(rows))
        return torch.cat([predictor(chunk).double() for chunk in pool.chunks]).cpu().numpy()


def _table(rows: Any) -> pd.DataFrame:  # noqa: ANN401 - what DataFrame takes
    return pd.DataFrame(list(rows), columns=list(COLUMNS))
