"""Reads a library once and keeps the compounds that may be worth a well; chooses none of them.

Everything that suggestions need of the reading of libraries is asked for here.
"""

from __future__ import annotations

import csv
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from molmeta.campaigns import acquisition
from molmeta.campaigns.acquisition import View, predicted, prints_of
from molmeta.campaigns.campaign import nearest
from molmeta.libraries.source import LibrarySource
from molmeta.molecules.blocks import Bits
from molmeta.molecules.compounds import compound
from molmeta.molecules.similarity import FINGERPRINT
from molmeta.molecules.store import featurize
from molmeta.runtime.spreadsheets import safe_cell
from molmeta.screening.scoring import Best, scored
from molmeta.screening.screen import INVALID_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.random import Generator
    from numpy.typing import NDArray

    from molmeta.errors import TableError
    from molmeta.models.model import AssayPredictor
    from molmeta.molecules.blocks import Molecules
    from molmeta.screening.hits import Support
    from molmeta.screening.known import KnownCompounds
    from molmeta.screening.scoring import ScoredChunk


class Candidate(NamedTuple):
    """A compound of the pool; of two the greater is the better, at equal scores the earlier.

    Attributes:
        score: by which it stands in its pool.
        chance: probability of activity.
        minus_line: where it stands in the library.
        id: its name there.
        smiles: as it stands there.
        spread: uncertainty of the probability.
        bits: packed fingerprint.
    """

    score: float
    chance: float
    minus_line: int
    id: str
    smiles: str
    spread: float
    bits: bytes


class Judge:
    """What a predictor and its support say of molecules.

    Args:
        predictor: adapted to the support.
        support: at least one active.
        name: acquisition function.
        rng: for functions that draw.
    """

    def __init__(
        self, predictor: AssayPredictor, support: Support, name: str, rng: Generator
    ) -> None:
        self._predictor, self._rng = predictor.predictor, rng
        self._score = acquisition.get(name).score
        self.featurizers = tuple(dict.fromkeys((*predictor.model.featurizers, FINGERPRINT)))
        pairs = zip(support.smiles, support.active, strict=True)
        self.actives = [compound(smiles).smiles for smiles, active in pairs if active]
        known = featurize(self.actives, self.featurizers)
        self._bits = known.block(FINGERPRINT, Bits)
        self._incumbent = float(predicted(self._predictor, known)[0].mean())

    def view(self, molecules: Molecules) -> View:
        """Return what is known of G molecules."""
        near, _ = nearest(molecules.block(FINGERPRINT, Bits), self._bits)
        return View(*predicted(self._predictor, molecules), near, self._incumbent)

    def numbers(self, molecules: Molecules) -> NDArray[np.float64]:
        """Return score, probability and uncertainty of G molecules, float64, shape (3, G)."""
        view = self.view(molecules)
        scores = self._score(view, self._rng)
        return np.stack([scores, view.probability, view.uncertainty])

    def nearest(self, smiles: str) -> tuple[str, float]:
        """Return the known active that a SMILES is nearest to, and its similarity."""
        bits = featurize([compound(smiles).smiles], (FINGERPRINT,)).block(FINGERPRINT, Bits)
        highest, rows = nearest(bits, self._bits)
        return self.actives[int(rows[0])], float(highest[0])


class Pool:
    """The best candidates so far, bounded: promising ones, and as many uncertain ones.

    Args:
        library: as `molmeta.libraries.reading.read_library` takes it, or a file of
            `molmeta featurize LIBRARY`.
        judge: scores the candidates.
        known: passed over.
        size: candidates of each kind.

    Attributes:
        n_read: records.
        n_invalid: records that could not be scored.
        n_known: compounds that were passed over.
        error: why the library broke off, if it did.
    """

    def __init__(self, library: Path, judge: Judge, known: KnownCompounds, size: int) -> None:
        self.library, self.judge, self.known = library, judge, known
        self.n_read = self.n_invalid = self.n_known = 0
        self.error: TableError | None = None
        self._hits = Best[Candidate](size)
        self._uncertain = Best[Candidate](size)

    def fill(self, rejects: IO[str], *, cores: int, progress: Callable[[int], None]) -> None:
        """Read the library; a break in it ends the reading and is kept as `error`.

        Args:
            rejects: gets the records that could not be scored, as CSV.
            cores: processes that featurize.
            progress: called with the number of records done since the last call.

        Raises:
            TableError: nothing at all can be read.
            ModelError: a featurized library is damaged.
            ConfigError: it lacks features that the model or the plate reads.
        """
        source = LibrarySource(self.library, self.judge.featurizers, progress)
        rows = csv.writer(rejects, lineterminator="\n")
        rows.writerow(INVALID_COLUMNS)
        for chunk in scored(source.prepared(cores=cores), self.judge.numbers):
            self.n_read += chunk.n_read
            self.n_invalid += len(chunk.rejected)
            for record in chunk.rejected:
                rows.writerow((record.line, safe_cell(record.smiles[:200]), record.reason))
            if chunk.records:
                self._offer(chunk)
        if source.error is not None and source.empty:
            raise source.error
        self.error = source.error

    @property
    def promising(self) -> list[Candidate]:
        """Candidates of the highest scores, the best first."""
        return self._hits.descending()

    @property
    def uncertain(self) -> list[Candidate]:
        """Candidates of the highest uncertainty, the most uncertain first."""
        return self._uncertain.descending()

    def _offer(self, chunk: ScoredChunk) -> None:
        scores, chances, spreads = chunk.scores
        prints = prints_of(chunk.molecules.block(FINGERPRINT, Bits))
        among = (scores >= _floor(self._hits)) | (spreads >= _floor(self._uncertain))
        among &= chunk.finite
        known = set(self.known.rows(chunk.records, chunk.molecules, among))
        self.n_known += len(known)
        for row in np.flatnonzero(among).tolist():
            if row in known:
                continue
            record, bits = chunk.records[row], prints[row].tobytes()
            spread = float(spreads[row])
            rest = (float(chances[row]), -record.line, record.id, record.smiles, spread, bits)
            self._hits.offer(Candidate(float(scores[row]), *rest))
            self._uncertain.offer(Candidate(spread, *rest))


def _floor(best: Best[Candidate]) -> float:
    return -np.inf if best.least is None else best.least.score
