"""Measures how fast libraries are screened, next to RDKit's own parsing and fingerprints.

`OMP_NUM_THREADS=1 python benchmarks/rates.py` prints the table of docs/scale.md: molmeta, its
alternatives where they are installed, and bounds. The floor is RDKit's `MolFromSmiles` with a
Morgan fingerprint. Each rate is measured in turn with the floor, in seconds of this process's core,
so other work on the machine slows both. The ratio is the median over the repeats.
`--write benchmarks/rates.json` stores the ratios, and `--compare benchmarks/rates.json` exits with
status 1 if a ratio has fallen by more than a quarter.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import rdkit
import torch
from contestants import N_ACTIVES, fingerprints, graphs, similarities, standardisers
from pyarrow import ipc
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator

from molmeta.libraries.featurize import FeaturizePlan, featurize_library
from molmeta.libraries.reading import read_library
from molmeta.models.named import named
from molmeta.molecules.compounds import compounds, standard_smiles
from molmeta.screening.hits import Support
from molmeta.screening.plan import ScreenPlan
from molmeta.screening.screen import screen_to_files
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contestants import Work

    from molmeta.models.model import Model

    Screen = Callable[..., Callable[[], object]]
    """Prepares a screen by the model of that name, of a path, with a share to prefilter to."""

NCI = Path(__file__).parents[1] / "data" / "libraries" / "nci_5k.smi"
COPIES = 20
"""How often features are screened in one run; the support is adapted to once."""
ALLOWED = 0.75
"""Smallest part of its stored value that a ratio may fall to."""


def main() -> int:
    """Print a table of rates and ratios; return 1 if a ratio has fallen."""
    options = _options()
    torch.set_num_threads(1)
    texts = (record.smiles for chunk in read_library(options.library) for record in chunk)
    parsed = (text for text in texts if "." not in text and _parses(text))
    smiles = list(islice(parsed, options.records))
    smiles = (smiles * (1 + options.records // len(smiles)))[: options.records]
    _say(f"molmeta {__version__}, RDKit {rdkit.__version__}, torch {torch.__version__}, ")
    _say(f"Python {platform.python_version()}, {platform.machine()}, {len(smiles)} compounds\n")
    _say("| work | compounds/s | of parsing and Morgan |\n|---|---|---|")
    ratios: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        for work, n, run in _works(Path(name), smiles):
            pairs = [(_rate(lambda: _floor(smiles), len(smiles)), _rate(run, n))
                     for _ in range(options.repeats)]  # fmt: skip
            ratios[work] = statistics.median(measured / floor for floor, measured in pairs)
            rate = statistics.median(measured for _, measured in pairs)
            _say(f"| {work} | {rate:,.0f} | {ratios[work]:.2f} |")
    if options.write:
        options.write.write_text(json.dumps(ratios, indent=1) + "\n")
    return _compared(ratios, options.compare) if options.compare else 0


def _works(folder: Path, smiles: list[str]) -> Iterator[Work]:
    """Yield each work with its name and the number of compounds that it does."""
    yield "standardise to SMILES", len(smiles), lambda: [standard_smiles(t) for t in smiles]
    yield "standardise, with InChIKey", len(smiles), lambda: compounds(smiles)
    yield from standardisers(smiles)
    yield from graphs(smiles)
    yield from fingerprints(smiles)
    support = Support(smiles[: 2 * N_ACTIVES], [1, 0] * N_ACTIVES)
    predictors = {name: named(name).adapt(*support) for name in ("pretrained", "similarity")}
    library = folder / "l.smi"
    library.write_text("".join(f"{text} x\n" for text in smiles))

    def screen(model: str, path: Path, share: float | None = None) -> Callable[[], object]:
        predictor, plan = predictors[model], ScreenPlan(top=100, prefilter=share)
        return lambda: screen_to_files(
            predictor, support, path, output=folder / "ranked.csv", plan=plan
        )

    yield from _of_smiles(library, smiles, screen)
    yield from _of_features(library, smiles, screen, predictors["pretrained"].model)


def _of_smiles(library: Path, smiles: list[str], screen: Screen) -> Iterator[Work]:
    yield "screen SMILES, similarity", len(smiles), screen("similarity", library)
    yield "screen SMILES, pretrained", len(smiles), screen("pretrained", library)
    prefiltered = screen("pretrained", library, 0.01)
    yield "screen SMILES, pretrained, --prefilter 0.01", len(smiles), prefiltered


def _of_features(
    library: Path, smiles: list[str], screen: Screen, pretrained: Model
) -> Iterator[Work]:
    features, vectors = library.with_suffix(".arrow"), library.with_name("v.arrow")
    names = (*pretrained.featurizers, "morgan")

    def featurize(path: Path, model: Model | None = None) -> Callable[[], object]:
        return lambda: featurize_library(library, path, FeaturizePlan(names, model=model))

    yield "featurize for the pretrained model", len(smiles), featurize(features)
    featurize(vectors, pretrained)()
    for path in (features, vectors):
        _say(f"| bytes of {path.name}: {path.stat().st_size / len(smiles):,.0f} a compound | | |")
    # Repeated, so that adapting to the support adds little to the time of a screen.
    n, many = COPIES * len(smiles), [library.with_name(f"{copy}.arrow") for copy in ("many", "all")]
    for path, copy in zip((features, vectors), many, strict=True):
        repeat(path, copy, COPIES)
    yield "screen features, similarity", n, screen("similarity", many[0])
    yield from similarities(smiles)
    yield "screen features, pretrained", n, screen("pretrained", many[0])
    yield "screen features and vectors, pretrained", n, screen("pretrained", many[1])


def repeat(path: Path, copy: Path, times: int) -> Path:
    """Write a featurized library with all its blocks several times over."""
    with ipc.open_file(str(path)) as file, ipc.new_file(str(copy), file.schema) as new:
        for number in range(times * file.num_record_batches):
            new.write_batch(file.get_batch(number % file.num_record_batches))
    return copy


def _floor(smiles: list[str]) -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    for text in smiles:
        generator.GetFingerprint(Chem.MolFromSmiles(text))


def _compared(ratios: dict[str, float], path: Path) -> int:
    stored = json.loads(path.read_text())
    fallen = [work for work, ratio in ratios.items() if ratio < ALLOWED * stored.get(work, 0)]
    for work in fallen:
        _say(f"slower: {work}: {ratios[work]:.2f} of the floor, {stored[work]:.2f} before")
    return int(bool(fallen))


def _parses(text: str) -> bool:
    with rdBase.BlockLogs():
        return bool(text) and Chem.MolFromSmiles(text) is not None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, default=NCI)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--compare", type=Path)
    return parser.parse_args()


def _rate(run: Callable[[], object], n: int) -> float:
    began = time.process_time()
    run()
    return n / (time.process_time() - began)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
