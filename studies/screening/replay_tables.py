"""Tables to simulate rounds on, from the RDKit benchmarking platform.

Run: python studies/screening/replay_tables.py rdkit_vs.parquet FOLDER

The table has the columns `source,target,active,smiles`. `FOLDER/{source}.csv` holds the first
targets of each source, in the order of their names, as assays.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from molmeta.assays.screens import read_screens


class Choice(NamedTuple):
    """How many targets of a source, and how many inactives of each at most."""

    targets: int
    decoys: int


CHOICES = {"ChEMBL": Choice(6, 10_000), "DUD": Choice(4, 5_000), "MUV": Choice(4, 5_000)}


def main(table: Path, folder: Path) -> None:
    """Write a table of assays for each source."""
    whole = pd.read_parquet(table)
    folder.mkdir(parents=True, exist_ok=True)
    for source, choice in CHOICES.items():
        raw = folder / f"{source.lower()}.in.parquet"
        whole[whole["source"] == source].pipe(_first, choice.targets).to_parquet(raw)
        compounds = read_screens([raw], decoys=choice.decoys)
        raw.unlink()
        compounds.rename(columns={"target": "assay"})[["assay", "smiles", "active"]].to_csv(
            folder / f"{source.lower()}.csv", index=False
        )


def _first(rows: pd.DataFrame, n: int) -> pd.DataFrame:
    actives = rows.groupby("target")["active"].sum()
    names = sorted(actives.index[actives > 0])[:n]
    return rows[rows["target"].isin([*names, *actives.index[actives == 0]])]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
