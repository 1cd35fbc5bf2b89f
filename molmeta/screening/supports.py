"""The measured compounds that a screen starts from. Adapts nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.assays.assay import assays_of, distinct_compounds, read_curated
from molmeta.assays.episodes import Draw, draw_episode
from molmeta.curation.curate import Rules
from molmeta.curation.measurements import measured
from molmeta.curation.reading import curated_rows, is_curated
from molmeta.curation.tables import read_table
from molmeta.errors import TableError
from molmeta.molecules.compounds import Compound, compounds
from molmeta.molecules.similarity import FINGERPRINT
from molmeta.molecules.store import update
from molmeta.runtime.seeds import generator
from molmeta.screening.hits import Support

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from molmeta.assays.assay import Assay

RULES = Rules(min_compounds=2, min_class=1)
"""A support is what was measured; how few compounds a learner can do with, it says itself."""


def support_of(
    table: Path,
    *,
    assay: str = "",
    size: int | None = None,
    seed: int = 0,
    actives_only: bool = False,
) -> Support:
    """Return the compounds of one assay, or `size` of them drawn as for an evaluation.

    Repeats are merged, and a compound that carries both labels is left out; the log says which
    rows are, and why.

    Args:
        table: curated or not.
        assay: its name; may be left out where the table holds one only.
        size: compounds to draw, actives in the share that the assay has; None takes all.
        seed: of the draw.
        actives_only: take a table of actives alone as well.

    Raises:
        TableError: the table cannot be read, holds no such assay, or one class only; actives
            alone are taken where `actives_only` says so.
        EpisodeError: the assay is too small for a draw of that size.
    """
    if is_curated(table):
        frame = read_curated([table])
    else:
        rows = read_table(table)
        only = _actives(rows, assay)
        if only and not actives_only:
            raise _actives_alone(table, len(only))
        if only and size is None:
            return Support(only, [1] * len(only))
        frame = curated_rows(table, rows, rules=RULES)
    return _drawn(_one(table, _assays(frame), assay), size, seed)


def _actives(rows: pd.DataFrame, assay: str) -> list[str]:
    """Return the distinct compounds of a table that labels nothing but actives, else nothing."""
    found = measured(rows)
    found = found[found["reason"].eq("") & found["assay"].eq(assay or found["assay"])]
    if found["assay"].nunique() != 1 or not found["active"].eq(1).all():
        return []
    known = [made for made in compounds(list(found["smiles"])) if isinstance(made, Compound)]
    return list({made.inchikey: made.smiles for made in known}.values())


def _actives_alone(table: Path, n: int) -> TableError:
    return TableError(
        f"{table}: holds actives alone, which this model cannot learn from; got {n} actives, "
        "expected actives and inactives. Add measured inactives, or leave --model out: the model "
        "that ships does without."
    )


def _assays(frame: pd.DataFrame) -> list[Assay]:
    return assays_of(frame, update(None, distinct_compounds(frame), (FINGERPRINT,)))


def _drawn(assay: Assay, size: int | None, seed: int) -> Support:
    places = range(len(assay))
    if size is not None:
        rng = generator(seed, "screen", assay.name)
        places = [int(place) for place in draw_episode(assay, Draw(size), rng).support]
    return Support(
        [assay.smiles[place] for place in places], [int(assay.labels[place]) for place in places]
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
