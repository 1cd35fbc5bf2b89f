"""Featurize each distinct compound of curated tables once.

An existing molecule store at --output is kept: only compounds that it lacks are featurized.

Example: molmeta featurize results/curated/*/*.parquet --output results/molecules.safetensors
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._console import bar, session
from molmeta.cli._options import CORES, OUTPUT

FEATURIZERS = ["graph", "morgan"]


def run(
    tables: list[Path] = typer.Argument(..., help="Curated tables."),
    output: Path = OUTPUT,
    featurizer: list[str] = typer.Option(FEATURIZERS, help="Featurizer to run; repeatable."),
    cores: int = CORES,
) -> None:
    from molmeta.assays import distinct_compounds, read_curated
    from molmeta.store import load_store, save_store, update

    with session("featurize", tables=len(tables), featurizers=featurizer, cores=cores) as outcome:
        smiles = distinct_compounds(read_curated(tables))
        old = load_store(output) if output.exists() else None
        known = 0 if old is None else len(old)
        with bar(len(smiles), "featurize") as advance:
            store = update(old, smiles, featurizer, cores=cores, progress=advance)
        save_store(store, output)
        outcome.update(compounds=len(store), known_before=known, written=output)
