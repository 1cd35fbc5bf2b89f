"""The measured compounds that a screen starts from. Adapts nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.episodes import Draw, draw_episode
from molmeta.errors import TableError
from molmeta.reading import assays_and_molecules
from molmeta.screening import FINGERPRINT, Support
from molmeta.seeds import generator

if TYPE_CHECKING:
    from pathlib import Path

    from molmeta.assays import Assay


def support_of(table: Path, *, assay: str = "", size: int | None = None, seed: int = 0) -> Support:
    """Return the compounds of one assay, or `size` of them drawn as for an evaluation.

    Args:
        table: curated or not.
        assay: its name; may be left out where the table holds one only.
        size: compounds to draw, actives in the share that the assay has; None takes all.
        seed: of the draw.

    Raises:
        TableError: the table cannot be read, or does not hold that assay.
        EpisodeError: the assay is too small for a draw of that size.
    """
    assays, _ = assays_and_molecules([table], None, (FINGERPRINT,))
    if not assays:
        raise TableError(
            f"{table}: holds no assay that can be used; got no row, expected actives and "
            "inactives. See the '.assays.csv' beside it."
        )
    chosen = _one(table, assays, assay)
    places = range(len(chosen))
    if size is not None:
        rng = generator(seed, "screen", chosen.name)
        places = [int(place) for place in draw_episode(chosen, Draw(size), rng).support]
    return Support(
        [chosen.smiles[place] for place in places], [int(chosen.labels[place]) for place in places]
    )


def _one(table: Path, assays: list[Assay], name: str) -> Assay:
    found = [assay for assay in assays if name in ("", assay.name)]
    if len(found) != 1:
        names = [assay.name for assay in assays]
        raise TableError(
            f"{table}: which assay is meant is open; got '{name}', expected one of {names[:12]}. "
            "Name it with --assay."
        )
    return found[0]
