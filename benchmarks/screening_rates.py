"""Measures how fast a library is screened, beside RDKit's own parsing and fingerprints.

Run it as `OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/screening_rates.py`. Both are
measured in turn, in seconds of this process's own core, and the median of the pairs is given, so
that other work on the machine weighs on both alike. Without the `taskset`, `--cores 2` adds the
featurized library on two cores, in seconds of the clock; threads take 100,000 records each, so
that two want `--records 200000`. GOAL is that of two cores, and a core's part of it is half.
Explaining the best 1,000 costs some tenths of a second whatever the library's size: a small one
looks slower than it is.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator

from molmeta.libraries.featurize import FeaturizePlan, featurize_library
from molmeta.libraries.reading import read_library
from molmeta.models.model import Model
from molmeta.models.named import baseline, named
from molmeta.models.recipes import Recipe
from molmeta.screening.hits import Support
from molmeta.screening.screen import screen_to_files

if TYPE_CHECKING:
    from collections.abc import Callable

NCI = Path(__file__).parents[1] / "data" / "libraries" / "nci_5k.smi"
GOAL = 100_000
"""Compounds/s of a featurized library on two cores."""


def main() -> None:
    """Print the rates of every kind of screen."""
    options = _options()
    torch.set_num_threads(1)
    smiles = [record.smiles for chunk in read_library(options.library) for record in chunk]
    smiles = [text for text in smiles if "." not in text and _parses(text)]
    smiles = (smiles * (1 + options.records // len(smiles)))[: options.records]
    support = Support(smiles[:64], [1, 0] * 32)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "library.smi").write_text("".join(f"{text} x\n" for text in smiles))
        _from_smiles(folder, smiles, support, options.repeats)
        models = _models()
        names = sorted({name for _, model in models for name in model.featurizers})
        featurize_library(folder / "library.smi", folder / "l.safetensors", FeaturizePlan(names))
        for model in models:
            _featurized(folder, model, support, options)
        kept = named("pretrained")
        featurize_library(
            folder / "library.smi", folder / "l.safetensors", FeaturizePlan(names, model=kept)
        )
        _featurized(folder, ("pretrained, its vectors kept", kept), support, options)


def _parses(text: str) -> bool:
    with rdBase.BlockLogs():
        return bool(text) and Chem.MolFromSmiles(text) is not None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, default=NCI)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cores", type=int, default=1)
    return parser.parse_args()


def _models() -> list[tuple[str, Model]]:
    names = ("protonet", "kernel_ridge")
    return [
        *((name, baseline(name)) for name in ("similarity", "tanimoto_gp")),
        *((f"{name} on fingerprints", _untrained(name)) for name in names),
        ("pretrained", named("pretrained")),
    ]


def _untrained(name: str) -> Model:
    recipe = Recipe(name, "fingerprint")
    return Model(recipe.build(0).eval(), recipe, {})


def _from_smiles(folder: Path, smiles: list[str], support: Support, repeats: int) -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    predictor = baseline("similarity").adapt(*support)

    def rdkit() -> None:
        for text in smiles:
            generator.GetFingerprint(Chem.MolFromSmiles(text))

    def ours() -> None:
        screen_to_files(predictor, support, folder / "library.smi", output=folder / "ranked.csv")

    pairs = [(_rate(rdkit, len(smiles)), _rate(ours, len(smiles))) for _ in range(repeats)]
    theirs, mine = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    ratio = statistics.median(mine / theirs for theirs, mine in pairs)
    _say(f"RDKit, MolFromSmiles and Morgan    {theirs:10,.0f} compounds/s")
    _say(f"screen from SMILES, similarity     {mine:10,.0f} compounds/s, {ratio:.2f} of RDKit's")


def _featurized(
    folder: Path, model: tuple[str, Model], support: Support, options: argparse.Namespace
) -> None:
    predictor = model[1].adapt(*support)

    def ours() -> None:
        path, output = folder / "l.safetensors", folder / "ranked.csv"
        screen_to_files(predictor, support, path, output=output, cores=options.cores)

    clock = time.process_time if options.cores == 1 else time.perf_counter
    rates = [_rate(ours, options.records, clock) for _ in range(options.repeats)]
    rate, goal = statistics.median(rates), GOAL * options.cores / 2
    _say(
        f"screen featurized, {model[0]:28s} {rate:8,.0f} compounds/s on {options.cores} core(s), "
        f"{rate / goal:.2f} of {goal:,.0f}"
    )


def _rate(run: Callable[[], None], n: int, clock: Callable[[], float] = time.process_time) -> float:
    began = clock()
    run()
    return n / (clock() - began)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
