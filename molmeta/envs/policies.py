"""Policies, which choose the next row of an observation, and playing an episode with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from molmeta.campaigns import acquisition
from molmeta.campaigns.acquisition import Assessment
from molmeta.envs.assay_search import FEATURES, AssaySearch, Observation

Policy = Callable[[Observation, np.random.Generator], int]
"""From an observation and a random generator to the row to measure next."""

_COLUMN = {name: column for column, name in enumerate(FEATURES)}


def acquisition_policy(name: str) -> Policy:
    """Policy that measures the candidate with the highest acquisition score.

    Raises:
        ConfigError: the name is unknown.
    """
    score = acquisition.get(name).score

    def policy(observation: Observation, rng: np.random.Generator) -> int:
        scores = score(assessment_of(observation), rng)
        return int(np.where(observation[:, 0] > 0, scores, -np.inf).argmax())

    return policy


def assessment_of(observation: Observation) -> Assessment:
    """The part of an observation that acquisition functions use."""
    columns = observation.astype(np.float64)
    p = columns[:, _COLUMN["probability"]]
    active = columns[:, _COLUMN["active"]] > 0
    incumbent = float(p[active].mean()) if active.any() else 1.0
    return Assessment(
        p,
        columns[:, _COLUMN["uncertainty"]],
        columns[:, _COLUMN["similarity_active"]],
        incumbent,
    )


def played(
    env: AssaySearch, policy: Policy, seed: int, *, assay: str | None = None
) -> dict[str, Any]:
    """Play one episode; return its `assay`, `hits`, and the hits expected `by_chance`.

    Args:
        env: the environment.
        policy: chooses the rows.
        seed: of the episode's candidates and start, and of the policy.
        assay: name of the assay; None draws one.
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
