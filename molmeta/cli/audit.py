"""Judge what evaluation shares with training: compounds, scaffolds, near neighbours, panels.

The split of a curated table is the name of its folder: train, valid or test.

Example: molmeta audit results/curated/*/*.parquet --output results/audit.csv
"""

from __future__ import annotations

from pathlib import Path

import typer

from molmeta.cli._options import CORES, OUTPUT
from molmeta.errors import TableError
from molmeta.runtime.console import session


def run(
    tables: list[Path] = typer.Argument(..., help="Curated tables of all splits."),
    output: Path = OUTPUT,
    near: float = typer.Option(0.6, min=0, max=1, help="Tanimoto similarity of neighbours."),
    cores: int = CORES,
) -> None:
    from molmeta.assays.assay import read_curated
    from molmeta.curation.audit import audit
    from molmeta.runtime.outputs import written

    with session("audit", tables=len(tables), near=near) as outcome:
        frames = {_place(path): read_curated([path]) for path in tables}
        found = audit(frames, near=near, cores=cores)
        with written(output) as temporary:
            found.to_csv(temporary, index=False, lineterminator="\n")
        judged = found["clean"].notna()
        clean = int(found.loc[judged, "clean"].sum())
        outcome.update(assays=len(found), clean=f"{clean} of {int(judged.sum())}", written=output)


def _place(path: Path) -> tuple[str, str]:
    from molmeta.curation.tables import SPLITS

    split = path.resolve().parent.name
    if split not in SPLITS:
        raise TableError(
            f"{path}: stands in no split; got the folder '{split}', expected one of {SPLITS}. "
            "Name the folder of a curated table after its split."
        )
    return split, path.stem
