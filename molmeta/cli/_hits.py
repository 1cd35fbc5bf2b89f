"""What `molmeta screen` says of its hits: whether to trust them, how many to expect, the page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from molmeta.runtime.console import logger

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from molmeta.models.model import AssayPredictor, Model
    from molmeta.models.prevalence import Estimate
    from molmeta.screening.hits import Support

SECONDS = 20.0
"""What an outlook may cost; a learner that trains at every support gets fewer pairs."""
FEWEST = 20


def adapted(model: Model, support: Support) -> tuple[AssayPredictor, str]:
    """Adapt a model; log what of the support it knows, and a warning where it will not help."""
    from molmeta.screening.outlook import PAIRS, outlook

    met = int((model.known(support.smiles) > 0).sum())
    if met:
        logger.info(
            "%d of %d compounds of the support were measured in assays that the model learnt from",
            met, len(support.smiles),
        )  # fmt: skip
    began = time.monotonic()
    predictor = model.adapt(support.smiles, support.active)
    pairs = min(PAIRS, int(SECONDS / max(time.monotonic() - began, 1e-3)))
    if pairs < FEWEST:
        logger.info("outlook: left out, as this learner takes long to adapt")
        return predictor, ""
    warning = outlook(model, support.smiles, support.active, pairs=pairs).warning
    if warning:
        logger.warning("%s", warning)
    return predictor, warning


def read_hits(table: Path) -> pd.DataFrame:
    """Read the hits that a screen has written, cells as they were before they were made safe."""
    import pandas as pd

    if table.suffix == ".parquet":
        return pd.read_parquet(table)
    texts = ("id", "smiles", "nearest_active", "nearest_inactive", "scaffold", "alerts")
    hits = pd.read_csv(table, dtype=dict.fromkeys(texts, str))
    hits = hits.fillna(dict.fromkeys(texts, ""))
    for name in texts:
        if name in hits:
            hits[name] = hits[name].str.replace(r"^'(?=\s*[=+\-@])", "", regex=True)
    return hits


def tell_expected(hits: pd.DataFrame, prevalence: float | Estimate | None) -> None:
    """Log how many of the best hits are to be expected active, and at which estimated share."""
    import numpy as np

    from molmeta.models.prevalence import Estimate
    from molmeta.screening.expected_hits import library_hits

    if isinstance(prevalence, Estimate):
        logger.info(
            "prevalence, estimated from the scores: %.2g (80 %% interval %.2g to %.2g); more if "
            "the library's actives resemble the support less than its own resemble each other",
            *prevalence,
        )  # fmt: skip
    chances = hits["probability"].to_numpy(np.float64)
    for found in library_hits(chances, prevalence=prevalence):
        logger.info(
            "expected hits in the best %d: %.1f (80 %% interval %d to %d)",
            found.top, found.hits, found.low, found.high,
        )  # fmt: skip
    if prevalence is None:
        logger.info(
            "expected hits are at the support's share of actives, which no library has; "
            "give --prevalence for a figure of the library"
        )
