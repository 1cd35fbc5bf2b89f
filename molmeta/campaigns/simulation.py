"""Replays rounds of measuring on assays with known labels."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from molmeta.assays.episodes import Draw, draw_episode
from molmeta.assays.records import times_measured
from molmeta.campaigns import acquisition
from molmeta.campaigns.acquisition import diverse, ranked
from molmeta.campaigns.campaign import Campaign
from molmeta.errors import ConfigError, EpisodeError
from molmeta.molecules.blocks import Molecules, tensor_of
from molmeta.runtime.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay
    from molmeta.learners.base import MetaLearner

_log = logging.getLogger(__name__)

ONE_SHOT = "one_shot"
"""Policy that adapts only once, to the compounds measured before the first round."""
REFERENCES = ("random", "similarity", ONE_SHOT)
"""Policies that every other policy is compared with."""
COLUMNS = (
    "assay", "model", "policy", "repeat", "round", "measured", "hits", "found",
    "n_compounds", "n_active", "start_active", "by_chance", "enrichment",
)  # fmt: skip
_ADDED = ("model", "by_chance", "enrichment")


@dataclass(frozen=True)
class SimulationPlan:
    """What to replay.

    Attributes:
        start: number of compounds measured before the first round, drawn at the assay's share of
            actives, with at least one active and one inactive.
        batch: compounds per round.
        rounds: number of rounds.
        policies: names of acquisition functions, or `one_shot`; the references are always added.
        repeats: number of starts to draw.
        seed: of the starts and of policies that draw.
        max_similarity: highest Tanimoto similarity of two compounds of one round; 1 allows all.

    Raises:
        ConfigError: a number is out of its range, or a policy is unknown.
    """

    start: int = 64
    batch: int = 64
    rounds: int = 10
    policies: tuple[str, ...] = ("ucb", "greedy")
    repeats: int = 3
    seed: int = 0
    max_similarity: float = 1.0

    def __post_init__(self) -> None:
        for name in self.policies:
            if name != ONE_SHOT:
                acquisition.get(name)
        least = {"start": 2, "batch": 1, "rounds": 1, "repeats": 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise _out_of_range(name, getattr(self, name), f"at least {value}")
        if not 0 < self.max_similarity <= 1:
            raise _out_of_range("max_similarity", self.max_similarity, "above 0, up to 1")

    @property
    def all_policies(self) -> tuple[str, ...]:
        """The references, then the other policies, each once."""
        return tuple(dict.fromkeys((*REFERENCES, *self.policies)))


def simulate(
    learner: MetaLearner,
    assays: Sequence[Assay],
    molecules: Molecules,
    *,
    plan: SimulationPlan,
    model: str,
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """One row for each assay, policy, repeat and round, where round 0 is the start.

    `found` counts the actives found in all rounds so far, without those of the start. `by_chance`
    is the number expected from as many random draws, and `enrichment` the ratio of both. All
    policies begin a repeat with the same start. A replay ends early when all compounds are
    measured, and assays too small for the start are skipped.

    Args:
        learner: adapted again in every round.
        assays: their labels are revealed compound by compound.
        molecules: the store that the assays' rows point into, with fingerprints.
        plan: sizes and policies.
        model: name of the model in the table.
        progress: called with 1 after each replay of one policy.

    Raises:
        EpisodeError: no assay is large enough.
    """
    fitting = [assay for assay in assays if _fits(assay, plan)]
    if not fitting:
        raise EpisodeError(
            f"simulation: no assay is large enough; got {len(assays)}, expected more actives and "
            f"inactives than a start of {plan.start} takes. Choose a smaller --start."
        )
    rows = (row for assay in fitting for row in _rows(learner, assay, molecules, plan, progress))
    frame = pd.DataFrame(rows, columns=[name for name in COLUMNS if name not in _ADDED])
    unmeasured = frame["n_compounds"] - plan.start
    actives = frame["n_active"] - frame["start_active"]
    frame["by_chance"] = (frame["measured"] - plan.start) * actives / unmeasured
    frame["enrichment"] = frame["found"] / frame["by_chance"].where(frame["by_chance"] > 0)
    return frame.assign(model=model)[list(COLUMNS)]


def replay(campaign: Campaign, policy: str, plan: SimulationPlan, rng: Generator) -> Iterator[int]:
    """Yield the hits of each round until the plan ends or all compounds are measured.

    Args:
        campaign: with both classes among the measured compounds.
        policy: name of the policy.
        plan: sizes.
        rng: for policies that draw.
    """
    frozen = _order(campaign, "greedy", rng) if policy == ONE_SHOT else None
    for _ in range(plan.rounds):
        order = _order(campaign, policy, rng) if frozen is None else frozen
        batch = _batch(campaign, order[~campaign.measured[order]], plan)
        if not len(batch):
            return
        yield campaign.measure(batch)


def actives_in_training(
    learner: MetaLearner, assays: Sequence[Assay], molecules: Molecules
) -> dict[str, int]:
    """Number of actives of each assay that the learner's training assays have measured."""
    counts: dict[str, int] = {}
    for assay in assays:
        actives = np.array(assay.rows)[assay.labels == 1]
        with torch.no_grad():
            n_assays = times_measured(learner, molecules.select(tensor_of(actives)))
        counts[assay.name] = int((n_assays > 0).sum())
    return counts


def summary(rows: pd.DataFrame) -> dict[str, float]:
    """Mean enrichment over chance of each policy after the last round of each replay."""
    last = rows.groupby(["assay", "policy", "repeat"], sort=False).tail(1)
    means = last.groupby("policy", sort=False)["enrichment"].mean()
    return {str(name): round(float(value), 2) for name, value in means.items()}


def _rows(
    learner: MetaLearner,
    assay: Assay,
    molecules: Molecules,
    plan: SimulationPlan,
    progress: Callable[[int], None] | None,
) -> Iterator[dict[str, Any]]:
    campaign = Campaign(learner, molecules.select(tensor_of(np.array(assay.rows))), assay.labels)
    for repeat in range(plan.repeats):
        rng = generator(plan.seed, "start", assay.name, repeat)
        start = draw_episode(assay, Draw(plan.start), rng).support
        for policy in plan.all_policies:
            campaign.begin(start)
            names = {"assay": assay.name, "policy": policy, "repeat": repeat}
            counts = {
                "n_compounds": len(assay),
                "n_active": assay.n_active,
                "start_active": len(campaign.with_label(1)),
            }
            # Each policy has its own stream, so adding a policy does not change the others.
            choose_rng = generator(plan.seed, "choose", assay.name, policy, repeat)
            for row in _rounds(campaign, replay(campaign, policy, plan, choose_rng)):
                yield {**names, **row, **counts}
            if progress is not None:
                progress(1)


def _rounds(campaign: Campaign, hits: Iterator[int]) -> Iterator[dict[str, int]]:
    n_hits = 0
    for number, new in enumerate(chain([0], hits)):
        n_hits += new
        measured = int(campaign.measured.sum())
        yield {"round": number, "measured": measured, "hits": new, "found": n_hits}


def _order(campaign: Campaign, policy: str, rng: Generator) -> NDArray[np.int64]:
    """Positions of the compounds that were not measured yet, most promising first."""
    function, candidates = acquisition.get(policy), campaign.open
    predictor = campaign.adapted() if function.predicts and len(candidates) else None
    assessed = campaign.assess(candidates, predictor)
    return candidates[ranked(function.score(assessed, rng), assessed.probability)]


def _batch(campaign: Campaign, order: NDArray[np.int64], plan: SimulationPlan) -> NDArray[np.int64]:
    if plan.max_similarity == 1:
        return order[: plan.batch]
    dissimilar = diverse(order, campaign.prints, plan.batch, max_similarity=plan.max_similarity)
    # A laboratory does not leave a plate half empty, so similar compounds fill the rest.
    rest = order[~np.isin(order, dissimilar)]
    return np.array([*dissimilar, *rest[: plan.batch - len(dissimilar)]], dtype=np.int64)


def _fits(assay: Assay, plan: SimulationPlan) -> bool:
    try:
        draw_episode(assay, Draw(plan.start), generator(plan.seed, "start", assay.name, 0))
    except EpisodeError as error:
        _log.warning("left out: %s", error)
        return False
    return True


def _out_of_range(name: str, value: object, rule: str) -> ConfigError:
    return ConfigError(
        f"simulation: '{name}' is out of range; got {value}, expected {rule}. "
        f"Correct --{name.replace('_', '-')}."
    )
