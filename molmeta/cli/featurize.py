"""Featurize the compounds of curated tables, or a library that you screen often.

An existing molecule store at --output is extended: only compounds that it lacks are featurized. A
store that cannot be read, for example from another version, is replaced. A file that is not a
curated table is a library: SMILES lines, CSV, Excel, SDF or Parquet, compressed or not. An
interrupted run on a library resumes with the same command.

A library of several files, given as a folder, pattern or manifest of paths, becomes a folder of
parts. Jobs with --part k/n share the work; the same command without it then completes the folder.
Later runs featurize only files that have changed.

Example: molmeta featurize library.smi --model pretrained --output library.arrow

Example: molmeta featurize "librar*.smi" --model pretrained --part 2/8 --output library_parts

Example: molmeta featurize train/assays.parquet valid/measured.parquet
  --output molecules.safetensors
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from molmeta.cli._options import CORES, FORCE, ID_COLUMN, OUTPUT, part_of
from molmeta.errors import ConfigError
from molmeta.runtime.console import bar, session
from molmeta.runtime.outputs import require_apart

if TYPE_CHECKING:
    from molmeta.molecules.store import Store

logger = logging.getLogger(__name__)

FEATURIZERS = ["graph", "morgan"]


def run(
    tables: list[Path] = typer.Argument(..., help="Curated tables, or a library."),
    output: Path = OUTPUT,
    featurizer: list[str] = typer.Option(FEATURIZERS, help="Featurizer to use; repeatable."),
    model: str = typer.Option(
        "", help="Model to store the features and vectors of, instead of --featurizer."
    ),
    id_column: str = ID_COLUMN,
    part: str = typer.Option("", help="k/n featurizes only that part of a library."),
    force: bool = FORCE,
    cores: int = CORES,
) -> None:
    from molmeta.assays.assay import distinct_compounds, read_curated
    from molmeta.curation.reading import is_curated
    from molmeta.molecules.store import save_store, update

    for table in tables:
        require_apart({"TABLES": table}, {"--output": output})
    if not (tables[0].is_file() and is_curated(tables[0])):
        _featurize_library(
            tables, output, featurizer, model, cores,
            part=part_of(part), force=force, id_column=id_column,
        )  # fmt: skip
        return
    if model or part:
        raise ConfigError(
            f"--{'model' if model else 'part'}: applies to a library; got curated tables, whose "
            "features serve all models, expected a library. Leave it out."
        )
    with session("featurize", tables=len(tables), featurizers=featurizer, cores=cores) as outcome:
        smiles = distinct_compounds(read_curated(tables))
        old = _existing_store(output)
        n_before = 0 if old is None else len(old)
        with bar(len(smiles), "compounds") as advance:
            store = update(old, smiles, featurizer, cores=cores, progress=advance)
        save_store(store, output)
        outcome.update(compounds=len(store), known_before=n_before, written=output)


def _featurize_library(
    library: list[Path],
    output: Path,
    names: list[str],
    model: str,
    cores: int,
    **how: Any,  # noqa: ANN401 - attributes of FeaturizePlan
) -> None:
    from molmeta.api._inputs import library_file
    from molmeta.libraries.featurize import FeaturizePlan, featurize_library
    from molmeta.libraries.files import library_files
    from molmeta.libraries.scatter import featurize_folder
    from molmeta.models.named import named
    from molmeta.molecules.similarity import FINGERPRINT

    chosen = named(model) if model else None
    of_model = () if chosen is None else (*chosen.library_featurizers, FINGERPRINT)
    blocks = tuple(dict.fromkeys(of_model or names))
    plan = FeaturizePlan(blocks, chosen, **how)
    files: list[Path] = []
    for item in library:
        with library_file(item) as path:
            files += library_files(path)
    with session("featurize", library=library[0], featurizers=blocks, cores=cores) as outcome:
        with bar(None, "compounds") as advance:
            if len(files) > 1 or plan.part or output.is_dir():
                done = featurize_folder(files, output, plan, cores=cores, progress=advance)
            else:
                done = featurize_library(files[0], output, plan, cores=cores, progress=advance)
        outcome.update(**done._asdict(), files=len(files), written=output)


def _existing_store(path: Path) -> Store | None:
    from molmeta.errors import ModelError
    from molmeta.molecules.store import load_store

    try:
        return load_store(path) if path.exists() else None
    except ModelError as error:
        logger.warning("%s", error)
        return None
