"""Measures how many of the pretrained model's best compounds a prefilter finds in a library.

    molmeta featurize LIBRARY --model pretrained --output library.arrow
    python benchmarks/prefilter_recall.py library.arrow

A synthon space, in the text format of RDKit, is first written out as a library of its products:

    python benchmarks/prefilter_recall.py space.tsv --products products.smi

Both assays are bundled test assays, of which 32 compounds are drawn. It prints the rows of the
table in docs/scale.md.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import torch

from molmeta.api.screen import run_screen
from molmeta.libraries.synthons import read_space
from molmeta.screening.plan import ScreenPlan

TEST = Path(__file__).parents[1] / "data" / "assays" / "test"
ASSAYS, SIZE = ("CHEMBL244_Ki", "CHEMBL4792_Ki"), 32
SHARES, TOPS = (0.001, 0.01, 0.1), (1000, 100)


def main() -> None:
    """Print a row for each assay and share, or write the products of a space."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=Path)
    parser.add_argument("--products", type=Path, help="file for the products of a space")
    options = parser.parse_args()
    if options.products:
        _enumerate(options.library, options.products)
        return
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    for assay in ASSAYS:
        best = _best(assay, options.library)
        for share in SHARES:
            found = set(_best(assay, options.library, share))
            recall = [sum(name in found for name in best[:top]) / top for top in TOPS]
            cells = " | ".join(f"{value:.3f}" for value in recall)
            sys.stdout.write(f"| {assay} | {100 * share:g} % | {cells} |\n")
            sys.stdout.flush()


def _best(assay: str, library: Path, share: float | None = None) -> list[str]:
    """Return the SMILES of the best compounds, best first."""
    plan = ScreenPlan(top=max(TOPS), prefilter=share)
    done = run_screen(TEST / f"{assay}.csv", library, plan=plan, size=SIZE, seed=0)
    return [str(text) for text in done.screened.candidates["smiles"]]


def _enumerate(path: Path, output: Path) -> None:
    space = read_space(path)
    with output.open("w", encoding="utf-8") as file:
        file.writelines(f"{space.smiles(p)} {space.id(p)}\n" for p in space.products())


if __name__ == "__main__":
    main()
