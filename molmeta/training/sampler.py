"""Draws the episodes of a training step as a function of seed and step, without state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from molmeta.assays.decoys import Decoys
from molmeta.assays.episodes import Draw, Episode, draw_episode
from molmeta.errors import EpisodeError
from molmeta.runtime.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay


@dataclass(frozen=True)
class Sampler:
    """Draws the episodes of a step, all with supports of the same size.

    Attributes:
        assays: training assays; all that are large enough are equally likely.
        supports: support sizes, all equally likely.
        n_query: largest number of molecules in a query.
        share: share of actives in a support; None keeps the assay's own.
        prevalence: lowest and highest share of actives after adding decoys, drawn evenly on a log
            scale for each step; None adds no decoys.
        seed: seed of all draws.
    """

    assays: Sequence[Assay]
    supports: Sequence[int]
    n_query: int
    share: float | None
    seed: int
    prevalence: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for size in self.supports:
            if len(self._eligible(size)) == 0:
                raise EpisodeError(
                    f"training: no assay is large enough for a support of {size}; got "
                    f"{len(self.assays)} assays, expected one with more compounds of each class. "
                    "Choose smaller supports."
                )

    def episodes(self, step: int, n: int) -> list[Episode]:
        """Return the n episodes of a step; rows are rows of the molecule store."""
        rng = generator(self.seed, "training", step)
        size = int(rng.choice(np.asarray(self.supports)))
        chosen = [self.assays[int(i)] for i in rng.choice(self._eligible(size), size=n)]
        draw = Draw(size, self.share, self.n_query)
        drawn = [draw_episode(assay, draw, rng).at(assay.rows) for assay in chosen]
        if self.prevalence is None:
            return drawn
        low, high = map(math.log, self.prevalence)
        share = math.exp(rng.uniform(low, high))
        # All episodes of a step share one order, so that most decoys are encoded only once.
        decoys = self._decoys.shuffled(rng)
        pairs = zip(drawn, chosen, strict=True)
        return [decoys.diluted(episode, assay.rows, share) for episode, assay in pairs]

    @cached_property
    def _decoys(self) -> Decoys:
        return Decoys.of(self.assays)

    @cached_property
    def _sizes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        n = np.array([len(assay) for assay in self.assays], np.int64)
        return n, np.array([assay.n_active for assay in self.assays], np.int64)

    def _eligible(self, size: int) -> NDArray[np.int64]:
        n, n_active = self._sizes
        share = n_active / n if self.share is None else np.full(len(n), self.share)
        # The quotas of `draw_episode`, so that it refuses none of these assays.
        actives = np.clip(np.round(size * share), 1, size - 1)
        return np.flatnonzero((actives < n_active) & (size - actives < n - n_active))
