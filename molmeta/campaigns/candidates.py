"""Reads a library once and keeps a bounded pool of candidates for the next plate."""

from __future__ import annotations

import csv
import heapq
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from molmeta.campaigns import acquisition
from molmeta.campaigns.acquisition import Assessment, predicted, prints_of
from molmeta.campaigns.campaign import nearest
from molmeta.errors import MoleculeError, TableError
from molmeta.libraries.source import LibrarySource
from molmeta.libraries.validity import require_mostly_valid
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
    """A compound of the pool; the greater of two is better, at equal scores the earlier one.

    Attributes:
        score: score in its pool.
        probability: probability of activity.
        minus_line: minus the line of the library.
        id: name in the library.
        smiles: SMILES as in the library.
        uncertainty: standard deviation of the probability.
        bits: packed fingerprint.
    """

    score: float
    probability: float
    minus_line: int
    id: str
    smiles: str
    uncertainty: float
    bits: bytes


class Assessor:
    """Predicts and scores candidates with one predictor and acquisition function.

    Args:
        predictor: adapted to the support.
        support: at least one active.
        name: acquisition function.
        rng: for acquisition functions that draw.
    """

    def __init__(
        self, predictor: AssayPredictor, support: Support, name: str, rng: Generator
    ) -> None:
        self._predictor, self._rng = predictor.predictor, rng
        self._score = acquisition.get(name).score
        self.featurizers = tuple(dict.fromkeys((*predictor.model.featurizers, FINGERPRINT)))
        pairs = zip(support.smiles, support.active, strict=True)
        self.actives = [compound(smiles).smiles for smiles, active in pairs if active]
        molecules = featurize(self.actives, self.featurizers)
        self._bits = molecules.block(FINGERPRINT, Bits)
        self._incumbent = float(predicted(self._predictor, molecules)[0].mean())

    def assess(self, molecules: Molecules) -> Assessment:
        """Predictions for G molecules."""
        similarity, _ = nearest(molecules.block(FINGERPRINT, Bits), self._bits)
        return Assessment(*predicted(self._predictor, molecules), similarity, self._incumbent)

    def scores(self, candidates: Assessment) -> NDArray[np.float64]:
        """Scores of the acquisition function, shape (G,)."""
        return self._score(candidates, self._rng)

    def nearest(self, smiles: str) -> tuple[str, float]:
        """The measured active nearest to a SMILES, and its similarity."""
        bits = featurize([compound(smiles).smiles], (FINGERPRINT,)).block(FINGERPRINT, Bits)
        highest, rows = nearest(bits, self._bits)
        return self.actives[int(rows[0])], float(highest[0])


class MeasuredCompounds:
    """Compounds that need no well: support, controls, and those measured elsewhere.

    Args:
        smiles: texts that do not parse are skipped.
    """

    def __init__(self, smiles: Iterable[str]) -> None:
        self.keys: set[str] = set()
        parsed: list[str] = []
        for text in smiles:
            try:
                standardised = compound(text)
            except MoleculeError:
                continue
            self.keys.add(standardised.inchikey)
            parsed.append(standardised.smiles)
        bits = featurize(parsed, (FINGERPRINT,)).block(FINGERPRINT, Bits) if parsed else None
        rows = [] if bits is None else list(prints_of(bits))
        self._prints = {row.tobytes() for row in rows}

    def holds(self, smiles: str, bits: bytes) -> bool:
        """Whether a compound is among them."""
        # InChIKeys are slow, so they are computed only where the fingerprints agree.
        return bits in self._prints and key_of(smiles) in self.keys


def key_of(smiles: str) -> str:
    """InChIKey of a SMILES, or the text itself if it has none."""
    try:
        return compound(smiles).inchikey
    except MoleculeError:
        return smiles


class Pool:
    """The most promising and the most uncertain candidates of a library.

    Args:
        library: as `molmeta.libraries.reading.read_library` takes it, or a featurized library.
        assessor: scores the candidates.
        measured: compounds to skip.
        size: number of candidates of each kind.
        force: take a library of which more than half is invalid.

    Attributes:
        n_read: records read.
        n_invalid: records that could not be scored.
        n_known: compounds skipped because they are measured.
        error: why the library broke off, if it did.
    """

    def __init__(
        self,
        library: Path,
        assessor: Assessor,
        measured: MeasuredCompounds,
        size: int,
        *,
        force: bool = False,
    ) -> None:
        self.library, self.assessor, self.measured = library, assessor, measured
        self.size, self.force = size, force
        self.n_read = self.n_invalid = self.n_known = 0
        self.error: TableError | None = None
        self._promising: list[Candidate] = []
        self._uncertain: list[Candidate] = []

    def fill(self, rejects: IO[str], *, cores: int, progress: Callable[[int], None]) -> None:
        """Read the library; if it breaks off, reading ends and the reason is kept as `error`.

        Args:
            rejects: receives the records that could not be scored, as CSV.
            cores: processes that featurize.
            progress: called with the number of records done since the last call.

        Raises:
            TableError: nothing can be read, or more than half is invalid.
            ModelError: a featurized library is damaged.
            ConfigError: it lacks features of the model or of the plate.
        """
        source = LibrarySource(self.library, self.assessor.featurizers, progress, force=self.force)
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
        if not self.force:
            require_mostly_valid(self.library, self.n_invalid, self.n_read)
        self.error = source.error

    @property
    def promising(self) -> list[Candidate]:
        """Candidates with the highest scores, best first."""
        return sorted(self._promising, reverse=True)

    @property
    def uncertain(self) -> list[Candidate]:
        """Candidates with the highest uncertainty, most uncertain first."""
        return sorted(self._uncertain, reverse=True)

    def _offer(self, records: Sequence[Record], molecules: Molecules) -> list[Record]:
        """Add the best of a chunk to both pools; return the records without a finite score."""
        assessed = self.assessor.assess(molecules)
        scores = self.assessor.scores(assessed)
        finite = np.isfinite(scores) & np.isfinite(assessed.probability)
        prints = prints_of(molecules.block(FINGERPRINT, Bits))
        # Only candidates that enter a pool are worth the slow comparison with measured ones.
        enters = scores >= _lowest(self._promising, self.size)
        enters |= assessed.uncertainty >= _lowest(self._uncertain, self.size)
        for row in map(int, np.flatnonzero(finite & enters)):
            record, bits = records[row], prints[row].tobytes()
            if self.measured.holds(record.smiles, bits):
                self.n_known += 1
                continue
            p, deviation = float(assessed.probability[row]), float(assessed.uncertainty[row])
            rest = (p, -record.line, record.id, record.smiles, deviation, bits)
            _push(self._promising, Candidate(float(scores[row]), *rest), self.size)
            _push(self._uncertain, Candidate(deviation, *rest), self.size)
        bad = [records[row] for row in map(int, np.flatnonzero(~finite))]
        return [record._replace(reason="the model's score is not a number") for record in bad]


def _lowest(heap: list[Candidate], size: int) -> float:
    """Score that a candidate must reach to enter a pool."""
    return heap[0].score if len(heap) == size else -np.inf


def _push(heap: list[Candidate], candidate: Candidate, size: int) -> None:
    if len(heap) < size:
        heapq.heappush(heap, candidate)
    elif candidate > heap[0]:
        heapq.heapreplace(heap, candidate)
