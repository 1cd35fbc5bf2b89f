"""What automatic choices are worth on FS-Mol's test fold.

    python studies/automl/test_fold.py TABLE tasks.csv.gz

TABLE is the result of `measure.py` for the test fold. Prints scores of the chosen candidate and of
the best single model, paired by assay; how often realised scores lie in the stated intervals; and
how assays fare whose ranking is not trusted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from fit import measured, measured_values, valued
from intervals import tell

from molmeta.automl.describe import FEATURES
from molmeta.automl.selector import load_selector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from molmeta.automl.selector import Selector
    from molmeta.learners.base import Target

SINGLE: dict[Target, str] = {"activity": "pretrained", "value": "pretrained_values"}


def choices(
    table: pd.DataFrame, scored: pd.DataFrame, selector: Selector, single: str
) -> pd.DataFrame:
    """A row for each episode: the candidate chosen, its scores, and what was stated about it.

    Raises:
        ValueError: a candidate that was not measured could be chosen.
    """
    rows: list[dict[str, Any]] = []
    for (number, scores), row in zip(
        scored.groupby("episode"), table.to_dict("records"), strict=True
    ):
        of = scores.set_index("candidate")
        features = selector.within({name: float(row[name]) for name in FEATURES})
        held = of["held_out"].dropna().to_dict()
        candidates = [c for c in selector.candidates if c.name in of.index]
        for missing in {c.name for c in selector.candidates} - set(of.index):
            if selector.may_win(missing, features):
                raise ValueError(f"{row['assay']}: '{missing}' could be chosen; measure it")
        name = selector.rank(candidates, features, held)[0].name
        n_query = len(row["labels"])
        scores_of_row: dict[str, Any] = {
            "episode": number, "assay": row["assay"], "support": row["support"], "chosen": name,
        }  # fmt: skip
        for measure in selector.levels[name]:
            stated = selector.expected(name, measure, features, held.get(name), n_query)
            realised = float(of.loc[name, measure])
            scores_of_row |= {
                measure: realised,
                f"single {measure}": float(of.loc[single, measure]),
                f"stated {measure}": stated.value,
                f"inside {measure}": stated.low <= realised <= stated.high,
            }
        scores_of_row["trusted"] = scores_of_row[f"stated {selector.measure}"] >= selector.trust
        rows.append(scores_of_row)
    return pd.DataFrame(rows)


def paired(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Mean scores by support size, and the mean difference with its standard error."""
    difference = rows[measure] - rows[f"single {measure}"]
    by = rows["support"]
    return pd.DataFrame(
        {
            "chosen": rows[measure].groupby(by).mean(),
            "single": rows[f"single {measure}"].groupby(by).mean(),
            "difference": difference.groupby(by).mean(),
            "error": difference.groupby(by).sem(),
            "assays": difference.groupby(by).size(),
        }
    ).T


def print_scores(title: str, rows: pd.DataFrame, measures: Mapping[str, Any]) -> None:
    """Print scores, intervals and trust of the episodes."""
    first = next(iter(measures))
    tell(f"\n{title}: {first}")
    tell(paired(rows, first).round(4).to_string())
    tell(rows["chosen"].value_counts().to_string())
    for measure in measures:
        inside = rows.groupby("support")[f"inside {measure}"].mean()
        tell(f"inside the 80 % interval, {measure}:", inside.round(3).to_dict())
    below = rows[first] < rows.groupby("support")[first].transform("median")
    flagged = ~rows["trusted"]
    share = below[flagged].groupby(rows["support"]).agg(["mean", "size"])
    tell(f"not trusted: {flagged.mean():.2f}; below the median: {below[flagged].mean():.3f}")
    tell(share.round(3).T.to_string())


def weights_of(selector: Selector) -> dict[str, dict[str, float]]:
    """Weights of the members of each candidate."""
    return {c.name: dict(c.weights) for c in selector.candidates}


def main(path: Path, tasks: Path) -> None:
    """Print what is measured on the test fold."""
    table = pd.read_parquet(path)
    about = pd.read_csv(tasks).set_index("task")["panel"]
    selector = load_selector("activity")
    rows = choices(table, measured(table, weights_of(selector)), selector, SINGLE["activity"])
    panel = rows["assay"].map(about).astype(bool)
    measures = selector.levels[selector.candidates[0].name]
    print_scores("all assays", rows, measures)
    print_scores("outside the panel", rows[~panel], measures)
    with_values = valued(table)
    for_values = load_selector("value")
    scored = measured_values(with_values, weights_of(for_values))
    rows = choices(with_values, scored, for_values, SINGLE["value"])
    wide = scored.pivot(index="episode", columns="candidate", values="r2")
    tell("\nmeasured values, R\u00b2")
    tell(wide.groupby(with_values["support"]).agg(["mean", "median"]).T.round(3).to_string())
    print_scores("all assays with values", rows, for_values.levels[for_values.reference])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
