"""Measures how many of the pretrained model's best compounds a prefilter finds in a library.

    molmeta featurize LIBRARY --model pretrained --output library.arrow
    python benchmarks/prefilter_recall.py library.arrow

A synthon space, in the text format of RDKit, is first written out as a library of its products. A
space of a million amides is made from the small acids and amines of a library:

    python benchmarks/prefilter_recall.py space.tsv --products products.smi
    python benchmarks/prefilter_recall.py LIBRARY --amides amides.tsv

Both assays are bundled test assays, of which 32 compounds are drawn. It prints the rows of the
table in docs/scale.md.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
from pathlib import Path

import torch
from rdkit import Chem, rdBase
from rdkit.Chem import rdChemReactions

from molmeta.api.screen import run_screen
from molmeta.libraries.reading import read_library
from molmeta.libraries.synthons import read_space
from molmeta.screening.plan import ScreenPlan

TEST = Path(__file__).parents[1] / "data" / "assays" / "test"
ASSAYS, SIZE = ("CHEMBL244_Ki", "CHEMBL4792_Ki"), 32
SHARES, TOPS = (0.001, 0.01, 0.1), (1000, 100)
N_BLOCKS, MAX_ATOMS = 1000, 20
"""Acids and amines of the amides, and their largest number of heavy atoms."""
ACID = "[CX3:1](=[O:2])[OX2H1]>>[U][C:1]=[O:2]"
AMINE = "[NX3;H2,H1;!$(N-[!#6]);!$(N-C=[O,N,S]);!$(N-S);!$(N-C#N):1]>>[U][N:1]"
"""What a carboxylic acid and an amine are, and the synthons that they become."""


def main() -> None:
    """Print a row for each assay and share, or write a space of amides or the products of one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=Path)
    parser.add_argument("--products", type=Path, help="file for the products of a space")
    parser.add_argument("--amides", type=Path, help="file for a space of a library's amides")
    options = parser.parse_args()
    if options.amides:
        _write_amides(options.library, options.amides)
        return
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


def _write_amides(library: Path, output: Path) -> None:
    """Write a space of N_BLOCKS acids and N_BLOCKS amines that are drawn from a library."""
    reactions = [rdChemReactions.ReactionFromSmarts(text) for text in (ACID, AMINE)]
    slots: tuple[set[str], set[str]] = (set(), set())
    with rdBase.BlockLogs():
        for record in (record for chunk in read_library(library) for record in chunk):
            mol = Chem.MolFromSmiles(record.smiles)
            if mol is None or mol.GetNumHeavyAtoms() > MAX_ATOMS:
                continue
            made = [reaction.RunReactants((mol,)) for reaction in reactions]
            # A block that reacts at two places, or as both, would not give one product.
            if sum(map(len, made)) == 1:
                role = 0 if made[0] else 1
                slots[role].add(str(Chem.MolToSmiles(made[role][0][0])))
    draw = random.Random(0)
    with output.open("w", encoding="utf-8") as file:
        file.write("SMILES\tsynton_id\tsynton#\treaction_id\n")
        for role, synthons in enumerate(slots, 1):
            for number, smiles in enumerate(draw.sample(sorted(synthons), N_BLOCKS)):
                file.write(f"{smiles}\t{role}-{number}\t{role}\tamide\n")


if __name__ == "__main__":
    main()
