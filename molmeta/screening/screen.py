"""Ranks a library with an adapted predictor: reads, scores and stores it shard by shard.

Finished shards are kept next to the output until the result is complete, so an interrupted screen
resumes from where it stopped.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from molmeta.libraries.source import LibrarySource
from molmeta.libraries.validity import require_mostly_valid
from molmeta.models.prevalence import Estimate, prior_shift, share_of
from molmeta.runtime.locks import exclusive
from molmeta.runtime.outputs import written
from molmeta.screening.expected_hits import LibraryScores
from molmeta.screening.hitfiles import (
    candidate_tables,
    invalid_file,
    require_other_names,
    write_invalid,
    write_tables,
)
from molmeta.screening.known import KnownCompounds
from molmeta.screening.plan import ScreenPlan
from molmeta.screening.prefilter import prefiltered
from molmeta.screening.prevalence import estimate
from molmeta.screening.scoring import Scorer, shards
from molmeta.screening.shards import Shards, write_scores

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from pathlib import Path

    from molmeta.libraries.lines import Record
    from molmeta.models.model import AssayPredictor
    from molmeta.screening.hits import ScoredCompound, Support


@dataclass(frozen=True)
class Ranking:
    """A scored library.

    Attributes:
        n_read: records read.
        n_invalid: records that could not be scored.
        n_support: compounds of the support found in the library.
        prevalence: given or estimated share of actives, to which probabilities are shifted.
        files: names of the files of the library.
        share: share of actives for which the scores are calibrated.
        library: scores of all compounds that were not measured.
    """

    n_read: int
    n_invalid: int
    n_support: int
    prevalence: float | Estimate | None
    files: tuple[str, ...]
    share: float
    library: LibraryScores
    _shards: Shards = field(repr=False)
    _support: Support = field(repr=False)
    _plan: ScreenPlan = field(repr=False)

    def tables(self) -> Iterator[pd.DataFrame]:
        """Yield the candidates, best first, in tables of bounded size."""
        candidates = self._shifted(self._shards.hits(self._plan.top))
        return candidate_tables(candidates, self._support, annotate=self._plan.annotate)

    def rejected(self) -> Iterator[Record]:
        """Yield the records that could not be scored, with reasons, in the order of the library."""
        return self._shards.rejected()

    def by_line(self) -> Iterator[list[ScoredCompound]]:
        """Yield every scored compound in the order of the library, if all were kept."""
        return (list(self._shifted(part)) for part in self._shards.by_line())

    def _shifted(self, compounds: Iterable[ScoredCompound]) -> Iterator[ScoredCompound]:
        shift = prior_shift(share_of(self.prevalence), self.share)
        return (item._replace(probability=shift(item.probability)) for item in compounds)


@dataclass(frozen=True)
class Screened:
    """Result of a screen whose files were written.

    Attributes:
        n_read: records read.
        n_invalid: records that could not be scored.
        n_support: compounds of the support found in the library.
        n_candidates: candidates written.
        prevalence: given or estimated share of actives, to which probabilities were shifted.
        candidates: as written, best first; empty if every compound was kept, because these may
            not fit into memory.
        library: scores of all compounds; None for the products of a search.
    """

    n_read: int
    n_invalid: int
    n_support: int
    n_candidates: int
    prevalence: float | Estimate | None = None
    candidates: pd.DataFrame = field(default_factory=pd.DataFrame, compare=False, repr=False)
    library: LibraryScores | None = field(default=None, compare=False, repr=False)

    @property
    def counts(self) -> dict[str, int]:
        """The numbers, by name."""
        names = ("n_read", "n_invalid", "n_support", "n_candidates")
        return {name: getattr(self, name) for name in names}


@contextmanager
def ranked(
    predictor: AssayPredictor,
    support: Support,
    library: Path,
    *,
    output: Path,
    plan: ScreenPlan,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Generator[Ranking]:
    """Score a library; its shards are deleted when the block ends without an error.

    If the library breaks off, the block gets the ranking of what was read, and the error is
    raised after it. With `plan.part`, only that part is scored and the shards stay.

    Args:
        predictor: adapted to the support.
        support: the measured compounds.
        library: as `molmeta.libraries.files.library_files` takes it, or a featurized library.
        output: the shards are kept next to it.
        plan: what to keep.
        cores: processes that featurize, or threads that read a featurized library.
        progress: called with the number of records done since the last call.

    Raises:
        ConfigError: the plan does not fit the support.
        TableError: the library cannot be read, is mostly invalid, or breaks off.
        ModelError: a featurized library is damaged.
        MoleculeError: a SMILES of the support does not parse.
        OutputError: another run is writing the output.
        WorkerError: a worker process was killed.
    """
    # Refuses a prevalence that does not fit before hours of scoring.
    share = predictor.share_for_hits
    prior_shift(plan.prevalence, share)
    finder = KnownCompounds(support.smiles, predictor.model.library_featurizers)
    digest = predictor.model.digest
    opened = partial(
        LibrarySource, library, model=digest, force=plan.force, id_column=plan.id_column
    )
    # Parts of one screen may run at the same time, but the same part only once.
    part = "" if plan.part is None else f".{plan.part[0]}-of-{plan.part[1]}"
    with exclusive(output.with_name(output.name + part)):
        names, prefilter = prefiltered(opened, predictor, plan.prefilter, cores=cores)
        source = opened(names, progress)
        top = None if plan.all_scores else plan.top
        scorer = Scorer(predictor, finder, plan.exclude_support, top, prefilter)
        kept = Shards(output, _kind(scorer, support, source.identity, digest))
        for number, shard in shards(source, scorer, _wanted(kept, plan.part), cores=cores):
            kept.add(number, shard)
        if source.error is not None and source.empty:
            kept.clear()
            raise source.error
        ranking = _ranking(kept, support, plan, source.files, share)
        if plan.part is None and not plan.force:
            # The shards stay, so that --force on the same command only has to write the result.
            require_mostly_valid(library, ranking.n_invalid, ranking.n_read)
        yield ranking
        if plan.part is None:
            kept.clear()
    if source.error is not None:
        raise source.error


def screen_to_files(
    predictor: AssayPredictor,
    support: Support,
    library: Path,
    *,
    output: Path,
    plan: ScreenPlan | None = None,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Screened:
    """Rank a library and write its candidates, best first.

    Records that could not be scored go to a second table, with the reason. An interrupted screen
    resumes when it is called again, except from standard input, and gives the same files.

    The arguments are those of `ranked`. `output` has the columns of `hits.COLUMNS`; it is Parquet,
    SDF or XLSX by its suffix, else CSV. The second table is `hitfiles.invalid_file(output)`.

    Raises:
        ConfigError: an output would replace the library, or the plan does not fit the support.
        OutputError: an output cannot be written, or another run is writing it.
        TableError, ModelError, MoleculeError, WorkerError: as `ranked`.
    """
    plan = plan or ScreenPlan()
    side = invalid_file(output)
    require_other_names(library, (output, side, plan.all_scores))
    with ranked(
        predictor, support, library, output=output, plan=plan, cores=cores, progress=progress
    ) as ranking:
        counts = (ranking.n_read, ranking.n_invalid, ranking.n_support)
        if plan.part is not None:
            return Screened(*counts, 0)
        with written(side) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            write_invalid(file, ranking.rejected(), ranking.files)
        if plan.all_scores is not None:
            write_scores(plan.all_scores, ranking.by_line(), ranking.files)
        tables = ranking.tables() if plan.top is None else list(ranking.tables())
        n_candidates = write_tables(output, tables)
    kept = pd.concat(tables, ignore_index=True) if isinstance(tables, list) else pd.DataFrame()
    return Screened(*counts, n_candidates, ranking.prevalence, kept, ranking.library)


def _ranking(
    shards: Shards, support: Support, plan: ScreenPlan, files: tuple[str, ...], share: float
) -> Ranking:
    n_read, n_support, n_skipped = shards.counts()
    scores = shards.scores()
    n_scored, of_actives = int(np.sum(scores)), plan.left_out
    library = LibraryScores(scores, n_scored + n_skipped)
    if plan.part is not None:
        return Ranking(n_read, 0, n_support, None, files, share, library, shards, support, plan)
    prevalence = (
        plan.prevalence if of_actives is None or not n_scored else estimate(scores, of_actives)
    )
    n_invalid = n_read - library.n - n_support
    return Ranking(
        n_read, n_invalid, n_support, prevalence, files, share, library, shards, support, plan
    )


def _wanted(shards: Shards, part: tuple[int, int] | None) -> Callable[[int], bool]:
    k, n = part or (1, 1)
    return lambda number: number % n == k - 1 and number not in shards


def _kind(scorer: Scorer, support: Support, library: object, model: str) -> dict[str, object]:
    """Everything that a shard depends on, so that shards of another screen are not reused."""
    return {
        "model": model,
        "library": library,
        "support": [list(support.smiles), [int(label) for label in support.active]],
        "top": scorer.top,
        "exclude": scorer.exclude,
        "prefilter": None if scorer.prefilter is None else scorer.prefilter.share,
    }
