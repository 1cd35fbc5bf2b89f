"""Fits the selector of automatic choices to the tables of `measure.py`.

    python studies/automl/fit.py FOLDER

FOLDER holds `train.parquet` and `valid.parquet` of `measure.py`. Writes
`molmeta/automl/selector.json`. Prints the gain of the choice on assays that the fit did not see, in
five folds of targets.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from regressions import FOLDS, line, spread_of

from molmeta.automl.describe import FEATURES
from molmeta.automl.held_out import scores
from molmeta.automl.selector import FORMAT, PATH, Spread, held_out_inputs, inputs
from molmeta.evaluation.metrics.ranking import delta_auprc
from molmeta.evaluation.metrics.values import r2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from regressions import Floats

REFERENCE = "pretrained_graded"
ACTIVITY: dict[str, dict[str, float]] = {
    REFERENCE: {REFERENCE: 1.0},
    "pretrained": {"pretrained": 1.0},
    "similarity": {"similarity": 1.0},
    "logistic_regression": {"logistic_regression": 1.0},
    "tanimoto_gp_4_graded": {"tanimoto_gp_4_graded": 1.0},
}
ENSEMBLES = (
    ("pretrained_graded", "tanimoto_gp_4_graded", 0.2),
    ("pretrained_graded", "tanimoto_gp_4_graded", 0.5),
    ("pretrained_graded", "logistic_regression", 0.2),
    ("pretrained_graded", "logistic_regression", 0.5),
)
"""Two members, and the spread of the second one's outputs relative to that of the first."""


def tell(*parts: object) -> None:
    """Write a line."""
    sys.stdout.write(" ".join(map(str, parts)) + "\n")


def combined(row: Mapping[str, Any], prefix: str, weights: Mapping[str, float]) -> Floats:
    """Outputs of a candidate for the query or for held-out compounds."""
    parts = [w * np.asarray(row[f"{prefix} {name}"], np.float64) for name, w in weights.items()]
    return np.sum(parts, axis=0)


def with_ensembles(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """All candidates; the weights of ensembles scale their members to the stated spreads."""
    names = {name for ensemble in ENSEMBLES for name in ensemble[:2]}
    spread = {name: table[f"query {name}"].map(np.std).median() for name in names}
    return ACTIVITY | {
        f"{a}+{b}*{share:g}": {a: 1.0, b: round(float(share * spread[a] / spread[b]), 3)}
        for a, b, share in ENSEMBLES
    }


def measured(table: pd.DataFrame, candidates: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """A row for each episode and candidate: its scores, and its held-out score."""
    rows: list[dict[str, Any]] = []
    for number, row in enumerate(table.to_dict("records")):
        held = np.asarray(row["support_labels"], np.float64)
        for name, weights in candidates.items():
            of_query = scores(np.asarray(row["labels"]), combined(row, "query", weights))
            outputs = combined(row, "held", weights)
            held_out = delta_auprc(held, outputs) if len(outputs) else np.nan
            rows.append({"episode": number, "candidate": name, "held_out": held_out, **of_query})
    return pd.DataFrame(rows)


def tell_coverage(measure: str, error: Floats, table: pd.DataFrame, spread: dict[str, Any]) -> None:
    """Print the share of out-of-fold errors inside the interval, by fold and support size."""
    inside = [
        low <= e <= high
        for e, row in zip(error, table.to_dict("records"), strict=True)
        for low, high in [
            Spread(**{k: np.array(v) for k, v in spread.items()}).interval(
                0.0, row["support"], len(row["labels"])
            )
        ]
    ]
    by = [table["fold"], table["support"]]
    tell(measure, pd.Series(inside).groupby(by).mean().unstack().round(3).to_string())


def folds_of(targets: pd.Series) -> NDArray[np.int64]:
    """Fold of each row; all rows of a target are in one fold."""
    names = np.random.default_rng(0).permutation(np.unique(targets))
    numbers = {name: number for number, name in enumerate(names)}
    return targets.map(numbers).to_numpy(np.int64) % FOLDS


def balance_of(fold: pd.Series) -> Floats:
    """Weight with which each row counts for intervals.

    Validation assays were selected as test assays were, so they count as much as all others.
    """
    valid = fold.eq("valid").to_numpy()
    return np.where(valid, (~valid).sum() / max(valid.sum(), 1), 1.0)


def section(
    table: pd.DataFrame, scored: pd.DataFrame, candidates: Mapping[str, Mapping[str, float]],
    reference: str, measures: tuple[str, ...],
) -> tuple[dict[str, Any], pd.DataFrame]:  # fmt: skip
    """A section of the file, and out-of-fold predictions for a report."""
    features = np.array([inputs(row) for row in table[list(FEATURES)].to_dict("records")])
    size, group = table["support"].to_numpy(np.int64), folds_of(table["target"].astype(str))
    weights = table["weight"].to_numpy(np.float64)
    n_query = table["labels"].map(len).to_numpy(np.float64)
    wide = {
        m: scored.pivot(index="episode", columns="candidate", values=m)
        for m in (*measures, "held_out")
    }

    def held_inputs(held: Floats) -> Floats:
        pairs = zip(table[list(FEATURES)].to_dict("records"), np.nan_to_num(held), strict=True)
        return np.array([held_out_inputs(row, gap) for row, gap in pairs])

    balanced = weights * balance_of(table["fold"])
    entries, report = dict[str, Any](), table[["assay", "support"]].copy()
    for name in candidates:
        held = wide["held_out"][name].to_numpy()
        gap = held - wide["held_out"][reference].to_numpy()
        ahead = (wide[measures[0]][name] - wide[measures[0]][reference]).to_numpy()
        advantage, report[f"advantage {name}"] = line(
            features, gap, held_inputs(gap), ahead, group, weights
        )
        levels, spreads = dict[str, Any](), dict[str, Any]()
        for measure in measures:
            y = wide[measure][name].to_numpy()
            levels[measure], predicted = line(features, held, held_inputs(held), y, group, weights)
            spreads[measure] = spread = spread_of(y - predicted, size, n_query, balanced)
            if name == reference:
                tell_coverage(measure, y - predicted, table, spread)
            report[f"{measure} {name}"], report[f"predicted {measure} {name}"] = y, predicted
        entries[name] = {
            "weights": candidates[name], "advantage": advantage, "levels": levels,
            "spreads": spreads,
        }  # fmt: skip
    return {"candidates": entries, "n_assays": int(table["assay"].nunique())}, report


def trusted(report: pd.DataFrame, measure: str, reference: str) -> dict[str, float]:
    """Predicted score below which rankings are not trusted, and the median score.

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
    return {"trust": round(cut, 4), "median": round(float(y.median()), 4)}


PRECISION = 0.9
VALUES: dict[str, dict[str, float]] = {
    "pretrained": {"pretrained": 1.0},
    "tanimoto_gp": {"tanimoto_gp": 1.0},
    "tanimoto_gp_4": {"tanimoto_gp_4": 1.0},
    "pretrained+tanimoto_gp_4*0.25": {"pretrained": 0.75, "tanimoto_gp_4": 0.25},
    "pretrained+tanimoto_gp_4*0.5": {"pretrained": 0.5, "tanimoto_gp_4": 0.5},
}


def measured_values(table: pd.DataFrame) -> pd.DataFrame:
    """R² of each candidate for values, on compounds with a value."""
    rows: list[dict[str, Any]] = []
    for number, row in enumerate(table.to_dict("records")):
        y, support = (np.asarray(row[k], np.float64) for k in ("query_values", "support_values"))
        has_value = np.isfinite(y)
        for name, weights in VALUES.items():
            outputs = combined(row, "value", weights)[has_value]
            score = r2(y[has_value], outputs, float(support.mean()))
            rows.append({"episode": number, "candidate": name, "held_out": np.nan, "r2": score})
    return pd.DataFrame(rows)


def valued(table: pd.DataFrame) -> pd.DataFrame:
    """Episodes whose support has values throughout, and of whose query most compounds have one."""
    complete = table["value pretrained"].map(len).gt(0)
    most = table["query_values"].map(lambda v: float(np.isfinite(v).mean())).gt(0.5)
    return table[complete & most].reset_index(drop=True)


def judged(
    report: pd.DataFrame, names: list[str], reference: str, measure: str
) -> tuple[float, pd.DataFrame]:
    """The smallest predicted advantage that is worth leaving the reference for, out of fold.

    Also returns mean scores by support size: of each candidate, of the one chosen with that
    advantage, and of the best one in hindsight.
    """
    predicted = np.column_stack([
        np.zeros(len(report)) if n == reference else report[f"advantage {n}"] for n in names
    ])  # fmt: skip
    y = np.column_stack([report[f"{measure} {name}"] for name in names])
    rows, of_reference = np.arange(len(y)), names.index(reference)

    def chosen(margin: float) -> NDArray[np.int64]:
        best = predicted.argmax(1)
        return np.where(predicted[rows, best] > margin, best, of_reference)

    worth = {margin: y[rows, chosen(margin)].mean() for margin in MARGINS}
    margin = max(worth, key=lambda margin: worth[margin])
    frame = pd.DataFrame(y, columns=names).assign(
        chosen=y[rows, chosen(margin)], hindsight=y.max(1)
    )
    tell({margin: round(float(value), 4) for margin, value in worth.items()})
    tell(pd.Series(np.array(names)[chosen(margin)]).value_counts().to_string())
    return margin, frame.groupby(report["support"]).mean().T


MARGINS = (0.0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05)


def filled(
    table: pd.DataFrame, scored: pd.DataFrame, candidates: Mapping[str, Mapping[str, float]],
    reference: str, measures: tuple[str, ...],
) -> dict[str, Any]:  # fmt: skip
    """A complete section of the file."""
    fit, report = section(table, scored, candidates, reference, measures)
    margin, means = judged(report, list(candidates), reference, measures[0])
    tell(means.round(4).to_string())
    return {**fit, **trusted(report, measures[0], reference), "margin": margin}


def main(folder: Path) -> None:
    """Fit both sections of the file and write it."""
    folds = [pd.read_parquet(folder / f"{f}.parquet").assign(fold=f) for f in ("train", "valid")]
    table = pd.concat(folds)
    table = table.reset_index(drop=True).assign(weight=1.0)
    candidates = with_ensembles(table)
    measures = ("delta_auprc", "auroc", "hits")
    activity = filled(table, measured(table, candidates), candidates, REFERENCE, measures)
    with_values = valued(table)
    value = filled(with_values, measured_values(with_values), VALUES, "pretrained", ("r2",))
    content = {"format": FORMAT, "activity": activity, "value": value}
    PATH.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
