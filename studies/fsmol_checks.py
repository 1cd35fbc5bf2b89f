"""Calibration, uncertainty and outlook of a model on the valid fold of a run of config/fsmol.yaml.

Run in the folder of that run: python studies/fsmol_checks.py pretrained
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_auc_score

from molmeta.assays.assay import assays_of, read_curated
from molmeta.assays.episodes import Draw, draw_episode
from molmeta.errors import EpisodeError
from molmeta.models.named import baseline, named
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.store import load_store
from molmeta.runtime.seeds import generator
from molmeta.screening.outlook import WORTH, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from molmeta.assays.episodes import Episode

SIZES, REPEATS, MOST = (16, 32, 64, 128), 3, 150
"""At most MOST queries an episode, so that no large assay decides."""


def calibration_error(p: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the expected calibration error over ten bins of equal width."""
    bins = np.clip((p * 10).astype(int), 0, 9)
    gaps = [(bins == b).mean() * abs(p[bins == b].mean() - y[bins == b].mean()) for b in set(bins)]
    return float(np.sum(gaps))


def risk_area(errors: NDArray[np.float64], trust: NDArray[np.float64]) -> float:
    """Return the area under the risk-coverage curve: mean error of the most trusted, any share."""
    ordered = errors[np.argsort(-trust, kind="stable")]
    return float((np.cumsum(ordered) / np.arange(1, len(ordered) + 1)).mean())


def episodes() -> Iterator[tuple[int, Episode, Any]]:
    """Yield size, episode and the molecules of its assay."""
    store = load_store(Path("results/molecules.safetensors"))
    for assay in assays_of(read_curated([Path("results/curated/valid/valid.parquet")]), store):
        molecules = store.molecules.select(tensor_of(assay.rows))
        for size in SIZES:
            for repeat in range(REPEATS):
                rng = generator(0, "checks", assay.name, size, repeat)
                try:
                    yield size, draw_episode(assay, Draw(size, n_query=MOST), rng), molecules
                except EpisodeError:
                    continue


def main(name: str) -> None:
    """Print a row a support size."""
    learner, rival = named(name).learner, baseline("similarity").learner
    judged: list[dict[str, float]] = []
    scored: list[pd.DataFrame] = []
    for size, episode, molecules in episodes():
        support, query = episode.labelled(molecules)
        with torch.no_grad():
            fitted: Any = learner.adapt(support)
            p = torch.sigmoid(fitted(query.molecules)).double().numpy()
            doubt = fitted.uncertainty(query.molecules).double().numpy()
        y = episode.query_labels.astype(np.float64)
        scored.append(pd.DataFrame({"size": size, "p": p, "y": y, "doubt": doubt}))
        outlook = judge(
            learner, rival, support.molecules, episode.support_labels, pairs=100, seed=0
        )
        judged.append({"size": size, "warned": outlook.auroc < WORTH, "auroc": roc_auc_score(y, p)})
    rows: list[dict[str, float]] = []
    for size, table in pd.concat(scored).groupby("size"):
        wrong = (table["p"].gt(0.5) != table["y"].gt(0.5)).to_numpy(np.float64)
        outlooks = pd.DataFrame(judged).query("size == @size")
        poor = outlooks["auroc"].lt(WORTH).groupby(outlooks["warned"]).mean()
        rows.append(
            {
                "size": float(str(size)),
                "calibration_error": calibration_error(
                    table["p"].to_numpy(), table["y"].to_numpy()
                ),
                "risk_by_probability": risk_area(wrong, (table["p"] - 0.5).abs().to_numpy()),
                "risk_by_uncertainty": risk_area(wrong, -table["doubt"].to_numpy()),
                "warned": outlooks["warned"].mean(),
                "poor_if_warned": poor.get(True, np.nan),
                "poor_otherwise": poor.get(False, np.nan),
            }
        )
    pd.DataFrame(rows).round(3).to_csv(sys.stdout, index=False)


if __name__ == "__main__":
    main(sys.argv[1])
