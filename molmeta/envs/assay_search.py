"""The environment: an episode is an assay, an action measures a compound, a hit is the reward."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsInt

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from molmeta.campaigns.campaign import Campaign
from molmeta.errors import ConfigError, EpisodeError
from molmeta.molecules.blocks import Molecules, tensor_of
from molmeta.molecules.similarity import FINGERPRINT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from molmeta.assays.assay import Assay
    from molmeta.learners.base import MetaLearner

Observation = NDArray[np.float32]

FEATURES = (
    "open", "active", "probability", "uncertainty",
    "similarity_active", "similarity_inactive", "similarity_plate", "left",
)  # fmt: skip
"""Columns of an observation, each from 0 to 1. `open` says whether the candidate can be measured,
and `active` whether it was measured active. The similarities are Tanimoto, to the nearest measured
active, the nearest measured inactive, and the nearest compound on the current plate. `left` is the
remaining share of the budget, the same in every row."""


@dataclass(frozen=True)
class Search:
    """Size of an episode.

    Attributes:
        window: number of candidates drawn from the assay; a smaller assay leaves rows empty.
        start: candidates measured before the first action, with both classes.
        batch: actions per plate; labels are revealed when the plate is full.
        rounds: plates per episode.
        share: share of actives among the candidates; None keeps the assay's share.

    Raises:
        ConfigError: a number is out of its range.
    """

    window: int = 256
    start: int = 16
    batch: int = 8
    rounds: int = 5
    share: float | None = 0.1

    def __post_init__(self) -> None:
        sizes = self.start >= 2 and self.batch >= 1 and self.rounds >= 1
        fits = self.start + self.batch * self.rounds <= self.window
        if not (sizes and fits and (self.share is None or 0 < self.share < 1)):
            raise ConfigError(
                f"environment: sizes do not fit together; got {self}, expected a start of 2 or "
                "more that fits into the window with all plates, and a share between 0 and 1. "
                "Correct the options of the environment."
            )


class AssaySearch(gymnasium.Env[Observation, np.int64]):
    """Find the actives of an assay with few measurements.

    The action is the row of the candidate to measure next. A hit is rewarded with 1 at once, but
    the observation shows labels, and predictions updated with them, only when the plate is full.
    Choosing a row that cannot be measured wastes the action; `info["action_mask"]` shows which can.

    Args:
        learner: adapted again after every plate.
        assays: one is drawn for each episode, or chosen by `reset(options={"assay": name})`.
        molecules: the store that the assays' rows point into, with fingerprints.
        search: sizes of an episode.

    Raises:
        EpisodeError: no assay is given.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - as in Gymnasium

    def __init__(
        self,
        learner: MetaLearner,
        assays: Sequence[Assay],
        molecules: Molecules,
        *,
        search: Search | None = None,
    ) -> None:
        if not assays:
            raise EpisodeError(
                "environment: has no assays; got none, expected at least one. Choose tables that "
                "contain some."
            )
        self.learner, self.molecules = learner, molecules
        self.assays = {assay.name: assay for assay in assays}
        self.search = search or Search()
        shape = (self.search.window, len(FEATURES))
        self.observation_space = spaces.Box(0.0, 1.0, shape, np.float32)
        self.action_space = spaces.Discrete(self.search.window)

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode.

        Raises:
            ConfigError: the assay is unknown.
        """
        super().reset(seed=seed)
        self._assay = self._chosen((options or {}).get("assay"))
        rows, labels = self._candidates(self._assay)
        self._campaign = Campaign(self.learner, self.molecules.select(tensor_of(rows)), labels)
        self._campaign.begin(self._start(labels))
        self._plate: list[int] = []
        self._remaining = self.search.batch * self.search.rounds
        self._predict()
        return self._observation(), self._info()

    def step(self, action: SupportsInt) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        row, reward = int(action), 0.0
        if self._open()[row]:
            self._plate.append(row)
            reward = float(self._campaign.labels[row])
        self._remaining -= 1
        # Counts actions, not measurements, so a wasted action does not delay the plate.
        if self._remaining % self.search.batch == 0:
            self._campaign.measure(np.array(self._plate, np.int64))
            self._plate = []
            self._predict()
        done = self._remaining == 0 or not self._open().any()
        return self._observation(), reward, done, False, self._info()

    def _chosen(self, name: str | None) -> Assay:
        names = sorted(self.assays)
        if name is None:
            return self.assays[names[int(self.np_random.integers(len(names)))]]
        if name not in self.assays:
            raise ConfigError(
                f"environment: the assay is unknown; got '{name}', expected one of {names[:12]}. "
                "Correct the option 'assay'."
            )
        return self.assays[name]

    def _candidates(self, assay: Assay) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        share = assay.n_active / len(assay) if self.search.share is None else self.search.share
        n_active = min(max(round(self.search.window * share), 2), assay.n_active)
        order = self.np_random.permutation(len(assay))
        actives, inactives = (order[assay.labels[order] == label] for label in (1, 0))
        taken = [*actives[:n_active], *inactives[: self.search.window - n_active]]
        # Shuffled again, because the rows would otherwise give the labels away: actives first.
        positions = self.np_random.permutation(np.array(taken, np.int64))
        return assay.rows[positions], assay.labels[positions]

    def _start(self, labels: NDArray[np.float32]) -> NDArray[np.int64]:
        n_active = min(
            max(round(self.search.start * float(labels.mean())), 1), self.search.start - 1
        )
        # The candidates are in random order, so the first of each class are a random draw.
        actives, inactives = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
        return np.concatenate([actives[:n_active], inactives[: self.search.start - n_active]])

    def _open(self) -> NDArray[np.bool_]:
        is_open = np.zeros(self.search.window, dtype=np.bool_)
        is_open[self._campaign.open] = True
        is_open[self._plate] = False
        return is_open

    def _predict(self) -> None:
        """Adapt to all measured compounds, which changes only when a plate is full."""
        rows = np.arange(len(self._campaign))
        assessed = self._campaign.assess(rows, self._campaign.adapted())
        inactive = self._campaign.similarity(rows, self._campaign.with_label(0))
        columns = (assessed.probability, assessed.uncertainty, assessed.similarity, inactive)
        self._predictions = np.zeros(self.observation_space.shape or (), np.float32)
        self._predictions[self._campaign.with_label(1), 1] = 1
        self._predictions[: len(rows), 2:6] = np.stack(columns, axis=1).clip(0, 1)

    def _observation(self) -> Observation:
        # A copy: the caller may keep it, while the cached predictions serve the next actions.
        observation = self._predictions.copy()
        observation[:, 0] = self._open()
        if self._plate:
            rows, plate = np.arange(len(self._campaign)), np.array(self._plate, np.int64)
            observation[: len(rows), 6] = self._campaign.similarity(rows, plate)
        observation[:, 7] = self._remaining / (self.search.batch * self.search.rounds)
        return observation

    def _info(self) -> dict[str, Any]:
        labels = self._campaign.labels
        return {
            "assay": self._assay.name,
            "action_mask": self._open().astype(np.int8),
            "n_active": int(labels.sum()),
            "n_open_active": int(labels[self._campaign.open].sum() - labels[self._plate].sum()),
        }


def from_tables(
    tables: Sequence[str | Path],
    *,
    model: str = "tanimoto_gp",
    molecules: str | Path | None = None,
    **search: Any,  # noqa: ANN401 - fields of Search, checked below
) -> AssaySearch:
    """Environment of the assays of some tables.

    Args:
        tables: curated tables, or tables as in `data/README.md`.
        model: file, or the name of a baseline.
        molecules: molecule store; None featurizes the compounds here.
        search: fields of `Search`.

    Raises:
        ConfigError: an option is unknown or out of its range.
        TableError: a table cannot be read.
    """
    from molmeta.curation.reading import assays_and_molecules
    from molmeta.models.named import named

    unknown = sorted(set(search) - set(Search.__dataclass_fields__))
    if unknown:
        raise ConfigError(
            f"environment: option '{unknown[0]}' is unknown; got {sorted(search)}, expected "
            f"names among {list(Search.__dataclass_fields__)}. Correct it."
        )
    chosen = named(model)
    blocks = tuple(dict.fromkeys((*chosen.library_featurizers, FINGERPRINT)))
    store = None if molecules is None else Path(molecules)
    paths = [Path(table) for table in tables]
    assays, featurized = assays_and_molecules(paths, store, blocks)
    return AssaySearch(chosen.learner, assays, featurized, search=Search(**search))
