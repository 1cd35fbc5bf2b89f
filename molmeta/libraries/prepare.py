"""From the records of a library to features, chunk by chunk on several cores.

A record that cannot be standardised or featurized is kept with the reason.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from rdkit import Chem, rdBase

from molmeta.errors import MoleculeError
from molmeta.molecules import featurizers
from molmeta.molecules.compounds import (
    compound,
    is_standard,
    is_surely_a_compound,
    parse,
    standardize,
)
from molmeta.molecules.rings import may_have_many_rings
from molmeta.runtime.parallel import streamed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from molmeta.libraries.lines import Record
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.featurizers import Arrays


class Prepared(NamedTuple):
    """A chunk that is ready to be scored.

    Attributes:
        records: G records whose molecules could be featurized.
        arrays: their features, as `molmeta.molecules.featurizers` packs them.
        rejected: the other records, each with its reason.
    """

    records: Sequence[Record]
    arrays: Arrays
    rejected: Sequence[Record]

    @property
    def n_read(self) -> int:
        """Records of the chunk, rejected ones included."""
        return len(self.records) + len(self.rejected)

    def molecules(self) -> Molecules:
        """Return the features as blocks."""
        from molmeta.molecules.store import unpacked

        return unpacked([self.arrays])


def prepare(records: Sequence[Record], names: Sequence[str]) -> Prepared:
    """Standardise and featurize one chunk in this process.

    Each molecule is featurized as soon as it is read, while it is still in the processor's cache.
    Batches of 50 take 1.5 times as long.

    Args:
        records: of a library.
        names: featurizers to run.

    Raises:
        ConfigError: an unknown featurizer.
    """
    chosen = [featurizers.get(name) for name in names]
    kept: list[Record] = []
    rows: list[list[Any]] = []
    rejected: list[Record] = []
    with rdBase.BlockLogs():
        for record in records:
            try:
                mol = _standardized(record)
                rows.append(
                    [featurizers.run(featurizer, mol, record.smiles) for featurizer in chosen]
                )
                kept.append(record)
            except MoleculeError as error:
                rejected.append(record._replace(reason=str(error)))
    arrays: Arrays = {}
    for column, featurizer in enumerate(chosen):
        arrays |= featurizers.pack(featurizer, [row[column] for row in rows])
    return Prepared(kept, arrays, rejected)


def prepare_all(
    chunks: Iterable[Sequence[Record]], names: Sequence[str], *, cores: int = 1
) -> Iterator[Prepared]:
    """Yield the chunks in their order; each core works a few chunks ahead.

    Raises:
        ConfigError: an unknown featurizer.
        WorkerError: a worker process was killed.
    """
    yield from streamed(partial(prepare, names=tuple(names)), chunks, cores=cores)


def _standardized(record: Record) -> Chem.Mol:
    if record.reason:
        raise MoleculeError(record.reason)
    mol = parse(record.smiles)
    if is_standard(record.smiles, mol):
        return mol
    if not is_surely_a_compound(record.smiles, mol):
        # What curation and predictions refuse is not ranked either.
        return parse(compound(record.smiles).smiles)
    standard = standardize(mol)
    # Features are those of a molecule just read, which differ from those of a changed molecule.
    # Whether many rings are too many can also depend on how the molecule is written.
    if standard is mol and not may_have_many_rings(record.smiles):
        return mol
    return parse(str(Chem.MolToSmiles(standard)))
