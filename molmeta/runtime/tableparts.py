"""The finished parts of a table, kept beside it until it is whole, so that a killed run goes on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pandas as pd

from molmeta.runtime.locks import exclusive
from molmeta.runtime.outputs import written
from molmeta.runtime.partials import claim, clear, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    Make = Callable[[], pd.DataFrame]
    Keep = Callable[[int, Make], pd.DataFrame]


def made(number: int, make: Make) -> pd.DataFrame:
    """Make a part and keep nothing."""
    del number
    return make()


@contextmanager
def kept(
    output: Path, kind: object, progress: Callable[[int], None] | None = None
) -> Generator[Keep]:
    """Keep the parts of a table in a folder beside it while it is made.

    What is given takes the number of a part and a function: the part is read where a run of the
    same kind has left it, and else made and kept. The folder goes when the table has been written.

    Args:
        output: the table.
        kind: all that the parts depend on, as JSON can write it.
        progress: called with 1 after each part.

    Raises:
        OutputError: another run is writing the table, or a part cannot be written.
    """
    folder = parts_of(output)

    def keep(number: int, make: Make) -> pd.DataFrame:
        path = folder / f"{number:06}.parquet"
        part = pd.read_parquet(path) if path.exists() else _written(make(), path)
        if progress is not None:
            progress(1)
        return part

    with exclusive(output):
        claim(folder, kind)
        yield keep
        clear(folder)


def _written(part: pd.DataFrame, path: Path) -> pd.DataFrame:
    with written(path) as temporary:
        part.to_parquet(temporary, index=False)
    return part
