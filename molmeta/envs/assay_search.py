"""One episode is an assay: each action measures a compound, its reward is a hit. Learns nothing."""

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
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.similarity import FINGERPRINT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from molmeta.assays.assay import Assay
    from molmeta.learners.base import MetaLearner
    from molmeta.molecules.blocks import Molecules

Observation = NDArray[np.float32]

FEATURES = (
    "open", "active", "probability", "uncertainty",
    "similarity_active", "similarity_inactive", "similarity_plate", "left",
)  # fmt: skip
"""Columns of an observation, each from 0 to 1: whether the candidate can be measured; whether it
is a known active; the predictor's view; Tanimoto similarity to the nearest known active, known
inactive, and compound that was put on the present plate; and the share of the budget that is left,
the same in every row."""


@dataclass(frozen=True)
class Search:
    """How long and how wide an episode is.

    Attributes:
        window: candidates, drawn from the assay; a smaller assay leaves rows empty.
        start: of them measured before the first action, at least one active and one inactive.
        batch: actions a plate; answers are seen when it is full.
        rounds: plates an episode.
        share: share of actives among the candidates; None keeps the assay's own.

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
                f"environment: an episode is impossible; got {self}, expected a start of 2 or "
                "more and plates that fit into the window with it, and a share between 0 and 1. "
                "Correct the options of the environment."
            )


class AssaySearch(gymnasium.Env[Observation, np.int64]):
    """Find the actives of an assay with few measurements.

    The action is the row of the candidate to measure next. A hit is rewarded with 1, also within
    a plate; the observation shows the answers, and what the predictor has learnt from them, only
    when the plate is full. A row that is not open costs the action and brings nothing;
    `info["action_mask"]` says which are open.

    Args:
        learner: adapted anew after every plate.
        assays: one is drawn for each episode, or named: `reset(options={"assay": name})`.
        molecules: rows of the assays point into them; with fingerprints.
        search: sizes.

    Raises:
        EpisodeError: no assay.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own form

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
                "environment: has nothing to search; got no assay, expected at least one. "
                "Name tables that hold some."
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
        """Begin an episode.

        Raises:
            ConfigError: the assay that is named is not there.
        """
        super().reset(seed=seed)
        self._assay = self._chosen((options or {}).get("assay"))
        rows, labels = self._candidates(self._assay)
        self._campaign = Campaign(self.learner, self.molecules.select(tensor_of(rows)), labels)
        self._campaign.begin(self._start(labels))
        self._plate: list[int] = []
        self._left = self.search.batch * self.search.rounds
        self._look()
        return self._observation(), self._info()

    def step(self, action: SupportsInt) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        place, reward = int(action), 0.0
        if self._open()[place]:
            self._plate.append(place)
            reward = float(self._campaign.labels[place])
        self._left -= 1
        if self._left % self.search.batch == 0:
            self._campaign.measure(np.array(self._plate, np.int64))
            self._plate = []
            self._look()
        done = self._left == 0 or not self._open().any()
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
        places = self.np_random.permutation(np.array(taken, np.int64))
        return assay.rows[places], assay.labels[places]

    def _start(self, labels: NDArray[np.float32]) -> NDArray[np.int64]:
        n_active = min(
            max(round(self.search.start * float(labels.mean())), 1), self.search.start - 1
        )
        actives, inactives = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
        return np.concatenate([actives[:n_active], inactives[: self.search.start - n_active]])

    def _open(self) -> NDArray[np.bool_]:
        found = np.zeros(self.search.window, dtype=np.bool_)
        found[self._campaign.open] = True
        found[self._plate] = False
        return found

    def _look(self) -> None:
        """Adapt to all that is known, which changes only when a plate is full."""
        everything = np.arange(len(self._campaign))
        view = self._campaign.view(everything, self._campaign.adapted())
        inactive = self._campaign.similarity(everything, self._campaign.known(0))
        columns = (view.probability, view.uncertainty, view.similarity, inactive)
        self._seen = np.zeros(self.observation_space.shape or (), np.float32)
        self._seen[self._campaign.known(1), 1] = 1
        self._seen[: len(everything), 2:6] = np.stack(columns, axis=1).clip(0, 1)

    def _observation(self) -> Observation:
        found = self._seen.copy()
        found[:, 0] = self._open()
        if self._plate:
            places, plate = np.arange(len(self._campaign)), np.array(self._plate, np.int64)
            found[: len(places), 6] = self._campaign.similarity(places, plate)
        found[:, 7] = self._left / (self.search.batch * self.search.rounds)
        return found

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
    **search: Any,  # noqa: ANN401 - fields of Search, which names what is wrong
) -> AssaySearch:
    """Return the environment of the assays of tables.

    Args:
        tables: curated tables, or tables as in `data/README.md`.
        model: file, or the name of a baseline.
        molecules: molecule store; without one the molecules are featurized here.
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
            f"some of {list(Search.__dataclass_fields__)}. Correct it."
        )
    chosen = named(model)
    blocks = tuple(dict.fromkeys((*chosen.featurizers, FINGERPRINT)))
    store = None if molecules is None else Path(molecules)
    assays, found = assays_and_molecules([Path(table) for table in tables], store, blocks)
    return AssaySearch(chosen.learner, assays, found, search=Search(**search))
