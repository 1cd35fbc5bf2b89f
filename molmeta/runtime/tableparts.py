"""The finished parts of a table, kept until it is complete, so that a killed run can resume."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from molmeta.runtime.locks import exclusive
from molmeta.runtime.partials import Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    import pandas as pd

    Make = Callable[[], pd.DataFrame]
    Keep = Callable[[int, Make], pd.DataFrame]


def computed(number: int, make: Make) -> pd.DataFrame:
    """Make a part and keep nothing."""
    del number
    return make()


@contextmanager
def kept(
    output: Path | None, run: object, progress: Callable[[int], None] | None = None
) -> Generator[Keep]:
    """Keep the parts of a table next to it until the table is complete.

    The yielded function takes the number of a part and a function that makes it. It reads the part
    if an earlier run of the same kind has kept it; otherwise it makes and keeps the part. The parts
    are removed at the end of the block; write the table before that.

    Args:
        output: the table; None keeps nothing.
        run: everything that the parts depend on, as JSON can write it.
        progress: called with 1 after each part.

    Raises:
        OutputError: another run is writing the table, or a part cannot be written.
    """
    if output is None:
        yield partial(_counted, computed, progress)
        return
    with exclusive(output):
        parts = Parts(output, run)
        yield partial(_counted, partial(_kept, parts), progress)
        parts.clear()


def _kept(parts: Parts, number: int, make: Make) -> pd.DataFrame:
    if number in parts:
        return pa.Table.from_batches(parts.batches(number), parts.schema(number)).to_pandas()
    table = make()
    parts.add(number, pa.Table.from_pandas(table, preserve_index=False))
    return table


def _counted(
    keep: Keep, progress: Callable[[int], None] | None, number: int, make: Make
) -> pd.DataFrame:
    table = keep(number, make)
    if progress is not None:
        progress(1)
    return table
