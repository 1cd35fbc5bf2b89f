"""From the records of a library to features, chunk by chunk on several cores; scores nothing.

What cannot be standardised or featurized is kept with its reason, and costs itself alone.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, NamedTuple

from rdkit import Chem

from molmeta.errors import MoleculeError
from molmeta.featurizers import featurize_mols
from molmeta.molecules import parse, standardize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from molmeta.blocks import Molecules
    from molmeta.featurizers import Arrays
    from molmeta.libraries import Record

BATCH = 50
"""Molecules held at once; more leave the cache before they are featurized."""
WINDOW = 2
"""Chunks that wait for each core; a pool's own `map` would take in the whole library."""

# RDKit's stubs leave most parameters unknown, which strict checking refuses; Any says so once.
_chem: Any = Chem


class Prepared(NamedTuple):
    """A chunk that is ready to be scored.

    Attributes:
        records: G records whose molecules could be featurized.
        parts: their features, as `molmeta.featurizers` packs them, one part after another.
        rejected: the other records, each with its reason.
    """

    records: list[Record]
    parts: list[Arrays]
    rejected: list[Record]

    def molecules(self) -> Molecules:
        """The features as blocks; G must not be 0."""
        from molmeta.store import unpacked

        return unpacked(self.parts)


def prepare(records: Sequence[Record], names: Sequence[str]) -> Prepared:
    """Standardise and featurize one chunk in this process.

    Args:
        records: of a library.
        names: featurizers to run.

    Raises:
        ConfigError: an unknown featurizer.
    """
    batches = [_batch(records[at : at + BATCH], names) for at in range(0, len(records), BATCH)]
    return Prepared(
        *([item for part in parts for item in part] for parts in zip(*batches, strict=True))
    )


def _batch(records: Sequence[Record], names: Sequence[str]) -> Prepared:
    kept: list[Record] = []
    mols: list[Chem.Mol] = []
    rejected: list[Record] = []
    for record in records:
        try:
            mols.append(_standardized(record))
            kept.append(record)
        except MoleculeError as error:
            rejected.append(record._replace(reason=str(error)))
    try:
        return Prepared(kept, [_features(kept, mols, names)] if kept else [], rejected)
    except MoleculeError:
        return _one_by_one(kept, mols, names, rejected)


def prepare_all(
    chunks: Iterable[Sequence[Record]], names: Sequence[str], *, cores: int = 1
) -> Iterator[Prepared]:
    """Yield the chunks in their order, at most WINDOW of each core ahead of what is taken."""
    if cores == 1:
        yield from (prepare(chunk, names) for chunk in chunks)
        return
    with ProcessPoolExecutor(cores, mp_context=get_context("forkserver")) as pool:
        tasks = (pool.submit(prepare, chunk, names) for chunk in chunks)
        waiting = deque(islice(tasks, WINDOW * cores))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(islice(tasks, 1))


def _standardized(record: Record) -> Chem.Mol:
    if record.reason:
        raise MoleculeError(record.reason)
    mol = parse(record.smiles)
    standard = standardize(mol)
    # Features are those of a freshly read molecule, which a changed one is not.
    return mol if standard is mol else parse(str(_chem.MolToSmiles(standard)))


def _features(records: Sequence[Record], mols: list[Chem.Mol], names: Sequence[str]) -> Arrays:
    return featurize_mols(mols, [record.smiles for record in records], names)


def _one_by_one(
    records: list[Record],
    mols: list[Chem.Mol],
    names: Sequence[str],
    rejected: list[Record],
) -> Prepared:
    """Find the compounds that a featurizer fails on."""
    kept: list[Record] = []
    parts: list[Arrays] = []
    for record, mol in zip(records, mols, strict=True):
        try:
            parts.append(_features([record], [mol], names))
            kept.append(record)
        except MoleculeError as error:
            rejected.append(record._replace(reason=str(error)))
    return Prepared(kept, parts, rejected)
