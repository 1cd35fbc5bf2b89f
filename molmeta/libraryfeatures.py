"""From the records of a library to features, chunk by chunk on several cores; scores nothing.

What cannot be standardised or featurized is kept with its reason, and costs itself alone.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from rdkit import Chem

from molmeta.blocks import Molecules
from molmeta.errors import MoleculeError
from molmeta.molecules import parse, standardize
from molmeta.store import concatenated, featurize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from molmeta.libraries import Record

WINDOW = 2
"""Chunks that wait for each core; a pool's own `map` would take in the whole library."""

# RDKit's stubs leave most parameters unknown, which strict checking refuses; Any says so once.
_chem: Any = Chem


class Prepared(NamedTuple):
    """A chunk that is ready to be scored.

    Attributes:
        records: G records whose molecules could be featurized.
        molecules: their features; None where G is 0.
        rejected: the other records, each with its reason.
    """

    records: list[Record]
    molecules: Molecules | None
    rejected: list[Record]


def prepare(records: Sequence[Record], names: Sequence[str]) -> Prepared:
    """Standardise and featurize one chunk in this process.

    Args:
        records: of a library.
        names: featurizers to run.

    Raises:
        ConfigError: an unknown featurizer.
    """
    kept: list[Record] = []
    texts: list[str] = []
    rejected: list[Record] = []
    for record in records:
        try:
            texts.append(_standardized(record))
            kept.append(record)
        except MoleculeError as error:
            rejected.append(record._replace(reason=str(error)))
    try:
        return Prepared(kept, featurize(texts, names) if texts else None, rejected)
    except MoleculeError:
        return _one_by_one(kept, texts, names, rejected)


def prepare_all(
    chunks: Iterable[Sequence[Record]], names: Sequence[str], *, cores: int = 1
) -> Iterator[Prepared]:
    """Yield the chunks in their order, at most WINDOW of each core ahead of what is taken."""
    if cores == 1:
        yield from (prepare(chunk, names) for chunk in chunks)
        return
    with ProcessPoolExecutor(cores, mp_context=get_context("forkserver")) as pool:
        tasks = (pool.submit(_prepare_flat, chunk, names) for chunk in chunks)
        waiting = deque(islice(tasks, WINDOW * cores))
        while waiting:
            kept, flat, rejected = waiting.popleft().result()
            waiting.extend(islice(tasks, 1))
            yield Prepared(kept, _unflattened(flat), rejected)


def _standardized(record: Record) -> str:
    if record.reason:
        raise MoleculeError(record.reason)
    mol = parse(record.smiles)
    standard = standardize(mol)
    return record.smiles.strip() if standard is mol else str(_chem.MolToSmiles(standard))


def _one_by_one(
    records: list[Record], texts: list[str], names: Sequence[str], rejected: list[Record]
) -> Prepared:
    """Find the compounds that a featurizer fails on."""
    kept: list[Record] = []
    parts: list[Molecules] = []
    for record, text in zip(records, texts, strict=True):
        try:
            parts.append(featurize([text], names))
            kept.append(record)
        except MoleculeError as error:
            rejected.append(record._replace(reason=str(error)))
    return Prepared(kept, concatenated(parts) if parts else None, rejected)


# Tensors sent between processes hold a file handle each until they are freed; arrays do not.
_Flat = dict[str, tuple[Any, dict[str, Any]]]


def _prepare_flat(
    records: Sequence[Record], names: Sequence[str]
) -> tuple[list[Record], _Flat, list[Record]]:
    kept, molecules, rejected = prepare(records, names)
    flat: _Flat = {}
    for name, block in () if molecules is None else molecules.blocks.items():
        parts = vars(block).items()
        flat[name] = (
            type(block),
            {key: part.numpy() if isinstance(part, torch.Tensor) else part for key, part in parts},
        )
    return kept, flat, rejected


def _unflattened(flat: _Flat) -> Molecules | None:
    if not flat:
        return None
    blocks: dict[str, Any] = {}
    for name, (kind, parts) in flat.items():
        blocks[name] = kind(
            **{k: v if isinstance(v, int) else torch.as_tensor(v) for k, v in parts.items()}
        )
    return Molecules(blocks)
