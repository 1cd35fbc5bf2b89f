"""Reads a library once and keeps a bounded pool of candidates for the next plate."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from molmeta.campaigns import acquisition
from molmeta.campaigns.acquisition import Assessment, predicted, prints_of
from molmeta.campaigns.campaign import nearest
from molmeta.libraries.source import LibrarySource
from molmeta.libraries.validity import require_mostly_valid
from molmeta.molecules.blocks import Bits, Molecules
from molmeta.molecules.compounds import standard_smiles
from molmeta.molecules.similarity import FINGERPRINT
from molmeta.molecules.store import featurize
from molmeta.screening.hitfiles import write_invalid
from molmeta.screening.scoring import Best, ScoredChunk, scored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.random import Generator
    from numpy.typing import NDArray

    from molmeta.errors import TableError
    from molmeta.models.model import AssayPredictor
    from molmeta.screening.hits import Support
    from molmeta.screening.known import KnownCompounds


class Candidate(NamedTuple):
    """A compound of the pool; the greater of two is better.

    Ties of the score go to the higher probability, then to the earlier line.

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
        self.featurizers = tuple(dict.fromkeys((*predictor.model.library_featurizers, FINGERPRINT)))
        pairs = zip(support.smiles, support.active, strict=True)
        self.actives = [standard_smiles(smiles) for smiles, active in pairs if active]
        molecules = featurize(self.actives, self.featurizers)
        self._bits = molecules.block(FINGERPRINT, Bits)
        self._incumbent = float(predicted(self._predictor, molecules)[0].mean())

    def assess(self, molecules: Molecules) -> Assessment:
        """Predictions for G molecules."""
        similarity, _ = nearest(molecules.block(FINGERPRINT, Bits), self._bits)
        return Assessment(*predicted(self._predictor, molecules), similarity, self._incumbent)

    def numbers(self, molecules: Molecules) -> NDArray[np.float64]:
        """Score, probability and uncertainty of G molecules, float64, shape (3, G)."""
        assessed = self.assess(molecules)
        scores = self._score(assessed, self._rng)
        return np.stack([scores, assessed.probability, assessed.uncertainty])

    def nearest(self, smiles: str) -> tuple[str, float]:
        """The measured active nearest to a SMILES, and its similarity."""
        bits = featurize([standard_smiles(smiles)], (FINGERPRINT,)).block(FINGERPRINT, Bits)
        highest, rows = nearest(bits, self._bits)
        return self.actives[int(rows[0])], float(highest[0])


class Pool:
    """The most promising and the most uncertain candidates of a library.

    Args:
        library: as `molmeta.libraries.files.library_files` takes it, or a featurized library.
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
        measured: KnownCompounds,
        size: int,
        *,
        force: bool = False,
    ) -> None:
        self.library, self.assessor, self.measured = library, assessor, measured
        self.force = force
        self.n_read = self.n_invalid = self.n_known = 0
        self.error: TableError | None = None
        self._promising = Best[Candidate](size)
        self._uncertain = Best[Candidate](size)

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
        write_invalid(rejects, [], source.files)
        for chunk in scored(source.prepared(cores=cores), self.assessor.numbers):
            self.n_read += chunk.n_read
            self.n_invalid += len(chunk.rejected)
            write_invalid(rejects, chunk.rejected, source.files, header=False)
            if chunk.records:
                self._offer(chunk)
        if source.error is not None and source.empty:
            raise source.error
        if not self.force:
            require_mostly_valid(self.library, self.n_invalid, self.n_read)
        self.error = source.error

    @property
    def promising(self) -> list[Candidate]:
        """Candidates with the highest scores, best first."""
        return self._promising.descending()

    @property
    def uncertain(self) -> list[Candidate]:
        """Candidates with the highest uncertainty, most uncertain first."""
        return self._uncertain.descending()

    def _offer(self, chunk: ScoredChunk) -> None:
        """Add the best of a chunk to both pools."""
        scores, probabilities, uncertainties = chunk.scores
        prints = prints_of(chunk.molecules.block(FINGERPRINT, Bits))
        # Only candidates that enter a pool are worth the slow comparison with measured ones.
        # At an equal score, the probability or the line may still decide for the candidate.
        enters = scores >= _lowest(self._promising)
        enters |= uncertainties >= _lowest(self._uncertain)
        enters &= chunk.finite
        measured = set(self.measured.rows(chunk.records, chunk.molecules, enters))
        self.n_known += len(measured)
        for row in np.flatnonzero(enters).tolist():
            if row in measured:
                continue
            record, bits = chunk.records[row], prints[row].tobytes()
            p, deviation = float(probabilities[row]), float(uncertainties[row])
            rest = (p, -record.line, record.id, record.smiles, deviation, bits)
            self._promising.offer(Candidate(float(scores[row]), *rest))
            self._uncertain.offer(Candidate(deviation, *rest))


def _lowest(best: Best[Candidate]) -> float:
    """Score that a candidate must reach to enter a pool."""
    return -np.inf if best.least is None else best.least.score
