"""Choosing the next compound to measure, as a Gymnasium environment for reinforcement learning.

Importing this package registers `molmeta/AssaySearch-v0`; it needs the extra `molmeta[envs]`.
"""

from __future__ import annotations

from typing import Any

from molmeta.extras import optional_packages

with optional_packages("molmeta.envs"):
    import gymnasium

from molmeta.envs.assay_search import FEATURES, AssaySearch, Search, from_tables
from molmeta.envs.learning import Chooser, load_policy
from molmeta.envs.policies import Policy, acquisition_policy, played

__all__ = [
    "FEATURES",
    "ID",
    "AssaySearch",
    "Chooser",
    "Policy",
    "Search",
    "acquisition_policy",
    "from_tables",
    "load_policy",
    "played",
]

ID = "molmeta/AssaySearch-v0"
# Gymnasium is partly untyped, which strict checking refuses; Any is declared once here.
_gymnasium: Any = gymnasium
_gymnasium.register(id=ID, entry_point="molmeta.envs.assay_search:from_tables")
