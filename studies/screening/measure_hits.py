"""Expected hits and estimated prevalence in libraries, for studies/notes/screening.md.

Run: python studies/screening/measure_hits.py rdkit_vs.parquet FOLDER

The table has the columns `source,target,active,smiles`; what is featurized is kept in the folder,
`{source}.frame.parquet` and `{source}.safetensors`, and read from there the next time.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.special import expit, logit

import molmeta
from molmeta.assays.assay import distinct_compounds
from molmeta.assays.screens import read_screens, screens_of
from molmeta.models.prevalence import prior_shift
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.store import load_store, save_store, update
from molmeta.runtime.seeds import generator
from molmeta.screening.expected_hits import SPREAD, TOPS, expected_hits, library_hits
from molmeta.screening.prevalence import counted, each_left_out, estimate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from molmeta.assays.screens import Screen
    from molmeta.models.model import Model
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.store import Store

DECOYS = {"ChEMBL": None, "DUD": 2000, "MUV": 3000}
SUPPORTS, DRAWS = ((10, 40), (20, 200)), 2
SHARES = (1.0, 0.3, 0.1)
"""Of a library's actives that are left in it, for prevalences further down."""
LEAST_ACTIVES, CHUNK = 25, 4096
PLAIN = (1.0, SPREAD)
TRIED = (*product((1.0, 2.0, 3.0, 4.0), (SPREAD, 1.0, 2.0)),)
KINDS = ["source", "actives", "top"]


class Ranked(NamedTuple):
    """A library after a screen, best first.

    Attributes:
        p: probabilities at the support's share of actives.
        active: answers.
        share: of actives in the support.
        left_out: log odds of the support's actives, each left out in turn.
    """

    p: np.ndarray
    active: np.ndarray
    share: float
    left_out: np.ndarray

    def moved(self, prevalence: float) -> np.ndarray:
        """Return the probabilities at a prevalence."""
        return np.array([*map(prior_shift(prevalence, self.share), self.p)])

    def thinned(self, share: float, rng: np.random.Generator) -> Ranked:
        """Return the library with that share of its actives left."""
        gone = rng.permutation(np.flatnonzero(self.active))
        gone = gone[max(1, round(share * len(gone))) :]
        return self._replace(p=np.delete(self.p, gone), active=np.delete(self.active, gone))


def main(table: Path, folder: Path) -> None:
    """Print what the plain interval holds, and what one chosen on half of the targets holds."""
    torch.set_num_threads(1)
    model, whole = molmeta.load(), pd.read_parquet(table)
    rows = [
        row
        for source, decoys in DECOYS.items()
        for row in _of_source(model, *_prepared(whole, source, decoys, folder))
    ]
    judgements = pd.DataFrame(row for row in rows if "top" in row)
    guesses = pd.DataFrame(row for row in rows if "left" in row)
    _say(_table(judgements, PLAIN), "all targets, probabilities taken as they are")
    for half in (0, 1):
        _say(_estimates(guesses[guesses["half"] == half]), f"prevalence estimated, half {half}")
    _say(tried := _tried(judgements[judgements["half"] == 0]), "tried on half of the targets")
    holds = tried[(tried[[f"holds {top}" for top in TOPS]] >= 0.8).all(axis=1)]
    if holds.empty:
        sys.stdout.write("\nnone of them holds 80 % at every number of best compounds\n")
    else:
        best = holds.sort_values("width").iloc[0]
        chosen = (float(best["power"]), float(best["spread"]))
        _say(_table(judgements[judgements["half"] == 1], chosen), f"the other half: {chosen}")


def _prepared(
    whole: pd.DataFrame, source: str, decoys: int | None, folder: Path
) -> tuple[pd.DataFrame, Store]:
    frame, store = (folder / f"{source.lower()}.{end}" for end in ("frame.parquet", "safetensors"))
    if not (frame.is_file() and store.is_file()):
        raw = folder / f"{source.lower()}.in.parquet"
        whole[whole["source"] == source].to_parquet(raw)
        read = read_screens([raw], decoys=decoys)
        save_store(update(None, distinct_compounds(read), molmeta.load().featurizers), store)
        read.to_parquet(frame)
    return pd.read_parquet(frame), load_store(store)


def _of_source(model: Model, frame: pd.DataFrame, store: Store) -> Iterator[dict[str, object]]:
    for number, screen in enumerate(screens_of(frame, store)):
        n_active = int(screen.labels.sum())
        if n_active < LEAST_ACTIVES or len(screen) - n_active <= SUPPORTS[-1][1]:
            continue
        pool = store.molecules.select(tensor_of(screen.rows))
        for (n, m), draw in product(SUPPORTS, range(DRAWS)):
            which = {"source": screen.source, "half": number % 2, "target": screen.target}
            ranked = _ranked(model, screen, pool, (n, m, draw))
            prevalence = float(ranked.active.mean())
            judgement = judged(ranked.moved(prevalence), ranked.active, prevalence)
            yield from ({**which, "actives": n, **row} for row in judgement)
            rng = generator(0, "thin", screen.target, n, draw)
            for share in SHARES:
                yield {**which, "actives": n, "left": share, **guessed(ranked.thinned(share, rng))}


def _ranked(model: Model, screen: Screen, pool: Molecules, kind: tuple[int, int, int]) -> Ranked:
    n, m, draw = kind
    rng = generator(0, "enrich", screen.source, screen.target, draw)
    actives, inactives = (rng.permutation(np.flatnonzero(screen.labels == y)) for y in (1, 0))
    support = np.concatenate([actives[:n], inactives[:m]])
    library = np.setdiff1d(np.arange(len(screen)), support)
    labelled = Labelled(pool.select(tensor_of(support)), tensor_of(screen.labels[support]))
    predictor = model.learner.adapt(labelled)
    with torch.no_grad():
        p = torch.cat([
            predictor(pool.select(tensor_of(library[i : i + CHUNK]))).double().sigmoid()
            for i in range(0, len(library), CHUNK)
        ]).numpy()  # fmt: skip
    order = np.argsort(-p, kind="stable")
    left_out = each_left_out(model.learner, labelled.molecules, screen.labels[support])
    return Ranked(p[order], screen.labels[library][order] > 0.5, n / (n + m), left_out)


def judged(p: np.ndarray, active: np.ndarray, prevalence: float) -> list[dict[str, object]]:
    """Say of each number of best compounds what was found, and what each way expected.

    A way raises the ratio of a compound's odds to those of the prevalence to a power, and draws
    the common error with a spread; (1, SPREAD) takes probabilities as they are.
    """
    base, best = logit(prevalence), logit(np.clip(p[: max(TOPS)], 1e-9, 1 - 1e-9))
    rows: list[dict[str, object]] = [
        {"top": top, "hits": int(active[:top].sum()), "total": int(active.sum())} for top in TOPS
    ]
    for power, spread in TRIED:
        chances = expit(base + power * (best - base))
        for row, hits in zip(rows, expected_hits(chances, TOPS, spread=spread), strict=True):
            row[f"expected {power} {spread}"] = hits.hits
            row[f"width {power} {spread}"] = hits.high - hits.low
            row[f"holds {power} {spread}"] = hits.low <= row["hits"] <= hits.high
            row[f"above {power} {spread}"] = row["hits"] > hits.high
    return rows


def guessed(ranked: Ranked) -> dict[str, float]:
    """Return the prevalence of a library, what is estimated, and which intervals hold."""
    true, guess = float(ranked.active.mean()), estimate(counted(ranked.p), ranked.left_out)
    row = {"true": true, "estimate": guess.share, "low": guess.low, "high": guess.high}
    row["holds"] = guess.low <= true <= guess.high
    expected = library_hits(ranked.moved(guess.share)[: max(TOPS)], prevalence=guess)
    for hits_of_top in expected:
        hits = int(ranked.active[: hits_of_top.top].sum())
        row |= {
            f"holds {hits_of_top.top}": hits_of_top.low <= hits <= hits_of_top.high,
            f"hits {hits_of_top.top}": hits,
        }
        row |= {
            f"low {hits_of_top.top}": hits_of_top.low,
            f"high {hits_of_top.top}": hits_of_top.high,
        }
    return row


def _estimates(screens: pd.DataFrame) -> pd.DataFrame:
    off = (screens["estimate"] / screens["true"]).rename("estimate / true")
    kinds = [screens["source"], screens["actives"], screens["left"]]
    quantiles = off.groupby(kinds, sort=False).quantile([0.1, 0.5, 0.9]).unstack()
    names = ["true", "low", "high"]
    middle = screens[names].groupby(kinds, sort=False).median()
    tops = [f"{what} {top}" for top in TOPS for what in ("holds", "hits", "low", "high")]
    means = screens[["holds", *tops]].astype(float).groupby(kinds, sort=False).mean()
    return pd.concat([middle, quantiles, means], axis=1).reset_index()


def _table(judgements: pd.DataFrame, way: tuple[float, float]) -> pd.DataFrame:
    names = {f"{name} {way[0]} {way[1]}": name for name in ("expected", "width", "holds", "above")}
    groups = judgements.rename(columns=names).groupby(KINDS, sort=False)
    means = groups[["total", "hits", *names.values()]].mean()
    return means.assign(targets=groups["target"].nunique(), screens=groups.size()).reset_index()


def _tried(judgements: pd.DataFrame) -> pd.DataFrame:
    """Sources count alike, however many targets they have."""
    rows: list[dict[str, float]] = []
    for way in TRIED:
        means = _table(judgements, way).groupby("top")[["holds", "width"]].mean()
        holds = {f"holds {top}": means["holds"][top] for top in TOPS}
        rows.append({"power": way[0], "spread": way[1], **holds, "width": means["width"].mean()})
    return pd.DataFrame(rows)


def _say(table: pd.DataFrame, title: str) -> None:
    text = table.to_string(index=False, float_format="%.3f")
    sys.stdout.write(f"\n{title}\n{text}\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
