"""Featurize each distinct compound of curated tables once, or a library that is screened often.

An existing molecule store at --output is kept: only compounds that it lacks are featurized. One
that cannot be read, as of another version, is made anew. A file that is no curated table is a
library: SMILES lines, CSV, SDF or Parquet, each also gzipped. Interrupted, the same command goes on
with it where it was.

Example: molmeta featurize results/curated/*/*.parquet --output results/molecules.safetensors
Example: molmeta featurize library.smi.gz --featurizer morgan --output library.arrow
Example: molmeta featurize library.smi.gz --model pretrained --output library.arrow
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from molmeta.cli._options import CORES, OUTPUT
from molmeta.errors import ConfigError
from molmeta.runtime.console import bar, session

if TYPE_CHECKING:
    from molmeta.molecules.store import Store

logger = logging.getLogger(__name__)

FEATURIZERS = ["graph", "morgan"]


def run(
    tables: list[Path] = typer.Argument(..., help="Curated tables, or one library."),
    output: Path = OUTPUT,
    featurizer: list[str] = typer.Option(FEATURIZERS, help="Featurizer to run; repeatable."),
    model: str = typer.Option(
        "", help="Model whose features and vectors a library is to hold, in place of --featurizer."
    ),
    cores: int = CORES,
) -> None:
    from molmeta.assays.assay import distinct_compounds, read_curated
    from molmeta.curation.reading import is_curated
    from molmeta.molecules.store import save_store, update

    if len(tables) == 1 and (str(tables[0]) == "-" or not is_curated(tables[0])):
        _featurize_library(tables[0], output, featurizer, model, cores)
        return
    if model:
        raise ConfigError(
            "featurize: curated tables hold features for all models; got --model, expected it with "
            "one library alone. Leave it out."
        )
    with session("featurize", tables=len(tables), featurizers=featurizer, cores=cores) as outcome:
        smiles = distinct_compounds(read_curated(tables))
        old = _existing(output)
        known = 0 if old is None else len(old)
        with bar(len(smiles), "featurize") as advance:
            store = update(old, smiles, featurizer, cores=cores, progress=advance)
        save_store(store, output)
        outcome.update(compounds=len(store), known_before=known, written=output)


def _featurize_library(
    library: Path, output: Path, names: list[str], model: str, cores: int
) -> None:
    from molmeta.libraries.featurize import featurize_library
    from molmeta.models.named import named
    from molmeta.molecules.similarity import FINGERPRINT

    found = named(model) if model else None
    chosen = tuple(dict.fromkeys((*found.featurizers, FINGERPRINT))) if found else tuple(names)
    with session("featurize", library=library, featurizers=chosen, cores=cores) as outcome:
        with bar(None, "featurize") as advance:
            done = featurize_library(
                library, output, chosen, model=found, cores=cores, progress=advance
            )
        outcome.update(**done._asdict(), written=output)


def _existing(path: Path) -> Store | None:
    from molmeta.errors import ModelError
    from molmeta.molecules.store import load_store

    try:
        return load_store(path) if path.exists() else None
    except ModelError as error:
        logger.warning("%s", error)
        return None
