"""Tables of rounds in studies/notes/screening.md, from the output of `molmeta simulate`.

Run: python studies/rounds_tables.py FOLDER

For each NAME of chembl, muv and dud, the folder holds three files: NAME.rounds.csv of the
pretrained model, NAME.forgetful.csv of the same without activity records, and NAME.gp.csv of
`tanimoto_gp`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from marks import head, line

if TYPE_CHECKING:
    from collections.abc import Iterator

SETS, ROUNDS = ("chembl", "muv", "dud"), (1, 3, 5, 10)
KINDS = ("rounds", "forgetful", "gp")
CALLED = {
    "one_shot": "one shot (adapted once, to the start)", "similarity": "similarity search",
    "random": "random",
}  # fmt: skip


def main(folder: Path) -> None:
    """Print both tables."""
    runs = {
        (name, kind): pd.read_csv(folder / f"{name}.{kind}.csv") for name in SETS for kind in KINDS
    }
    sys.stdout.write("\n".join([*by_policy(runs), "", *by_round(runs)]) + "\n")


def by_policy(runs: dict[tuple[str, str], pd.DataFrame]) -> Iterator[str]:
    """Yield hits after the last round as a multiple of chance, with and without records."""
    sizes = {name: runs[name, "rounds"]["assay"].nunique() for name in SETS}
    yield from head(["policy", *(f"{name} ({n})" for name, n in sizes.items())])
    for policy in ("greedy", "ucb", "one_shot", "similarity", "random"):
        kinds = KINDS[:1] if policy in ("similarity", "random") else KINDS[:2]
        cells = [" / ".join(f"{last(runs[s, kind], policy):.1f}" for kind in kinds) for s in SETS]
        yield line([CALLED.get(policy, f"`{policy}`"), *cells])
    for policy in ("greedy", "ucb"):
        cells = [f"{last(runs[name, 'gp'], policy):.1f}" for name in SETS]
        yield line([f"`tanimoto_gp`, `{policy}`", *cells])
    yield line(["most", *(f"{most(runs[name, 'rounds']):.1f}" for name in SETS)])


def by_round(runs: dict[tuple[str, str], pd.DataFrame]) -> Iterator[str]:
    """Yield the mean number of actives that `greedy` has found after some rounds."""
    yield from head(["after round", *SETS])
    for number in ROUNDS:
        cells = [
            " / ".join(f"{mean_hits(runs[name, kind], number):.1f}" for kind in KINDS)
            for name in SETS
        ]
        yield line([str(number), *cells])


def last(rows: pd.DataFrame, policy: str) -> float:
    """Return the mean over replays of the enrichment after the last round."""
    ends = rows[rows["policy"] == policy].groupby(["assay", "repeat"]).tail(1)
    return float(ends["enrichment"].mean())


def most(rows: pd.DataFrame) -> float:
    """Return the mean enrichment of a replay that finds every active."""
    ends = rows[rows["policy"] == "random"].groupby(["assay", "repeat"]).tail(1)
    return float(((ends["n_active"] - ends["start_active"]) / ends["by_chance"]).mean())


def mean_hits(rows: pd.DataFrame, number: int) -> float:
    """Return the mean hits of `greedy` up to and with a round."""
    chosen = rows[(rows["policy"] == "greedy") & (rows["round"] <= number)]
    return float(chosen.groupby(["assay", "repeat"])["hits"].sum().mean())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
