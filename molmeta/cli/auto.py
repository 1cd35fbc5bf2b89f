"""Read a table as it is, choose a model for it, and rank a library.

Writes a folder: the ranked library (hits.csv), the model (model.safetensors), and a page
(index.html) that shows what was read, tried and chosen, what to expect, and the candidates. If the
order of close analogues is not reliable yet, next_plate.csv lists what to measure next. With an
--output that ends in .safetensors, only the model is written.

Example: molmeta auto --support measured.csv --library library.smi --output run

Example: molmeta auto --support measured.csv --quick --output chosen.safetensors
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import typer

from molmeta.cli import _options
from molmeta.errors import ConfigError, unknown_name
from molmeta.runtime.console import bar, session

if TYPE_CHECKING:
    from molmeta.api._inputs import SupportOptions


@_options.reads_table
def run(
    support: Path = _options.SUPPORT,
    output: Path = typer.Option(
        ..., "--output", help="Folder to write, or a file that ends in .safetensors."
    ),
    library: Path | None = _options.OPTIONAL_LIBRARY,
    quick: bool = typer.Option(False, "--quick", help="Cross-validate once, in a few seconds."),
    seconds: float | None = typer.Option(
        None, "--seconds", help="Time for cross-validation; default 60, or 8 with --quick."
    ),
    target: str = typer.Option(
        "activity", "--target", help="'value' chooses a model that predicts measured values."
    ),
    featurizer: str = typer.Option(
        "", "--featurizer", help="Further features to try, such as deepchem:MACCSKeysFingerprint."
    ),
    assay: str = _options.ASSAY,
    size: int | None = _options.SIZE,
    seed: int = _options.SEED,
    cores: int = _options.CORES,
    **table: Unpack[SupportOptions],
) -> None:
    import torch

    from molmeta.api.auto import HITS, auto
    from molmeta.runtime.outputs import require_apart

    torch.set_num_threads(1)
    require_apart({"--support": support, "--library": library}, {"--output": output / HITS})
    kinds = ("activity", "value")
    if target not in kinds:
        raise ConfigError(f"--target: {unknown_name('target', target, kinds)}")
    kind: Any = target
    with session("auto", output=output, seed=seed) as outcome:
        with bar(None, "compounds") as advance:
            result = auto(
                support, library, output=output, target=kind, quick=quick, seconds=seconds,
                assay=assay, size=size, featurizer=featurizer, seed=seed, cores=cores,
                progress=advance, **table,
            )  # fmt: skip
        outcome.update(chosen=result.choice.title, written=output)
