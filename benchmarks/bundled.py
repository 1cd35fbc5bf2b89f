"""Compounds for the benchmarks, and the time that a step takes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

ASSAYS = Path(__file__).parents[1] / "data" / "assays"


def bundled_smiles(n: int) -> list[str]:
    """Return n of the bundled compounds, always the same ones."""
    frames = [pd.read_csv(path, usecols=["smiles"]) for path in sorted(ASSAYS.glob("*/*.csv"))]
    distinct = pd.concat(frames)["smiles"].drop_duplicates()
    return list(distinct.sample(n, random_state=0))


def seconds(run: Callable[[], None]) -> float:
    """Return how long a step takes this thread, without other work on the machine."""
    began = time.thread_time()
    run()
    return time.thread_time() - began
