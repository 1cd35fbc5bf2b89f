"""From a predictor and a library to a ranked table; reads, scores and forgets shard by shard.

What is done is kept beside the output until the end, so that an interrupted screen goes on where it
was. Neither adapts nor trains anything.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from molmeta.errors import ConfigError
from molmeta.libraries.source import LibrarySource
from molmeta.models.prevalence import Estimate, prior_shift, share_of
from molmeta.runtime.locks import exclusive
from molmeta.runtime.outputs import written
from molmeta.runtime.spreadsheets import safe_cell
from molmeta.screening.hitfiles import write_hits
from molmeta.screening.known import KnownCompounds
from molmeta.screening.prevalence import estimate
from molmeta.screening.scoring import Scorer, shards
from molmeta.screening.shards import Shards, write_scores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from molmeta.libraries.lines import Record
    from molmeta.models.model import AssayPredictor
    from molmeta.screening.hitfiles import Annotate
    from molmeta.screening.hits import Hit, Support

INVALID_COLUMNS = ("line", "text", "reason")


@dataclass(frozen=True)
class ScreenPlan:
    """What a screen keeps and how it is shared out.

    Attributes:
        top: hits to write; None writes every compound.
        prevalence: share of actives in the library, to which probabilities are moved; None leaves
            them at the support's share.
        left_out: of `prevalence.left_out`; the prevalence is then estimated from these.
        exclude_support: leave out the compounds of the support.
        all_scores: Parquet file for the score of every compound, in the order of the library.
        part: (k, n) scores the k-th of n parts of the library alone and writes no result; the same
            screen without a part then puts together what the parts have left beside the output.
        annotate: adds columns to the hits.
    """

    top: int | None = 1000
    prevalence: float | None = None
    left_out: NDArray[np.float64] | None = None
    exclude_support: bool = False
    all_scores: Path | None = None
    part: tuple[int, int] | None = None
    annotate: Annotate | None = None

    def __post_init__(self) -> None:
        if self.top is not None and self.top < 1:
            raise ConfigError(
                f"screen: 'top' leaves no hit; got {self.top}, expected at least 1. Leave it out "
                "for all."
            )
        if self.part is not None and not 1 <= self.part[0] <= self.part[1]:
            raise ConfigError(
                f"screen: 'part' is none; got {self.part[0]}/{self.part[1]}, expected k/n with "
                "1 <= k <= n. Correct it."
            )


class Screened(NamedTuple):
    """What a screen did: records read, records it could not score, hits written.

    `n_known` are the compounds of the support that stand in the library, and `prevalence` is what
    probabilities were moved to, given or estimated.
    """

    n_read: int
    n_invalid: int
    n_hits: int
    n_known: int
    prevalence: float | Estimate | None = None


def screen(
    predictor: AssayPredictor,
    support: Support,
    library: Path,
    *,
    output: Path,
    plan: ScreenPlan | None = None,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Screened:
    """Rank a library and write its best compounds, best first.

    Beside `output` comes a table of all records that could not be scored, with the reason. When
    the library breaks off, what was read is ranked and written, and the error is raised then.
    An interrupted screen goes on where it was when it is called again, and gives the same files;
    from standard input it starts again.

    Args:
        predictor: adapted to the support.
        support: what is known, to say of each hit what it resembles.
        library: as `molmeta.libraries.reading.read_library` takes it, or a file of
            `molmeta featurize LIBRARY`.
        output: table with the columns of COLUMNS; Parquet by its suffix, else CSV. The side table
            is named `.invalid.csv`.
        plan: what to keep; the defaults where not given.
        cores: processes that featurize, or threads that read a featurized library.
        progress: called with the number of records done since the last call.

    Raises:
        ConfigError: an output would replace the library, or the plan does not fit the support.
        TableError: the library cannot be read, or breaks off.
        ModelError: a featurized library is damaged.
        MoleculeError: a SMILES of the support does not parse.
        OutputError: an output cannot be written, or another run is writing it.
        WorkerError: a process was ended from outside.
    """
    plan = plan or ScreenPlan()
    _require_other_names(library, (output, _side(output), plan.all_scores))
    prior_shift(plan.prevalence, float(np.mean(support.active)))  # refuses before it is too late
    names = predictor.model.featurizers
    known = KnownCompounds(support.smiles, names)
    top = None if plan.all_scores else plan.top
    scorer = Scorer(predictor, known, exclude=plan.exclude_support, top=top)
    with exclusive(_locked(output, plan.part)):
        model = predictor.model.digest
        source = LibrarySource(library, names, progress, model=model)
        kept = Shards(output, _kind(scorer, support, source.identity, model))
        for number, shard in shards(source, scorer, _wanted(kept, plan.part), cores=cores):
            kept.add(number, shard)
        if source.error is not None and source.empty:
            kept.clear()
            raise source.error
        done = _done(kept, support, output, plan)
    if source.error is not None:
        raise source.error
    return done


def _wanted(shards: Shards, part: tuple[int, int] | None) -> Callable[[int], bool]:
    k, n = part or (1, 1)
    return lambda number: number % n == k - 1 and number not in shards


def _done(shards: Shards, support: Support, output: Path, plan: ScreenPlan) -> Screened:
    n_read, n_known = shards.counts()
    if plan.part is not None:
        return Screened(n_read, 0, 0, n_known)
    prevalence = _prevalence(shards, plan)
    shift = prior_shift(share_of(prevalence), float(np.mean(support.active)))
    n_invalid = _write_rejected(_side(output), shards.rejected())
    if plan.all_scores is not None:
        write_scores(plan.all_scores, (list(_moved(part, shift)) for part in shards.by_line()))
    hits = _moved(shards.hits(plan.top), shift)
    n_hits = write_hits(output, hits, support, annotate=plan.annotate)
    shards.clear()
    return Screened(n_read, n_invalid, n_hits, n_known, prevalence)


def _prevalence(shards: Shards, plan: ScreenPlan) -> float | Estimate | None:
    if plan.left_out is None or not (counts := shards.scores()).any():
        return plan.prevalence
    return estimate(counts, plan.left_out)


def _moved(hits: Iterable[Hit], shift: Callable[[float], float]) -> Iterator[Hit]:
    return (hit._replace(probability=shift(hit.probability)) for hit in hits)


def _write_rejected(side: Path, records: Iterable[Record]) -> int:
    rows_written = 0
    with written(side) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(INVALID_COLUMNS)
        for record in records:
            rows_written += 1
            rows.writerow((record.line, safe_cell(record.smiles[:200]), record.reason))
    return rows_written


def _kind(scorer: Scorer, support: Support, library: object, model: str) -> dict[str, object]:
    """Return all that a shard depends on, so that no shard of another screen is taken for one."""
    return {
        "model": model,
        "library": library,
        "support": [list(support.smiles), [int(label) for label in support.active]],
        "top": scorer.top,
        "exclude": scorer.exclude,
    }


def _side(output: Path) -> Path:
    return output.with_suffix(".invalid.csv")


def _locked(output: Path, part: tuple[int, int] | None) -> Path:
    """Parts of one screen run at the same time, but none of them twice."""
    return output if part is None else output.with_name(f"{output.name}.{part[0]}-of-{part[1]}")


def _require_other_names(library: Path, outputs: Iterable[Path | None]) -> None:
    if library.resolve() in [path.resolve() for path in outputs if path is not None]:
        raise ConfigError(
            f"{library}: would be replaced by the result; got it as the library and as an output, "
            "expected another name. Choose another --output."
        )
