"""From a predictor and a library to a ranked table; reads, scores and forgets chunk by chunk.

Ranking looks at every compound and keeps the best; explaining looks at those alone. Neither
adapts nor trains anything.
"""

from __future__ import annotations

import csv
import heapq
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from molmeta.blocks import Bits
from molmeta.errors import ConfigError, MoleculeError, TableError
from molmeta.libraries import CHUNK, Record, read_library
from molmeta.libraryfeatures import prepare, prepare_all
from molmeta.outputs import written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from molmeta.libraryfeatures import Prepared
    from molmeta.models import AssayPredictor

COLUMNS = (
    "rank", "id", "smiles", "probability",
    "nearest_active", "nearest_active_similarity",
    "nearest_inactive", "nearest_inactive_similarity",
)  # fmt: skip
INVALID_COLUMNS = ("line", "text", "reason")
FINGERPRINT = "morgan"
_EMPTY = "support: is empty; got no SMILES, expected at least one. Add measured molecules."


class Support(NamedTuple):
    """The measured compounds that a predictor was adapted to.

    Attributes:
        smiles: S SMILES that all parse.
        active: 1 for active and 0 for inactive, S of them.
    """

    smiles: Sequence[str]
    active: Sequence[int]


class Hit(NamedTuple):
    """A scored compound; the greater of two stands higher, at equal scores the earlier one."""

    probability: float
    minus_line: int
    id: str
    smiles: str


class Nearest(NamedTuple):
    """The known compound most similar to a hit; "" and NaN where there is none of its class."""

    smiles: str
    similarity: float


class Screened(NamedTuple):
    """What a screen did: records read, records it could not score, and hits written."""

    n_read: int
    n_invalid: int
    n_hits: int


def screen(
    predictor: AssayPredictor,
    support: Support,
    library: Path,
    *,
    output: Path,
    top: int | None = 1000,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Screened:
    """Rank a library and write its best compounds, best first.

    Beside `output` comes a table of all records that could not be scored, with the reason. When
    the library breaks off, what was read is ranked and written, and the error is raised then.
    Cells that a spreadsheet would take for a formula begin with an apostrophe.

    Args:
        predictor: adapted to the support.
        support: what is known, to say of each hit what it resembles.
        library: as `molmeta.libraries.read_library` takes it.
        output: CSV with the columns of COLUMNS; the side table is named `.invalid.csv`.
        top: hits to write; None writes every compound, and keeps them all in memory until then.
        cores: processes that featurize.
        progress: called with the number of records done since the last call.

    Raises:
        ConfigError: `top` is below 1, or an output would replace the library.
        TableError: the library cannot be read, or breaks off.
        MoleculeError: a SMILES of the support does not parse.
        OutputError: an output cannot be written.
    """
    side = output.with_suffix(".invalid.csv")
    _require_sense(library, (output, side), top)
    known = _fingerprints(support.smiles)
    source = _Source(library, progress)
    with written(side) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        rejects = _Rejects(file)
        chunks = prepare_all(source, predictor.model.featurizers, cores=cores)
        hits = best(_scored(predictor, chunks, rejects), top)
        _write_hits(output, hits, _explained(hits, support, known))
    if source.error is not None:
        raise source.error
    return Screened(source.n_read, rejects.n, len(hits))


def best(hits: Iterable[Hit], top: int | None) -> list[Hit]:
    """Return the `top` highest hits, highest first, or all of them; holds no more than it returns.

    Example:
        >>> best([Hit(0.2, -1, "a", "C"), Hit(0.9, -2, "b", "CC")], 1)[0].id
        'b'
    """
    return sorted(hits, reverse=True) if top is None else heapq.nlargest(top, hits)


def explain(hits: Sequence[Hit], support: Support) -> Iterator[tuple[Nearest, Nearest]]:
    """Yield the nearest known active and inactive of each hit, by Tanimoto similarity.

    Raises:
        MoleculeError: a SMILES of the support does not parse.
    """
    return _explained(hits, support, _fingerprints(support.smiles))


def safe_cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula.

    Source:
        OWASP, CSV Injection: a cell that begins with = + - @ is run when the file is opened.

    Example:
        >>> safe_cell("=HYPERLINK(1)"), safe_cell("CCO")
        ("'=HYPERLINK(1)", 'CCO')
    """
    return f"'{text}" if text.lstrip()[:1] in {"=", "+", "-", "@"} else text


class _Source:
    """Chunks of a library that may break off: the error waits until all before it is used."""

    def __init__(self, library: Path, progress: Callable[[int], None] | None) -> None:
        self.library, self.progress, self.n_read = library, progress, 0
        self.error: TableError | None = None

    def __iter__(self) -> Iterator[list[Record]]:
        try:
            for chunk in read_library(self.library, chunk=CHUNK):
                self.n_read += len(chunk)
                yield chunk
                if self.progress is not None:
                    self.progress(len(chunk))
        except TableError as error:
            if not self.n_read:
                raise
            self.error = error


class _Rejects:
    """The side table, written while the library is read, so that it never fills the memory."""

    def __init__(self, file: IO[str]) -> None:
        self.n, self._rows = 0, csv.writer(file, lineterminator="\n")
        self._rows.writerow(INVALID_COLUMNS)

    def add(self, record: Record) -> None:
        self.n += 1
        self._rows.writerow((record.line, safe_cell(record.smiles[:200]), record.reason))


def _scored(
    predictor: AssayPredictor, chunks: Iterable[Prepared], rejects: _Rejects
) -> Iterator[Hit]:
    for chunk in chunks:
        for record in chunk.rejected:
            rejects.add(record)
        if not chunk.records:
            continue
        scores = predictor.predict_molecules(chunk.molecules())
        for record, score in zip(chunk.records, scores.tolist(), strict=True):
            if np.isfinite(score):
                yield Hit(score, -record.line, record.id, record.smiles)
            else:
                rejects.add(record._replace(reason=f"the model's score is {score}"))


def _explained(
    hits: Sequence[Hit], support: Support, known: Bits
) -> Iterator[tuple[Nearest, Nearest]]:
    active = np.asarray(support.active, bool)
    for start in range(0, len(hits), CHUNK):
        part = hits[start : start + CHUNK]
        similarity = _tanimoto(_fingerprints([hit.smiles for hit in part]), known)
        yield from zip(
            _nearest(similarity, support.smiles, active),
            _nearest(similarity, support.smiles, ~active),
            strict=True,
        )


def _nearest(
    similarity: NDArray[np.float32], smiles: Sequence[str], group: NDArray[np.bool_]
) -> list[Nearest]:
    places = np.flatnonzero(group)
    if not len(places):
        return [Nearest("", float("nan"))] * len(similarity)
    nearest = places[similarity[:, places].argmax(axis=1)]
    return [
        Nearest(smiles[int(known)], float(row[known]))
        for row, known in zip(similarity, nearest, strict=True)
    ]


def _fingerprints(smiles: Sequence[str]) -> Bits:
    records = [Record(place, "", text) for place, text in enumerate(smiles, 1)]
    prepared = prepare(records, (FINGERPRINT,))
    if prepared.rejected or not records:
        raise MoleculeError(prepared.rejected[0].reason if records else _EMPTY)
    return prepared.molecules().block(FINGERPRINT, Bits)


def _tanimoto(bits: Bits, known: Bits) -> NDArray[np.float32]:
    """Similarity of each of G fingerprints to each of S, shape (G, S)."""
    columns = known.dense().t().contiguous()
    shared = F.embedding_bag(
        bits.positions, columns, bits.offsets, mode="sum", include_last_offset=True
    )
    either = bits.offsets.diff().unsqueeze(1) + known.offsets.diff() - shared
    return torch.where(either > 0, shared / either, 0).numpy()


def _write_hits(
    output: Path, hits: Sequence[Hit], nearest: Iterable[tuple[Nearest, Nearest]]
) -> None:
    with written(output) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for rank, (hit, pair) in enumerate(zip(hits, nearest, strict=True), 1):
            row = (rank, safe_cell(hit.id), safe_cell(hit.smiles), f"{hit.probability:.6g}")
            rows.writerow((*row, *(cell for known in pair for cell in _cells(known))))


def _cells(known: Nearest) -> tuple[str, str]:
    return (safe_cell(known.smiles), f"{known.similarity:.4f}" if known.smiles else "")


def _require_sense(library: Path, outputs: Sequence[Path], top: int | None) -> None:
    if top is not None and top < 1:
        raise ConfigError(
            f"screen: 'top' leaves no hit; got {top}, expected at least 1. Leave it out for all."
        )
    if library.resolve() in [path.resolve() for path in outputs]:
        raise ConfigError(
            f"{library}: would be replaced by the result; got it as the library and as an output, "
            "expected another name. Choose another --output."
        )
