"""Featurize the compounds of curated tables, or a library that you screen often.

An existing molecule store at --output is extended: only compounds that it lacks are featurized. A
store that cannot be read, for example from another version, is replaced. A file that is not a
curated table is a library: SMILES lines, CSV, SDF or Parquet, optionally gzipped. An interrupted
run on a library resumes with the same command.

Example: molmeta featurize library.smi --model pretrained --output library.arrow

Example: molmeta featurize train/assays.parquet valid/measured.parquet
  --output molecules.safetensors
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from molmeta.cli._options import CORES, FORCE, OUTPUT
from molmeta.errors import ConfigError
from molmeta.runtime.console import bar, session

if TYPE_CHECKING:
    from molmeta.molecules.store import Store

logger = logging.getLogger(__name__)

FEATURIZERS = ["graph", "morgan"]


def run(
    tables: list[Path] = typer.Argument(..., help="Curated tables, or one library."),
    output: Path = OUTPUT,
    featurizer: list[str] = typer.Option(FEATURIZERS, help="Featurizer to use; repeatable."),
    model: str = typer.Option(
        "", help="Model to store the features and vectors of, instead of --featurizer."
    ),
    force: bool = FORCE,
    cores: int = CORES,
) -> None:
    from molmeta.assays.assay import distinct_compounds, read_curated
    from molmeta.curation.reading import is_curated
    from molmeta.molecules.store import save_store, update

    if len(tables) == 1 and (str(tables[0]) == "-" or not is_curated(tables[0])):
        _featurize_library(tables[0], output, featurizer, model, force, cores)
        return
    if model:
        raise ConfigError(
            "--model: applies to a single library; got curated tables, whose features serve all "
            "models, expected one library. Leave it out."
        )
    with session("featurize", tables=len(tables), featurizers=featurizer, cores=cores) as outcome:
        smiles = distinct_compounds(read_curated(tables))
        old = _existing_store(output)
        n_before = 0 if old is None else len(old)
        with bar(len(smiles), "featurize") as advance:
            store = update(old, smiles, featurizer, cores=cores, progress=advance)
        save_store(store, output)
        outcome.update(compounds=len(store), known_before=n_before, written=output)


def _featurize_library(
    library: Path,
    output: Path,
    names: list[str],
    model: str,
    force: bool,
    cores: int,
) -> None:
    from molmeta.api._inputs import library_file
    from molmeta.libraries.featurize import featurize_library
    from molmeta.models.named import named
    from molmeta.molecules.similarity import FINGERPRINT

    chosen = named(model) if model else None
    blocks = tuple(dict.fromkeys((*chosen.featurizers, FINGERPRINT))) if chosen else tuple(names)
    with session("featurize", library=library, featurizers=blocks, cores=cores) as outcome:
        with bar(None, "featurize") as advance, library_file(library) as path:
            done = featurize_library(
                path, output, blocks, model=chosen, force=force, cores=cores, progress=advance
            )
        outcome.update(**done._asdict(), written=output)


def _existing_store(path: Path) -> Store | None:
    from molmeta.errors import ModelError
    from molmeta.molecules.store import load_store

    try:
        return load_store(path) if path.exists() else None
    except ModelError as error:
        logger.warning("%s", error)
        return None
