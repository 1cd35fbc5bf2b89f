"""Measures how long graphs take to make, next to RDKit's parsing and Morgan fingerprints.

Run it as `python benchmarks/featurizing_rates.py`. Both parse the bundled compounds; times are
seconds of this thread, and the ratio is the median of rounds in which both take turns.
"""

from __future__ import annotations

import statistics
import sys

from bundled import bundled_smiles, seconds
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from molmeta.molecules.graphs import molgraph

COMPOUNDS, ROUNDS = 2000, 7


def main() -> None:
    """Print both times and their ratio."""
    smiles = bundled_smiles(COMPOUNDS)
    morgan = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)

    def theirs() -> None:
        for text in smiles:
            morgan.GetFingerprint(Chem.MolFromSmiles(text))

    def ours() -> None:
        for text in smiles:
            molgraph(Chem.MolFromSmiles(text))

    pairs = [(seconds(theirs), seconds(ours)) for _ in range(ROUNDS)]
    fingerprints, graphs = (
        1e6 * statistics.median(t) / COMPOUNDS for t in zip(*pairs, strict=True)
    )
    ratio = statistics.median(ours / theirs for theirs, ours in pairs)
    sys.stdout.write(
        f"parsing and Morgan fingerprint {fingerprints:.0f} us, parsing and graph {graphs:.0f} us "
        f"a compound: {ratio:.2f} x\n"
    )


if __name__ == "__main__":
    main()
