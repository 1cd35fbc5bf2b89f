"""Draws the tables of `molmeta demo` from the bundled assays.

python data/make_demo.py
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

ASSAYS = Path(__file__).with_name("assays")
EXAMPLES = Path(__file__).parents[1] / "molmeta" / "api" / "examples"
TRAINING = (
    "CHEMBL219_Ki",
    "CHEMBL233_Ki",
    "CHEMBL234_Ki",
    "CHEMBL237_Ki",
    "CHEMBL262_Ki",
    "CHEMBL264_Ki",
)
COMPOUNDS = 60


def drawn(path: Path) -> pd.DataFrame:
    """Return some compounds of an assay, in random order."""
    return pd.read_csv(path).sample(COMPOUNDS, random_state=0)


def main() -> None:
    """Write both tables."""
    drawn(ASSAYS / "test" / "CHEMBL204_Ki.csv").to_csv(EXAMPLES / "measured.csv", index=False)
    training = [drawn(ASSAYS / "train" / f"{name}.csv").assign(assay=name) for name in TRAINING]
    pd.concat(training).to_csv(EXAMPLES / "assays.csv", index=False)


if __name__ == "__main__":
    main()
