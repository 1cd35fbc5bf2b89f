"""The next plate: from a predictor and a library to the compounds to measure, well by well.

The library is read once; of all its compounds only a pool of the best is kept, from which a
diverse batch is chosen. Adapts nothing.
"""

from __future__ import annotations

import csv
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from molmeta.campaigns import acquisition
from molmeta.campaigns.acquisition import diverse
from molmeta.campaigns.candidates import Judge, Pool
from molmeta.campaigns.plates import placed, wells
from molmeta.errors import ConfigError
from molmeta.molecules.compounds import Compound, compound, compounds
from molmeta.molecules.similarity import FINGERPRINT
from molmeta.molecules.store import featurize
from molmeta.runtime.outputs import written
from molmeta.runtime.seeds import generator
from molmeta.runtime.spreadsheets import safe_cell
from molmeta.screening.known import KnownCompounds, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from molmeta.campaigns.candidates import Candidate
    from molmeta.campaigns.plates import Control
    from molmeta.models.model import AssayPredictor
    from molmeta.screening.hits import Support

_log = logging.getLogger(__name__)

COLUMNS = (
    "well", "role", "compound", "smiles", "probability", "uncertainty",
    "nearest_active", "nearest_active_similarity",
)  # fmt: skip
HIT, EXPLORE, CONTROL = "hit", "explore", "control"


@dataclass(frozen=True)
class PlatePlan:
    """How a plate is filled.

    Attributes:
        plate: wells, a key of `molmeta.campaigns.plates.SIZES`.
        acquisition: name of the function that ranks candidates.
        explore: share of the wells without a control that go to the most uncertain candidates.
        max_similarity: highest Tanimoto similarity of two compounds of the plate; 1 allows all.
        pool: candidates that are kept while the library is read, and as many for exploration.
        controls: compounds whose wells are fixed.
        excluded: SMILES that were measured elsewhere.
        seed: of functions that draw.

    Raises:
        ConfigError: a number is out of its range, a name unknown, or the controls do not fit.
    """

    plate: int = 96
    acquisition: str = "ucb"
    explore: float = 0.2
    max_similarity: float = 0.7
    pool: int = 5000
    controls: tuple[Control, ...] = ()
    excluded: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        acquisition.get(self.acquisition)
        placed(self.controls, self.plate)
        if not 0 <= self.explore <= 1:
            raise _out_of_range("explore", self.explore, "0 to 1")
        if not 0 < self.max_similarity <= 1:
            raise _out_of_range("max-similarity", self.max_similarity, "above 0, up to 1")
        if self.pool < self.plate:
            raise _out_of_range("pool", self.pool, f"at least the {self.plate} wells")

    @property
    def quota(self) -> tuple[int, int]:
        """Wells for hits and for exploration."""
        free = self.plate - len(self.controls)
        explore = round(free * self.explore)
        return free - explore, explore


class Suggested(NamedTuple):
    """What was done: records read, invalid ones, known ones passed over, and wells by role."""

    n_read: int
    n_invalid: int
    n_known: int
    n_hits: int
    n_explore: int
    n_controls: int
    n_empty: int


class Well(NamedTuple):
    """A row of the plate; see COLUMNS."""

    role: str
    compound: str
    smiles: str
    probability: float
    uncertainty: float


def suggest(
    predictor: AssayPredictor,
    support: Support,
    library: Path,
    *,
    output: Path,
    plan: PlatePlan,
    cores: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> Suggested:
    """Choose what to measure next and write it as a plate.

    Compounds of the support, controls and excluded ones are never suggested, however they are
    drawn. Where too few candidates of the pool are dissimilar enough, wells stay empty. Beside
    `output` comes a table of the records that could not be scored. When the library breaks off,
    the plate is filled from what was read, and the error is raised then.

    Args:
        predictor: adapted to the support.
        support: what is known.
        library: as `molmeta.libraries.reading.read_library` takes it, or a file of
            `molmeta featurize LIBRARY`.
        output: CSV with the columns of COLUMNS; the side table is named `.invalid.csv`.
        plan: how to fill the plate.
        cores: processes that featurize.
        progress: called with the number of records done since the last call.

    Raises:
        ConfigError: an output would replace the library, or a featurized library lacks features.
        TableError: the library cannot be read, or breaks off.
        ModelError: a featurized library is damaged.
        MoleculeError: a SMILES of the support or of a control does not parse.
        OutputError: an output cannot be written.
    """
    side = output.with_suffix(".invalid.csv")
    _require_apart(library, (output, side))
    rng = generator(plan.seed, "suggest")
    judge = Judge(predictor, support, plan.acquisition, rng)
    fixed = {well: _control(control, judge) for well, control in _placed(plan).items()}
    texts = [*support.smiles, *(well.smiles for well in fixed.values()), *plan.excluded]
    known = KnownCompounds(
        [item.smiles for item in compounds(texts) if isinstance(item, Compound)], (FINGERPRINT,)
    )
    pool = Pool(library, judge, known, plan.pool)
    with written(side) as temporary, temporary.open("w", encoding="utf-8", newline="") as rejects:
        pool.fill(rejects, cores=cores, progress=progress)
    chosen = choose(pool.promising, pool.uncertain, plan, known.inchikeys)
    _write(output, _laid_out(fixed, chosen, plan), judge)
    if pool.error is not None:
        raise pool.error
    return _summed(pool, chosen, plan)


def choose(
    promising: Sequence[Candidate],
    uncertain: Sequence[Candidate],
    plan: PlatePlan,
    known: Iterable[str] = (),
) -> list[Well]:
    """Return the wells of a plate without its controls: hits first, then exploration.

    Args:
        promising: candidates for hits, the best first.
        uncertain: candidates for exploration, the best first.
        plan: how many, and how similar.
        known: InChIKeys that are not chosen; nor is one compound twice.
    """
    everyone = {one.minus_line: one for one in (*uncertain, *promising)}
    if not everyone:
        return []
    place = {line: number for number, line in enumerate(everyone)}
    candidates = list(everyone.values())
    prints = np.stack([np.frombuffer(one.bits, np.uint8) for one in candidates])
    seen = set(known)

    def new(number: int) -> bool:
        key, before = key_of(candidates[number].smiles), len(seen)
        seen.add(key)
        return len(seen) > before

    taken: list[int] = []
    found: list[Well] = []
    for role, pool, n in zip((HIT, EXPLORE), (promising, uncertain), plan.quota, strict=True):
        order = [place[one.minus_line] for one in pool]
        picked = diverse(
            order, prints, n, max_similarity=plan.max_similarity, taken=taken, allowed=new
        )
        taken += picked
        found += [_well(role, candidates[number]) for number in picked]
    return found


def _placed(plan: PlatePlan) -> dict[str, Control]:
    return placed(plan.controls, plan.plate)


def _control(control: Control, judge: Judge) -> Well:
    smiles = compound(control.smiles).smiles
    view = judge.view(featurize([smiles], judge.featurizers))
    chance, spread = float(view.probability[0]), float(view.uncertainty[0])
    return Well(CONTROL, control.compound, smiles, chance, spread)


def _well(role: str, one: Candidate) -> Well:
    return Well(role, one.id, one.smiles, one.chance, one.spread)


def _laid_out(
    fixed: Mapping[str, Well], chosen: Sequence[Well], plan: PlatePlan
) -> list[tuple[str, Well]]:
    names = wells(plan.plate)
    free = [name for name in names if name not in fixed]
    filled = {**fixed, **dict(zip(free, chosen, strict=False))}
    return [(name, filled[name]) for name in names if name in filled]


def _write(output: Path, layout: Sequence[tuple[str, Well]], judge: Judge) -> None:
    with written(output) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for name, well in layout:
            active, similarity = judge.nearest(well.smiles)
            cells = (name, well.role, safe_cell(well.compound), safe_cell(well.smiles))
            numbers = (f"{well.probability:.6g}", f"{well.uncertainty:.6g}")
            rows.writerow((*cells, *numbers, safe_cell(active), f"{similarity:.4f}"))


def _summed(pool: Pool, chosen: Sequence[Well], plan: PlatePlan) -> Suggested:
    n_hits = sum(well.role == HIT for well in chosen)
    n_empty = plan.plate - len(plan.controls) - len(chosen)
    if n_empty:
        _log.warning(
            "%d wells stay empty: of %d candidates in the pool no others are new and dissimilar "
            "enough; allow a higher --max-similarity or a larger --pool",
            n_empty,
            len(pool.promising),
        )
    counts = (pool.n_read, pool.n_invalid, pool.n_known, n_hits, len(chosen) - n_hits)
    return Suggested(*counts, len(plan.controls), n_empty)


def _require_apart(library: Path, outputs: Sequence[Path]) -> None:
    if library.resolve() in [path.resolve() for path in outputs]:
        raise ConfigError(
            f"{library}: would be replaced by the result; got it as the library and as an output, "
            "expected another name. Choose another --output."
        )


def _out_of_range(name: str, value: object, rule: str) -> ConfigError:
    return ConfigError(
        f"plate: '{name}' is out of range; got {value}, expected {rule}. Correct --{name}."
    )
