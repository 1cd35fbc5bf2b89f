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

from molmeta.automl.describe import FEATURES
from molmeta.automl.held_out import scores
from molmeta.automl.selector import FORMAT, PATH, Spread, held_out_inputs, inputs
from molmeta.evaluation.metrics.ranking import delta_auprc
from molmeta.evaluation.metrics.values import r2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SIZES = (16, 32, 64, 128, 256)
SMALLEST = 134
"""Fewest compounds of an assay from which intervals are estimated."""
LEVEL = 0.8
FOLDS = 5
PENALTIES = (1.0, 10.0, 100.0, 1000.0, 1e5)
DIGITS = 5

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
    """All candidates; the weights of ensembles bring their members to the stated spreads."""
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


def ridge(x: Floats, y: Floats, penalty: float, weights: Floats) -> Floats:
    """Weights of a ridge regression whose first input, 1, is not penalised."""
    spread = np.r_[1.0, x[:, 1:].std(0) + 1e-9]
    z = x / spread
    w = np.sqrt(weights)[:, None]
    penalties = np.r_[1e-9, np.full(z.shape[1] - 1, penalty)]
    solution = np.linalg.solve((w * z).T @ (w * z) + np.diag(penalties), (w * z).T @ (w[:, 0] * y))
    return solution / spread


def fitted(
    x: Floats, y: Floats, group: NDArray[np.int64], weights: Floats
) -> tuple[Floats, Floats]:
    """Weights with the best penalty, and the out-of-fold predictions of that penalty."""
    out_of_fold: dict[float, Floats] = {}
    for penalty in PENALTIES:
        out_of_fold[penalty] = predicted = np.zeros(len(y))
        for fold in range(FOLDS):
            inside = group != fold
            predicted[~inside] = x[~inside] @ ridge(x[inside], y[inside], penalty, weights[inside])
    errors = {p: float((weights * (out_of_fold[p] - y) ** 2).sum()) for p in PENALTIES}
    if not np.isfinite(list(errors.values())).any():
        raise ValueError("held-out scores: no penalty has a finite error; check the tables' values")
    best = min(PENALTIES, key=lambda penalty: errors[penalty])
    return ridge(x, y, best, weights), out_of_fold[best]


def line(
    features: Floats, held: Floats, held_inputs: Floats, y: Floats, group: NDArray[np.int64],
    weights: Floats,
) -> tuple[dict[str, list[float]], Floats]:  # fmt: skip
    """A `Line` of the selector, and its out-of-fold predictions."""
    without, predicted = fitted(features, y, group, weights)
    has = np.isfinite(held)
    if not has.any():
        return {"weights": rounded(without), "held_out": []}, predicted
    both = np.hstack([features, held_inputs])[has]
    with_held, of_held = fitted(both, y[has], group[has], weights[has])
    predicted = predicted.copy()
    predicted[has] = of_held
    return {"weights": rounded(without), "held_out": rounded(with_held)}, predicted


def rounded(values: Floats) -> list[float]:
    """Values with `DIGITS` significant digits."""
    return [float(f"{value:.{DIGITS}g}") for value in values]


def spread_of(
    error: Floats, size: NDArray[np.int64], n_query: Floats, weights: Floats
) -> dict[str, Any]:
    """The `Spread` of errors: variance between assays and from sampling, then quantiles.

    Scores of assays with fewer compounds than FS-Mol's validation and test assays have are less
    predictable, and are left out.
    """
    large = size + n_query >= SMALLEST
    error, size, n_query, weights = (values[large] for values in (error, size, n_query, weights))
    design = np.column_stack([(size == s).astype(float) for s in SIZES] + [1 / n_query])
    solution = ridge_positive(design, error**2, weights)
    between, sampling = np.sqrt(np.maximum(solution[:-1], 1e-6)), max(float(solution[-1]), 0.0)
    deviation = np.sqrt(between[np.searchsorted(SIZES, size)] ** 2 + sampling / n_query)
    normalised = error / deviation
    tails = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    low, high = (
        [quantile(normalised[size == s], weights[size == s], q) for s in SIZES] for q in tails
    )
    return {"sizes": list(SIZES), "between": rounded(between), "sampling": sampling,
            "low": rounded(np.array(low)), "high": rounded(np.array(high))}  # fmt: skip


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


def ridge_positive(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Non-negative least squares."""
    from scipy.optimize import nnls

    w = np.sqrt(weights)
    return nnls(x * w[:, None], y * w)[0]


def quantile(values: Floats, weights: Floats, q: float) -> float:
    """Weighted quantile."""
    order = np.argsort(values)
    total = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(q * weights.sum(), total, values[order]))


def section(
    table: pd.DataFrame, scored: pd.DataFrame, candidates: Mapping[str, Mapping[str, float]],
    reference: str, measures: tuple[str, ...],
) -> tuple[dict[str, Any], pd.DataFrame]:  # fmt: skip
    """A section of the file, and out-of-fold predictions for a report."""
    features = np.array([inputs(row) for row in table[list(FEATURES)].to_dict("records")])
    targets, size = table["target"].astype(str), table["support"].to_numpy(np.int64)
    numbers = {
        name: i for i, name in enumerate(np.random.default_rng(0).permutation(np.unique(targets)))
    }
    group = targets.map(numbers).to_numpy(np.int64) % FOLDS
    weights = table["weight"].to_numpy(np.float64)
    n_query = table["labels"].map(len).to_numpy(np.float64)
    wide = {
        m: scored.pivot(index="episode", columns="candidate", values=m)
        for m in (*measures, "held_out")
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
            "levels": {},
            "spreads": {},
        }
        for measure in measures:
            y = wide[measure][name].to_numpy()
            level, predicted = line(features, held, held_inputs(held), y, group, weights)
            entry["levels"][measure] = level
            spread = spread_of(y - predicted, size, n_query, weights * balance)
            entry["spreads"][measure] = spread
            if name == reference:
                tell_coverage(measure, y - predicted, table, spread)
            report[f"{measure} {name}"], report[f"predicted {measure} {name}"] = y, predicted
        entries[name] = entry
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

    Returns it, and the mean score by support size of each candidate, of the one that is chosen
    with it, and of the best one in hindsight.
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
