"""Fills the next plate from a library with a predictor and an acquisition function.

The library is read once; only a pool of its best compounds is kept, from which a diverse batch is
chosen.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Annotated, ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from molmeta.campaigns.acquisition import ACQUISITIONS, diverse
from molmeta.campaigns.candidates import Assessor, Candidate, Pool
from molmeta.campaigns.plates import SIZES, Control, placed, wells
from molmeta.molecules.compounds import Compound, compound, compounds
from molmeta.molecules.similarity import FINGERPRINT
from molmeta.molecules.store import featurize
from molmeta.runtime.options import Options, mistake, one_of
from molmeta.runtime.seeds import generator
from molmeta.screening.known import KnownCompounds, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from molmeta.errors import TableError
    from molmeta.models.model import AssayPredictor
    from molmeta.screening.hits import Support

_log = logging.getLogger(__name__)

COLUMNS = (
    "well", "role", "compound", "smiles", "probability", "uncertainty",
    "nearest_active", "nearest_active_similarity",
)  # fmt: skip
HIT, EXPLORE, CONTROL = "hit", "explore", "control"
"""Roles of wells: a promising candidate, an uncertain one, and a fixed compound."""


class PlateOptions(Options):
    """How to choose the compounds of a plate: `plate` of a screen in the config.

    Raises:
        ConfigError: an unknown option, or one out of range.
    """

    section = "plate"
    renamed: ClassVar = {"plate": "wells", "excluded": "exclude"}

    wells: Annotated[int, *one_of(SIZES)] = 96
    """Wells of the plate: 24, 48, 96, 384 or 1536."""
    acquisition: Annotated[str, *one_of(ACQUISITIONS)] = "ucb"
    """Function that ranks the candidates."""
    explore: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Share of the wells without a control that go to the most uncertain candidates."""
    max_similarity: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Highest Tanimoto similarity of two compounds on the plate; 1 allows all."""


class PlatePlan(PlateOptions):
    """A plate to fill.

    Raises:
        ConfigError: as `PlateOptions`, or the controls do not fit on the plate.
    """

    pool: int = 5000
    """Candidates to keep while reading the library, and as many again for exploration."""
    controls: tuple[Control, ...] = ()
    """Compounds with fixed wells."""
    exclude: tuple[str, ...] = ()
    """SMILES of compounds that have been measured elsewhere."""
    force: bool = False
    """Accept a library of which more than half is invalid."""
    seed: int = 0
    """Seed of acquisition functions that draw at random."""

    @model_validator(mode="after")
    def _require_room(self) -> Self:
        placed(self.controls, self.wells)
        if self.pool < self.wells:
            raise mistake(f"'pool' must be at least the number of wells; got {self.pool}.")
        return self

    @property
    def quota(self) -> tuple[int, int]:
        """Number of wells for promising candidates and for exploration."""
        free = self.wells - len(self.controls)
        explore = round(free * self.explore)
        return free - explore, explore


class PlateCounts(NamedTuple):
    """Records read, invalid and skipped as measured, and wells by role."""

    n_read: int
    n_invalid: int
    n_known: int
    n_hits: int
    n_explore: int
    n_controls: int
    n_empty: int


class Well(NamedTuple):
    """A row of the plate without its name; see `COLUMNS`."""

    role: str
    compound: str
    smiles: str
    probability: float
    uncertainty: float


@dataclass(frozen=True)
class Plate:
    """A filled plate.

    Attributes:
        table: a row for each well, columns `COLUMNS`.
        counts: what was read and chosen.
        error: why the library broke off, None if it did not.
    """

    table: pd.DataFrame
    counts: PlateCounts
    error: TableError | None


def fill_plate(
    predictor: AssayPredictor,
    support: Support,
    library: Path,
    *,
    plan: PlatePlan,
    rejects: IO[str],
    cores: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> Plate:
    """Choose what to measure next.

    Compounds of the support, controls and excluded ones are never suggested, however they are
    drawn. Wells stay empty if too few candidates of the pool are dissimilar enough. If the
    library breaks off, the plate is filled from what was read.

    Args:
        predictor: adapted to the support.
        support: the measured compounds.
        library: as `molmeta.libraries.files.library_files` takes it, or a featurized library.
        plan: how to fill the plate.
        rejects: receives the records that could not be scored, as CSV.
        cores: processes that featurize.
        progress: called with the number of records done since the last call.

    Raises:
        ConfigError: a featurized library lacks features.
        TableError: the library cannot be read, or is mostly invalid.
        ModelError: a featurized library is damaged.
        MoleculeError: a SMILES of the support or of a control does not parse.
    """
    assessor = Assessor(predictor, support, plan.acquisition, generator(plan.seed, "suggest"))
    controls = {
        well: _control(control, assessor)
        for well, control in placed(plan.controls, plan.wells).items()
    }
    texts = [*support.smiles, *(well.smiles for well in controls.values()), *plan.exclude]
    parsed = [item.smiles for item in compounds(texts) if isinstance(item, Compound)]
    measured = KnownCompounds(parsed, (FINGERPRINT,))
    pool = Pool(library, assessor, measured, plan.pool, force=plan.force)
    pool.fill(rejects, cores=cores, progress=progress)
    chosen = choose(pool.promising, pool.uncertain, plan, measured.inchikeys)
    layout = _laid_out(controls, chosen, plan)
    rows = [(name, *well, *assessor.nearest(well.smiles)) for name, well in layout]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return Plate(table, _counts(pool, chosen, plan), pool.error)


def choose(
    promising: Sequence[Candidate],
    uncertain: Sequence[Candidate],
    plan: PlatePlan,
    measured: Iterable[str] = (),
) -> list[Well]:
    """The wells of a plate without its controls: promising candidates, then exploration.

    Args:
        promising: candidates with the highest scores, best first.
        uncertain: candidates for exploration, most uncertain first.
        plan: numbers of wells, and the highest similarity.
        measured: InChIKeys that are not chosen; no compound is chosen twice either.
    """
    # A compound of both pools gets one row, so that `taken` blocks it in the second.
    by_line = {item.minus_line: item for item in (*uncertain, *promising)}
    if not by_line:
        return []
    row_of_line = {line: row for row, line in enumerate(by_line)}
    candidates = list(by_line.values())
    prints = np.stack([np.frombuffer(item.bits, np.uint8) for item in candidates])
    seen = set(measured)

    def is_new(row: int) -> bool:
        # InChIKeys are slow, so `diverse` asks only for a candidate that it would otherwise choose.
        key = key_of(candidates[row].smiles)
        if key in seen:
            return False
        seen.add(key)
        return True

    taken: list[int] = []
    chosen: list[Well] = []
    for role, pool, n in zip((HIT, EXPLORE), (promising, uncertain), plan.quota, strict=True):
        order = [row_of_line[item.minus_line] for item in pool]
        picked = diverse(
            order, prints, n, max_similarity=plan.max_similarity, taken=taken, allowed=is_new
        )
        taken += picked
        items = (candidates[row] for row in picked)
        chosen += [Well(role, c.id, c.smiles, c.probability, c.uncertainty) for c in items]
    return chosen


def _control(control: Control, assessor: Assessor) -> Well:
    smiles = compound(control.smiles).smiles
    assessed = assessor.assess(featurize([smiles], assessor.featurizers))
    p, deviation = float(assessed.probability[0]), float(assessed.uncertainty[0])
    return Well(CONTROL, control.compound, smiles, p, deviation)


def _laid_out(
    controls: Mapping[str, Well], chosen: Sequence[Well], plan: PlatePlan
) -> list[tuple[str, Well]]:
    names = wells(plan.wells)
    free = [name for name in names if name not in controls]
    filled = {**controls, **dict(zip(free, chosen, strict=False))}
    return [(name, filled[name]) for name in names if name in filled]


def _counts(pool: Pool, chosen: Sequence[Well], plan: PlatePlan) -> PlateCounts:
    n_hits = sum(well.role == HIT for well in chosen)
    n_empty = plan.wells - len(plan.controls) - len(chosen)
    if n_empty:
        _log.warning(
            "%d wells stay empty, because none of the %d candidates left in the pool is new and "
            "dissimilar enough; allow a higher --max-similarity or a larger --pool",
            n_empty,
            len(pool.promising),
        )
    counts = (pool.n_read, pool.n_invalid, pool.n_known, n_hits, len(chosen) - n_hits)
    return PlateCounts(*counts, len(plan.controls), n_empty)
