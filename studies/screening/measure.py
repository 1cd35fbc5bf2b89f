"""Applicability domain and expected hits of the pretrained model, for studies/notes/screening.md.

Run: python studies/screening/measure.py molecules.safetensors valid.parquet
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_auc_score

import molmeta
from molmeta.assays.assay import assays_of, read_curated
from molmeta.assays.episodes import Draw, draw_episode
from molmeta.assays.records import times_measured
from molmeta.errors import EpisodeError
from molmeta.models.prevalence import prior_shift
from molmeta.molecules.blocks import Bits
from molmeta.molecules.similarity import tanimoto
from molmeta.molecules.store import load_store
from molmeta.runtime.seeds import generator
from molmeta.screening.annotations import inside_domain
from molmeta.screening.expected_hits import SPREAD, expected_hits, library_hits

if TYPE_CHECKING:
    from molmeta.assays.assay import Assay
    from molmeta.models.model import Model
    from molmeta.molecules.blocks import Molecules

SUPPORTS, REPEATS = (16, 64), 3
SIMILARITIES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.01)
SHARES = (None, 0.2, 0.05, 0.02)
LIBRARY = ("of a library", "library holds")
SPREADS = (0.0, 0.3, 0.5, 0.7, 0.9)


def main(store: Path, table: Path) -> None:
    """Print both tables."""
    torch.set_num_threads(1)
    loaded, model = load_store(store), molmeta.load()
    parts = [
        _drawn(model, assay, loaded.molecules.select(torch.tensor(assay.rows)), (size, repeat))
        for assay in assays_of(read_curated([table]), loaded)
        for size in SUPPORTS
        for repeat in range(REPEATS)
    ]
    queries = pd.concat([part for part in parts if part is not None], ignore_index=True)
    for size, rows in queries.groupby("support"):
        _say(_domain(rows), f"support of {size}: queries by similarity to the support")
    _say(_coverage(queries), "hits in the best compounds, against the 80 % interval")


def _drawn(
    model: Model, assay: Assay, molecules: Molecules, which: tuple[int, int]
) -> pd.DataFrame | None:
    size, repeat = which
    rng = generator(0, "domain", assay.name, size, repeat)
    try:
        episode = draw_episode(assay, Draw(size), rng)
    except EpisodeError:
        return None
    support, query = episode.labelled(molecules)
    blocks = [part.molecules.block("morgan", Bits) for part in (query, support)]
    with torch.no_grad():
        logits = model.learner.adapt(support)(query.molecules).double()
        similarity = tanimoto(*blocks).amax(dim=1)
    values = {"p": torch.sigmoid(logits), "similarity": similarity, "active": query.labels}
    frame = pd.DataFrame({name: value.numpy() for name, value in values.items()})
    in_training = times_measured(model.learner, query.molecules).numpy() > 0
    share = float(support.labels.mean())
    return frame.assign(
        known=in_training, assay=assay.name, support=size, repeat=repeat, share=share
    )


def _domain(rows: pd.DataFrame) -> pd.DataFrame:
    inside = inside_domain(rows["similarity"].to_numpy(), rows["known"].to_numpy().astype(int))
    rows = rows.assign(similarity=pd.cut(rows["similarity"], SIMILARITIES, right=False))
    groups = {
        "in a training assay": rows[rows["known"]],
        **{
            f"new, {name}": part
            for name, part in rows[~rows["known"]].groupby("similarity", observed=True)
        },
        "INSIDE": rows[inside],
        "OUTSIDE": rows[~inside],
    }
    return pd.DataFrame([{"queries": name, **_quality(part)} for name, part in groups.items()])


def _quality(rows: pd.DataFrame) -> dict[str, float]:
    active = rows["active"].to_numpy()
    constant = active.mean() * (1 - active.mean())
    return {
        "n": len(rows),
        "Brier": ((rows["p"] - active) ** 2).mean(),
        "Brier of the share": constant,
        "AUROC": roc_auc_score(active, rows["p"]),
    }


def _coverage(queries: pd.DataFrame) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for (assay, size, repeat), episode in queries.groupby(["assay", "support", "repeat"]):
        for share in SHARES:
            rng = generator(1, "thin", assay, size, repeat, str(share))
            ranked = _ranked(episode, share, rng)
            rows += [
                {"share": str(share or "own"), "assay": assay, **row} for row in _judged(*ranked)
            ]
    table = pd.DataFrame(rows).groupby(["top", "share"], sort=False)
    means = table[["hits", "expected", *LIBRARY, *(f"spread {s}" for s in SPREADS)]].mean()
    return means.assign(assays=table["assay"].nunique(), screens=table.size()).reset_index()


def _ranked(
    episode: pd.DataFrame, share: float | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Thin the actives to a share, move probabilities to it, and put the best first."""
    active, p = episode["active"].to_numpy() > 0.5, episode["p"].to_numpy()
    if share is not None:
        n = round(share / (1 - share) * int((~active).sum()))
        if not 0 < n <= active.sum():
            return np.zeros(0), np.zeros(0, bool)
        kept = np.concatenate(
            [np.flatnonzero(~active), rng.permutation(np.flatnonzero(active))[:n]]
        )
        active, p = active[kept], p[kept]
        shift = prior_shift(float(active.mean()), float(episode["share"].iloc[0]))
        p = np.array([shift(value) for value in p])
    order = np.argsort(-p, kind="stable")
    return p[order], active[order]


def _judged(p: np.ndarray, active: np.ndarray) -> list[dict[str, float]]:
    """Say of each number of best compounds, up to two thirds of all, which intervals hold."""
    tops = [top for top in (10, 96, 384) if top * 1.5 <= len(p)]
    expected = {spread: expected_hits(p, tops, spread=spread) for spread in SPREADS}
    library = library_hits(p, tops, prevalence=float(active.mean())) if len(p) else []
    return [
        {
            "top": top,
            "hits": (hits := int(active[:top].sum())),
            "expected": expected[SPREAD][row].hits,
            "of a library": library[row].hits,
            "library holds": library[row].low <= hits <= library[row].high,
            **{f"spread {s}": f[row].low <= hits <= f[row].high for s, f in expected.items()},
        }
        for row, top in enumerate(tops)
    ]


def _say(table: pd.DataFrame, title: str) -> None:
    text = table.to_string(index=False, float_format="%.3f")
    sys.stdout.write(f"\n{title}\n{text}\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
