"""Write example files: measured compounds, a table of six assays, a library and a synthon space.

The examples of all commands use these files.

Example: molmeta demo
"""

from __future__ import annotations

from pathlib import Path

import typer

NEXT = """Wrote {files}. Next:

cd {folder}
molmeta screen --support measured.csv --library library.smi --output ranked.csv --report hits.html
"""


def run(
    folder: Path = typer.Argument(Path("molmeta-demo"), help="Folder for the files."),
) -> None:
    from molmeta.api.demo import demo

    files = ", ".join(path.name for path in demo(folder))
    typer.echo(NEXT.format(files=files, folder=folder), nl=False)
