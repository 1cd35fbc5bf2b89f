"""Compares policies, trained ones and acquisition functions, on the same episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from molmeta.campaigns.acquisition import ACQUISITIONS
from molmeta.envs.policies import Policy, acquisition_policy, played
from molmeta.runtime.seeds import seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from molmeta.envs.assay_search import AssaySearch


def compare(
    env: AssaySearch, policies: Mapping[str, Policy], *, repeats: int, seed: int = 0
) -> pd.DataFrame:
    """Play every policy and every acquisition function on the same episodes of every assay.

    Returns:
        A row for each episode: `policy`, `repeat`, `assay`, `hits`, `by_chance`.
    """
    all_policies = {name: acquisition_policy(name) for name in ACQUISITIONS} | dict(policies)
    rows = [
        {"policy": name, "repeat": repeat}
        | played(env, policy, seed_of(seed, "compare", assay, repeat) % 2**31, assay=assay)
        for assay in sorted(env.assays)
        for repeat in range(repeats)
        for name, policy in all_policies.items()
    ]
    return pd.DataFrame(rows)


def means(rows: pd.DataFrame) -> dict[str, float]:
    """Mean hits of each policy, and the number expected by chance."""
    mean_hits = rows.groupby("policy", sort=False)["hits"].mean().round(2)
    hits = {str(name): float(value) for name, value in mean_hits.items()}
    return {**hits, "by_chance": round(float(rows["by_chance"].mean()), 2)}
