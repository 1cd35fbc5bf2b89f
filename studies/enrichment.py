"""Tables of docs/enrichment.md, between its marks, from the output of `molmeta enrich`.

Run: python studies/enrichment.py FOLDER

The folder holds a CSV of each name in `NAMES`; the page gives the commands. What is not there stays
as the page has it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from marks import head, line, rewritten, rounded

from molmeta.evaluation.enrichment_tables import compared, overlap, summary
from molmeta.runtime.outputs import written

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Path(__file__).parents[1] / "docs" / "enrichment.md"
NAMES = ("fsmol_hub", "fsmol_enamine", "fsmol_moses", "bundled_hub", "screens", "decoys")
MODEL, ACTIVES = "pretrained", "pretrained@actives"
MODELS = {
    MODEL: "pretrained",
    ACTIVES: "pretrained, actives alone",
    "similarity": "maximum similarity",
    "similarity:mode=mean": "mean similarity",
    "tanimoto_gp": "Tanimoto GP",
    "tanimoto_gp:rank=mean": "Tanimoto kernel ridge",
    "logistic_regression@presumed": "logistic regression, presumed inactives",
}
GAINS = {"top1": "top 1 %", "auroc": "AUROC", "auroc_measured": "AUROC, measured inactives"}


def levels(rows: pd.DataFrame, metrics: Sequence[str] = ("top1", "auroc")) -> str:
    """Return a row for each support and a column for each model, with means of the metrics."""
    means = summary(rows).set_index(["source", "support", "model"])
    names = [name for name in MODELS if name in set(rows["model"])]
    lines = head(["support", "targets", *(MODELS[name] for name in names)])
    for source, support in _kinds(rows):
        means_of_models = means.loc[source, support]
        cells = [
            "; ".join(rounded(means_of_models[metric][m]) for metric in metrics) for m in names
        ]
        lines.append(
            line([_named(rows, source, support), str(means_of_models.n_targets.iloc[0]), *cells])
        )
    return "\n".join(lines)


def gains(rows: pd.DataFrame) -> str:
    """Return the pretrained model's paired gains with intervals, and the overlap of its tops."""
    against = {
        "best baseline": compared(rows[rows["model"] != ACTIVES], MODEL),
        "actives alone": compared(rows[rows["model"].isin([MODEL, ACTIVES])], MODEL),
    }
    shared = overlap(rows).reindex(columns=["source", "support", "model", "overlap", "hub"])
    shared = shared[shared["model"] == MODEL]
    titles = [f"{name}, {title}" for title in against for name in GAINS.values()]
    lines = head(["support", *titles, "overlap of the top 30", "most frequent compound"])
    for source, support in _kinds(rows):
        cells = [
            _gain(
                differences[
                    (differences["source"] == source) & (differences["support"] == support)
                ],
                metric,
            )
            for differences in against.values()
            for metric in GAINS
        ]
        frequent = (
            shared[(shared["source"] == source) & (shared["support"] == support)]
            if len(shared)
            else shared
        )
        both = (
            [rounded(v) for v in frequent[["overlap", "hub"]].iloc[0]]
            if len(frequent)
            else ["", ""]
        )
        lines.append(line([_named(rows, source, support), *cells, *both]))
    return "\n".join(lines)


def new(rows: pd.DataFrame) -> str:
    """Return top 1 % of the hidden actives that no model has in its training data."""
    return levels(rows[rows["n_new"] > 0], ("top1_new",))


def main(folder: Path) -> None:
    """Write the tables into the page."""
    page = PAGE.read_text(encoding="utf-8")
    for name in NAMES:
        if (folder / f"{name}.csv").is_file():
            rows = pd.read_csv(folder / f"{name}.csv", dtype={"top": "str"}).fillna({"top": ""})
            for kind, table in (("levels", levels), ("gains", gains), ("new", new)):
                if f"<!-- figures: {name}, {kind} -->" in page:
                    page = rewritten(page, f"{name}, {kind}", table(rows))
    with written(PAGE) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _kinds(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return list(rows[["source", "support"]].drop_duplicates().itertuples(index=False, name=None))


def _named(rows: pd.DataFrame, source: str, support: str) -> str:
    return f"`{support}`" if rows["source"].nunique() == 1 else f"{source}, `{support}`"


def _gain(differences: pd.DataFrame, metric: str) -> str:
    chosen = differences[differences["metric"] == metric] if len(differences) else differences
    if chosen.empty or chosen["difference"].isna().all():
        return ""
    row = chosen.iloc[0]
    return f"{row['difference']:+.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _arguments(given: Sequence[str]) -> Path:
    if len(given) != 1:
        sys.exit(__doc__)
    return Path(given[0])


if __name__ == "__main__":
    main(_arguments(sys.argv[1:]))
