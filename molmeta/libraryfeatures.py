"""From the records of a library to features, chunk by chunk on several cores; scores nothing.

What cannot be standardised or featurized is kept with its reason, and costs itself alone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rdkit import Chem, rdBase

from molmeta import featurizers
from molmeta.errors import MoleculeError
from molmeta.molecules import MAX_ATOMS, MAX_CHARACTERS, parse, standardize
from molmeta.packing import joined
from molmeta.parallel import streamed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from molmeta.blocks import Molecules
    from molmeta.featurizers import Arrays, Featurizer
    from molmeta.libraries import Record

# RDKit's stubs leave most parameters unknown, which strict checking refuses; Any says so once.
_chem: Any = Chem
_CHARGED: Any = _chem.MolFromSmarts("[!+0]")
_FAILURES = (ValueError, RuntimeError, OverflowError)


class Prepared(NamedTuple):
    """A chunk that is ready to be scored.

    Attributes:
        records: G records whose molecules could be featurized.
        arrays: their features, as `molmeta.featurizers` packs them.
        rejected: the other records, each with its reason.
    """

    records: list[Record]
    arrays: Arrays
    rejected: list[Record]

    def molecules(self) -> Molecules:
        """The features as blocks; G must not be 0."""
        from molmeta.store import unpacked

        return unpacked([self.arrays])


def prepare(records: Sequence[Record], names: Sequence[str]) -> Prepared:
    """Standardise and featurize one chunk in this process.

    Each molecule is featurized as soon as it is read, while it is still in the processor's cache:
    50 at once take half as long again.

    Args:
        records: of a library.
        names: featurizers to run.

    Raises:
        ConfigError: an unknown featurizer.
    """
    chosen = [featurizers.get(name) for name in names]
    bits = [one for one in chosen if one.kind == "bits"]
    others = [one.name for one in chosen if one.kind != "bits"]
    kept: list[Record] = []
    rows: list[list[NDArray[np.int16]]] = []
    parts: list[Arrays] = []
    rejected: list[Record] = []
    with rdBase.BlockLogs():
        for record in records:
            try:
                mol = _standardized(record)
                rows.append([_run(one, mol, record) for one in bits])
                if others:
                    parts.append(_others(mol, record, others, rows))
                kept.append(record)
            except MoleculeError as error:
                rejected.append(record._replace(reason=str(error)))
    return Prepared(kept, {**joined(parts), **_prints(bits, rows)}, rejected)


def prepare_all(
    chunks: Iterable[Sequence[Record]], names: Sequence[str], *, cores: int = 1
) -> Iterator[Prepared]:
    """Yield the chunks in their order, few of each core ahead of what is taken.

    Raises:
        ConfigError: an unknown featurizer.
        WorkerError: a process was ended from outside.
    """
    yield from streamed(partial(prepare, names=tuple(names)), chunks, cores=cores)


def _standardized(record: Record) -> Chem.Mol:
    if record.reason:
        raise MoleculeError(record.reason)
    mol = _plain(record.smiles)
    if mol is not None:
        return mol
    mol = parse(record.smiles)
    standard = standardize(mol)
    # Features are those of a freshly read molecule, which a changed one is not.
    return mol if standard is mol else parse(str(_chem.MolToSmiles(standard)))


def _plain(smiles: str) -> Chem.Mol | None:
    """Return the molecule of a SMILES if its standardised form is itself, else None.

    Without a dot there is one fragment, and without a charge nothing to neutralise; reading may
    make charges, as of a nitro group with five bonds, so the molecule is asked and not its text.
    """
    sane = len(smiles) <= MAX_CHARACTERS and smiles.isascii() and smiles.isprintable()
    if not sane or "." in smiles or " " in smiles:
        return None
    mol = _chem.MolFromSmiles(smiles)
    if mol is None or not 0 < mol.GetNumAtoms() <= MAX_ATOMS or mol.HasSubstructMatch(_CHARGED):
        return None
    return mol


def _others(
    mol: Chem.Mol, record: Record, names: Sequence[str], rows: list[list[NDArray[np.int16]]]
) -> Arrays:
    """Run what is no fingerprint; a molecule that fails here takes its fingerprints along."""
    try:
        return featurizers.featurize_mols([mol], [record.smiles], names)
    except MoleculeError:
        rows.pop()
        raise


def _prints(bits: Sequence[Featurizer], rows: list[list[NDArray[np.int16]]]) -> Arrays:
    """Pack fingerprints at once: a dictionary for each molecule would keep the collector busy."""
    arrays: Arrays = {}
    for one, column in zip(bits, zip(*rows, strict=True), strict=bool(rows)):
        arrays[f"{one.name}.positions"] = np.concatenate(column)
        lengths = [0, *map(len, column)]
        arrays[f"{one.name}.offsets"] = np.cumsum(lengths, dtype=np.int64)
    return arrays


def _run(chosen: Featurizer, mol: Chem.Mol, record: Record) -> Any:  # noqa: ANN401 - kind decides
    """Run a fingerprint; packing each alone would take 10 microseconds more."""
    try:
        return chosen.function(mol)
    except _FAILURES as error:
        raise MoleculeError(
            f"featurizer '{chosen.name}': fails on '{record.smiles[:80]}'; got '{error}', expected "
            "features. Remove the compound or choose another featurizer."
        ) from error
