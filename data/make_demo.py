"""Draws the tables of `molmeta demo` and of .test/ from the bundled assays.

python data/make_demo.py
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

ASSAYS = Path(__file__).with_name("assays")
EXAMPLES = Path(__file__).parents[1] / "molmeta" / "api" / "examples"
TRAINING = (
    "train/CHEMBL238_Ki",
    "train/CHEMBL262_Ki",
    "train/CHEMBL4203_Ki",
    "valid/CHEMBL2047_EC50",
    "valid/CHEMBL235_EC50",
    "valid/CHEMBL239_EC50",
)
"""Assays of which the default threshold makes about half of the compounds active."""
TEST = Path(__file__).parents[1] / ".test" / "data"
TEST_TABLES = (
    "assays/train/CHEMBL219_Ki",
    "assays/train/CHEMBL262_Ki",
    "assays/valid/CHEMBL2047_EC50",
    "assays/test/CHEMBL4005_Ki",
)
COMPOUNDS = 60


def drawn(path: Path) -> pd.DataFrame:
    """Return some compounds of an assay, in random order."""
    return pd.read_csv(path).sample(COMPOUNDS, random_state=0)


def main() -> None:
    """Write all tables, and the library of .test/."""
    drawn(ASSAYS / "test" / "CHEMBL204_Ki.csv").to_csv(EXAMPLES / "measured.csv", index=False)
    training = [
        drawn(ASSAYS / f"{name}.csv").assign(assay=name.partition("/")[2]) for name in TRAINING
    ]
    pd.concat(training).to_csv(EXAMPLES / "assays.csv", index=False)
    for name in TEST_TABLES:
        (TEST / name).parent.mkdir(parents=True, exist_ok=True)
        drawn(ASSAYS.parent / f"{name}.csv").to_csv(TEST / f"{name}.csv", index=False)
    library = (ASSAYS.with_name("libraries") / "nci_5k.smi").read_text().splitlines()[:200]
    (TEST / "library.smi").write_text("\n".join(library) + "\n")


if __name__ == "__main__":
    main()
