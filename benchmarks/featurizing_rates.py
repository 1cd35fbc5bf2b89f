"""Measures how long graphs take to make, next to RDKit's parsing and Morgan fingerprints.

Run it as `python benchmarks/featurizing_rates.py`. Both parse the bundled compounds; times are
seconds of this thread, and the ratio is the median of rounds in which both take turns.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from molmeta.molecules.graphs import molgraph

if TYPE_CHECKING:
    from collections.abc import Callable

ASSAYS = Path(__file__).parents[1] / "data" / "assays"
COMPOUNDS, ROUNDS = 2000, 7


def main() -> None:
    """Print both times and their ratio."""
    frames = [pd.read_csv(path, usecols=["smiles"]) for path in sorted(ASSAYS.glob("*/*.csv"))]
    distinct = pd.concat(frames)["smiles"].drop_duplicates()
    smiles = list(distinct.sample(COMPOUNDS, random_state=0))
    morgan = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)

    def theirs() -> None:
        for text in smiles:
            morgan.GetFingerprint(Chem.MolFromSmiles(text))

    def ours() -> None:
        for text in smiles:
            molgraph(Chem.MolFromSmiles(text))

    pairs = [(_seconds(theirs), _seconds(ours)) for _ in range(ROUNDS)]
    fingerprints, graphs = (
        1e6 * statistics.median(t) / COMPOUNDS for t in zip(*pairs, strict=True)
    )
    ratio = statistics.median(ours / theirs for theirs, ours in pairs)
    sys.stdout.write(
        f"parsing and Morgan fingerprint {fingerprints:.0f} us, parsing and graph {graphs:.0f} us "
        f"a compound: {ratio:.2f} x\n"
    )


def _seconds(run: Callable[[], None]) -> float:
    began = time.thread_time()
    run()
    return time.thread_time() - began


if __name__ == "__main__":
    main()
