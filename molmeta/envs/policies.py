"""Ways to choose the next row of an observation, and the playing of an episode. Learns nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from molmeta.campaigns import acquisition
from molmeta.campaigns.acquisition import View
from molmeta.envs.assay_search import FEATURES, Observation

if TYPE_CHECKING:
    from molmeta.envs.assay_search import AssaySearch

Policy = Callable[[Observation, np.random.Generator], int]
"""From an observation and a source of randomness to the row that is measured next."""

_PLACE = {name: place for place, name in enumerate(FEATURES)}


def acquisition_policy(name: str) -> Policy:
    """Return the policy that measures the open candidate of the highest acquisition score.

    Raises:
        ConfigError: the name is unknown.
    """
    score = acquisition.get(name).score

    def policy(observation: Observation, rng: np.random.Generator) -> int:
        scores = score(view_of(observation), rng)
        return int(np.where(observation[:, 0] > 0, scores, -np.inf).argmax())

    return policy


def view_of(observation: Observation) -> View:
    """Return the part of an observation that acquisition functions look at."""
    columns = observation.astype(np.float64)
    chance = columns[:, _PLACE["probability"]]
    active = columns[:, _PLACE["active"]] > 0
    incumbent = float(chance[active].mean()) if active.any() else 1.0
    return View(
        chance,
        columns[:, _PLACE["uncertainty"]],
        columns[:, _PLACE["similarity_active"]],
        incumbent,
    )


def played(
    env: AssaySearch, policy: Policy, seed: int, *, assay: str | None = None
) -> dict[str, Any]:
    """Play one episode and return its `assay`, `hits`, and the hits expected `by_chance`.

    Args:
        env: the environment.
        policy: what chooses.
        seed: of the episode's candidates and start, and of the policy.
        assay: which one; drawn where none is named.
    """
    rng = np.random.default_rng(seed)
    observation, info = env.reset(seed=seed, options={"assay": assay})
    n_open = int(info["action_mask"].sum())
    measured = min(env.search.batch * env.search.rounds, n_open)
    by_chance = measured * info["n_open_active"] / n_open
    hits, done = 0.0, False
    while not done:
        observation, reward, done, _, _ = env.step(policy(observation, rng))
        hits += reward
    return {"assay": info["assay"], "hits": int(hits), "by_chance": by_chance}
