"""Fits the selector of automatic choices to the tables of `measure.py`.

    python studies/automl/fit.py FOLDER

FOLDER holds `train.parquet` and `valid.parquet` of `measure.py`. Writes
`molmeta/automl/selector.json` and prints what the choice is worth on assays that the fit did not
see: five folds of targets.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from intervals import print_coverage, sizes_of, tell
from regressions import line, rounded, spread_of

from molmeta.automl.candidates import BLENDS, LABELS_ONLY, REFERENCE, members_for
from molmeta.automl.describe import FEATURES
from molmeta.automl.held_out import scores
from molmeta.automl.selector import (
    FORMAT,
    INPUTS,
    PATH,
    by_chance,
    held_out_inputs,
    inputs,
)
from molmeta.automl.spread import SIZES
from molmeta.evaluation.metrics.ranking import delta_auprc
from molmeta.evaluation.metrics.values import r2
from molmeta.learners.base import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RANGE = (0.01, 0.99)
"""Quantiles of a feature outside of which nothing is extrapolated."""


def combined(row: Mapping[str, Any], prefix: str, weights: Mapping[str, float]) -> Floats:
    """Outputs of a candidate for the query or for held-out compounds."""
    parts = [w * np.asarray(row[f"{prefix} {name}"], np.float64) for name, w in weights.items()]
    return np.sum(parts, axis=0)


def candidates_of(table: pd.DataFrame, target: Target) -> dict[str, dict[str, float]]:
    """Members and blends; the weights of blends bring their members to the stated spreads.

    Values have a unit, so their shares are weights.
    """
    single = {name: {name: 1.0} for name in members_for(target)}
    # The reference first, as ties are decided by the order.
    weights_of = {REFERENCE[target]: single[REFERENCE[target]]} | single
    for blend in BLENDS[target]:
        if target == "value":
            weights_of[blend.name] = {blend.first: 1 - blend.share, blend.second: blend.share}
            continue
        first, second = (
            table[f"query {name}"].map(np.std).median() for name in (blend.first, blend.second)
        )
        weight = round(float(blend.share * first / second), 3)
        weights_of[blend.name] = {blend.first: 1.0, blend.second: weight}
    return weights_of


def measured(table: pd.DataFrame, candidates: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """A row for each episode and candidate: its scores, and its held-out score.

    Those of candidates that were not measured in an episode are missing.
    """
    rows: list[dict[str, Any]] = []
    for number, row in enumerate(table.to_dict("records")):
        held = np.asarray(row["support_labels"], np.float64)
        for name, weights in candidates.items():
            if not all(len(row[f"query {member}"]) for member in weights):
                continue
            of_query = scores(np.asarray(row["labels"]), combined(row, "query", weights))
            outputs = combined(row, "held", weights)
            held_out = delta_auprc(held, outputs) if len(outputs) else np.nan
            rows.append({"episode": number, "candidate": name, "held_out": held_out, **of_query})
    return pd.DataFrame(rows)


def section(
    table: pd.DataFrame, scored: pd.DataFrame, candidates: Mapping[str, Mapping[str, float]],
    reference: str, measures: tuple[str, ...],
) -> tuple[dict[str, Any], pd.DataFrame]:  # fmt: skip
    """A section of the file, and out-of-fold predictions for a report."""
    features = np.array([inputs(row) for row in table[list(FEATURES)].to_dict("records")])
    size, _, group = sizes_of(table)
    weights = table["weight"].to_numpy(np.float64)
    wide = {
        m: scored.pivot(index="episode", columns="candidate", values=m)
        for m in (*measures, "held_out")
    }

    chance = {
        measure: np.array([by_chance(measure, row) for row in table.to_dict("records")])
        for measure in measures
    }

    def held_inputs(held: Floats) -> Floats:
        pairs = zip(table[list(FEATURES)].to_dict("records"), np.nan_to_num(held), strict=True)
        return np.array([held_out_inputs(row, gap) for row, gap in pairs])

    # Validation assays were selected as test assays were, so they count as much as all others.
    valid = table["fold"].eq("valid").to_numpy()
    balance = np.where(valid, (~valid).sum() / max(valid.sum(), 1), 1.0)
    entries: dict[str, Any] = {}
    report = table[["assay", "support"]].copy()
    for name in candidates:
        held = wide["held_out"][name].to_numpy()
        gap = held - wide["held_out"][reference].to_numpy()
        ahead = (wide[measures[0]][name] - wide[measures[0]][reference]).to_numpy()
        advantage, report[f"advantage {name}"] = line(
            features, gap, held_inputs(gap), ahead, group, weights
        )
        entry: dict[str, Any] = {
            "weights": candidates[name],
            "advantage": advantage,
            "gap": [
                round(float(np.nanmax(np.where(size == s, gap, np.nan), initial=-1)), 3)
                for s in SIZES
            ],
            "levels": {},
            "spreads": {},
        }
        for measure in measures:
            y = wide[measure][name].to_numpy() - chance[measure]
            level, predicted = line(features, held, held_inputs(held), y, group, weights)
            entry["levels"][measure] = level
            # In use, there is a held-out score; predictions without one have larger errors.
            as_in_use = np.isfinite(held) | ~np.isfinite(held).any()
            error = np.where(as_in_use, y - predicted, np.nan)
            stated = predicted + chance[measure]
            parts = (error, stated, *sizes_of(table)[:2], weights * balance)
            entry["spreads"][measure] = spread_of(*parts)
            if name == reference:
                print_coverage(measure, error, stated, table, weights * balance)
            report[f"{measure} {name}"], report[f"predicted {measure} {name}"] = y, predicted
        entries[name] = entry
    ranges = {name: rounded(np.quantile(table[name], RANGE)) for name in INPUTS}
    n_assays = int(table["assay"].nunique())
    return {"candidates": entries, "n_assays": n_assays, "ranges": ranges}, report


def trusted(report: pd.DataFrame, measure: str, reference: str) -> float:
    """Predicted score below which rankings are not trusted.

    It is the highest one for which `PRECISION` of the assays below it score less than the median
    of their support size.
    """
    y, predicted = report[f"{measure} {reference}"], report[f"predicted {measure} {reference}"]
    below = (y < y.groupby(report["support"]).transform("median")).to_numpy()
    order = np.argsort(predicted.to_numpy())
    share = np.cumsum(below[order]) / np.arange(1, len(order) + 1)
    # The first few are too few to judge.
    n = max(int(np.flatnonzero(share >= PRECISION).max(initial=0)), 1)
    cut = float(predicted.to_numpy()[order[min(n, len(order) - 1)]])
    return round(cut, 4)


PRECISION = 0.9


def measured_values(
    table: pd.DataFrame, candidates: Mapping[str, Mapping[str, float]]
) -> pd.DataFrame:
    """R² of each candidate for values, on compounds with a value."""
    rows: list[dict[str, Any]] = []
    for number, row in enumerate(table.to_dict("records")):
        y, support = (np.asarray(row[k], np.float64) for k in ("query_values", "support_values"))
        has_value = np.isfinite(y)
        for name, weights in candidates.items():
            if not all(len(row[f"value {member}"]) for member in weights):
                continue
            outputs = combined(row, "value", weights)[has_value]
            score = r2(y[has_value], outputs, float(support.mean()))
            rows.append({"episode": number, "candidate": name, "held_out": np.nan, "r2": score})
    return pd.DataFrame(rows)


def valued(table: pd.DataFrame) -> pd.DataFrame:
    """Episodes whose support has values throughout, and of whose query most compounds have one."""
    complete = table["value pretrained_values"].map(len).gt(0)
    most = table["query_values"].map(lambda v: float(np.isfinite(v).mean())).gt(0.5)
    return table[complete & most].reset_index(drop=True)


def judged(
    report: pd.DataFrame, names: list[str], reference: str, measure: str
) -> tuple[float, float, pd.DataFrame]:
    """The smallest predicted advantage that is worth leaving the reference for, out of fold.

    Returns it, the share of episodes that keep the reference, and the mean score by support size
    of each candidate, of the one that is chosen with it, and of the best one in hindsight.
    """
    predicted = np.column_stack([
        np.zeros(len(report)) if n == reference else report[f"advantage {n}"] for n in names
    ])  # fmt: skip
    predicted = np.where(np.isfinite(predicted), predicted, -np.inf)
    y = np.column_stack([report[f"{measure} {name}"] for name in names])
    rows, of_reference = np.arange(len(y)), names.index(reference)

    def chosen(margin: float) -> NDArray[np.int64]:
        best = predicted.argmax(1)
        return np.where(predicted[rows, best] > margin, best, of_reference)

    worth = {margin: y[rows, chosen(margin)].mean() for margin in MARGINS}
    margin = max(worth, key=lambda candidate: worth[candidate])
    frame = pd.DataFrame(y, columns=names).assign(
        chosen=y[rows, chosen(margin)], hindsight=np.nanmax(y, axis=1)
    )
    tell({m: round(float(value), 4) for m, value in worth.items()})
    tell(pd.Series(np.array(names)[chosen(margin)]).value_counts().to_string())
    usual = float((chosen(margin) == of_reference).mean())
    return margin, usual, frame.groupby(report["support"]).mean().T


MARGINS = (0.0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05)


def filled(
    table: pd.DataFrame, scored: pd.DataFrame, candidates: Mapping[str, Mapping[str, float]],
    target: Target, measures: tuple[str, ...],
) -> dict[str, Any]:  # fmt: skip
    """A complete section of the file."""
    reference = REFERENCE[target]
    entries, report = section(table, scored, candidates, reference, measures)
    margin, usual, means = judged(report, list(candidates), reference, measures[0])
    tell(means.round(4).to_string())
    trust = trusted(report, measures[0], reference)
    return {
        **entries,
        "trust": trust,
        "margin": margin,
        "usual": round(usual, 3),
        "labels_only": LABELS_ONLY[target],
    }


def main(folder: Path) -> None:
    """Fit both sections of the file and write it."""
    folds = [pd.read_parquet(folder / f"{f}.parquet").assign(fold=f) for f in ("train", "valid")]
    table = pd.concat(folds)
    table = table.reset_index(drop=True).assign(weight=1.0)
    sections = dict[Target, dict[str, Any]]()
    candidates = candidates_of(table, "activity")
    measures = ("delta_auprc", "auroc", "hits")
    sections["activity"] = filled(
        table, measured(table, candidates), candidates, "activity", measures
    )
    table = valued(table)
    candidates = candidates_of(table, "value")
    scored = measured_values(table, candidates)
    sections["value"] = filled(table, scored, candidates, "value", ("r2",))
    content = {"format": FORMAT, **sections}
    PATH.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
