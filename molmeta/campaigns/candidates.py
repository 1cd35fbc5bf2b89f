"""Reads a library once and keeps the compounds that may be worth a well; chooses none of them.

Everything that suggestions need of the reading of libraries is asked for here.
"""

from __future__ import annotations

import csv
import heapq
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from molmeta.campaigns import acquisition
from molmeta.campaigns.acquisition import View, predicted, prints_of
from molmeta.campaigns.campaign import nearest
from molmeta.errors import MoleculeError, TableError
from molmeta.libraries.source import LibrarySource
from molmeta.molecules.blocks import Bits
from molmeta.molecules.compounds import compound
from molmeta.molecules.similarity import FINGERPRINT
from molmeta.molecules.store import featurize
from molmeta.runtime.spreadsheets import safe_cell
from molmeta.screening.screen import INVALID_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.random import Generator
    from numpy.typing import NDArray

    from molmeta.libraries.lines import Record
    from molmeta.models.model import AssayPredictor
    from molmeta.molecules.blocks import Molecules
    from molmeta.screening.hits import Support


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

    def scores(self, view: View) -> NDArray[np.float64]:
        """Return the acquisition function's scores, shape (G,)."""
        return self._score(view, self._rng)

    def nearest(self, smiles: str) -> tuple[str, float]:
        """Return the known active that a SMILES is nearest to, and its similarity."""
        bits = featurize([compound(smiles).smiles], (FINGERPRINT,)).block(FINGERPRINT, Bits)
        highest, rows = nearest(bits, self._bits)
        return self.actives[int(rows[0])], float(highest[0])


class Known:
    """Compounds that need no well: measured, excluded, or controls.

    Args:
        smiles: texts that do not parse are passed over.
    """

    def __init__(self, smiles: Iterable[str]) -> None:
        self.keys, found = set[str](), list[str]()
        for text in smiles:
            try:
                parsed = compound(text)
            except MoleculeError:
                continue
            self.keys.add(parsed.inchikey)
            found.append(parsed.smiles)
        bits = featurize(found, (FINGERPRINT,)).block(FINGERPRINT, Bits) if found else None
        prints = [] if bits is None else list(prints_of(bits))
        self._prints: set[bytes] = {row.tobytes() for row in prints}

    def holds(self, smiles: str, bits: bytes) -> bool:
        """Tell whether a compound is known; its InChIKey is made only where the bits agree."""
        return bits in self._prints and key_of(smiles) in self.keys


def key_of(smiles: str) -> str:
    """Return the InChIKey of a SMILES, or the text itself where there is none."""
    try:
        return compound(smiles).inchikey
    except MoleculeError:
        return smiles


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

    def __init__(self, library: Path, judge: Judge, known: Known, size: int) -> None:
        self.library, self.judge, self.known, self.size = library, judge, known, size
        self.n_read = self.n_invalid = self.n_known = 0
        self.error: TableError | None = None
        self._hits: list[Candidate] = []
        self._uncertain: list[Candidate] = []

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
        for chunk in source.prepared(cores=cores):
            self.n_read += len(chunk.records) + len(chunk.rejected)
            bad = [*chunk.rejected]
            if chunk.records:
                bad += self._offer(chunk.records, chunk.molecules())
            for record in bad:
                rows.writerow((record.line, safe_cell(record.smiles[:200]), record.reason))
            self.n_invalid += len(bad)
        if source.error is not None and source.empty:
            raise source.error
        self.error = source.error

    @property
    def promising(self) -> list[Candidate]:
        """Candidates of the highest scores, the best first."""
        return sorted(self._hits, reverse=True)

    @property
    def uncertain(self) -> list[Candidate]:
        """Candidates of the highest uncertainty, the most uncertain first."""
        return sorted(self._uncertain, reverse=True)

    def _offer(self, records: Sequence[Record], molecules: Molecules) -> list[Record]:
        """Take in a chunk and return the records whose score is no number."""
        view = self.judge.view(molecules)
        scores = self.judge.scores(view)
        finite = np.isfinite(scores) & np.isfinite(view.probability)
        prints = prints_of(molecules.block(FINGERPRINT, Bits))
        high = scores >= _floor(self._hits, self.size)
        far = view.uncertainty >= _floor(self._uncertain, self.size)
        for place in map(int, np.flatnonzero(finite & (high | far))):
            record, bits = records[place], prints[place].tobytes()
            if self.known.holds(record.smiles, bits):
                self.n_known += 1
                continue
            chance, spread = float(view.probability[place]), float(view.uncertainty[place])
            rest = (chance, -record.line, record.id, record.smiles, spread, bits)
            _push(self._hits, Candidate(float(scores[place]), *rest), self.size)
            _push(self._uncertain, Candidate(spread, *rest), self.size)
        bad = [records[place] for place in map(int, np.flatnonzero(~finite))]
        return [record._replace(reason="the model's score is no number") for record in bad]


def _floor(heap: list[Candidate], size: int) -> float:
    return heap[0].score if len(heap) == size else -np.inf


def _push(heap: list[Candidate], candidate: Candidate, size: int) -> None:
    if len(heap) < size:
        heapq.heappush(heap, candidate)
    elif candidate > heap[0]:
        heapq.heapreplace(heap, candidate)
