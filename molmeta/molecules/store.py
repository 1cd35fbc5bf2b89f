"""The molecule store: features of each distinct compound, in one memory-mapped safetensors file.

Rows are in the order of their InChIKeys, so a store depends on its compounds and not on the order
in which they were added.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from molmeta.errors import ConfigError, ModelError
from molmeta.molecules import featurizers, kinds
from molmeta.molecules.blocks import Molecules, tensor_of
from molmeta.molecules.checks import consistent
from molmeta.molecules.kinds.base import offsets_of
from molmeta.runtime.parallel import streamed
from molmeta.runtime.tensorfiles import read_tensors, write_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from molmeta.molecules.featurizers import Arrays
    from molmeta.molecules.kinds import Block

FORMAT = 1
KIND = "molecule store"
KEY_LENGTH = 27
CHUNK = 1000


@dataclass(frozen=True)
class Store:
    """Features of G distinct compounds.

    Attributes:
        keys: InChIKeys in ascending order, shape (G,).
        digests: hashes of the SMILES that were featurized, int64, shape (G,). Tautomers share an
            InChIKey, so the SMILES of a compound may change.
        molecules: blocks of the compounds, in the same order.
        revisions: revision of the featurizer of each block.
    """

    keys: NDArray[np.bytes_]
    digests: NDArray[np.int64]
    molecules: Molecules
    revisions: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self, inchikeys: Sequence[str]) -> NDArray[np.int64]:
        """Return the row of each compound.

        Raises:
            ModelError: a compound is not in the store.
        """
        keys = np.array(inchikeys, f"S{KEY_LENGTH}")
        rows = self._row_of(keys)
        missing = keys[rows < 0]
        if len(missing):
            raise ModelError(
                f"molecule store: {len(missing)} compounds are missing; got none for "
                f"{missing[0].decode()}, expected every compound of the tables. Run 'molmeta "
                "featurize' again."
            )
        return rows

    def selected(self, inchikeys: Iterable[str], names: Sequence[str]) -> Store:
        """Return the store of these compounds and features alone.

        Raises:
            ModelError: a compound is not in the store.
            ConfigError: a featurizer was not run.
        """
        rows = np.unique(self.rows([*inchikeys]))
        molecules = self.molecules.only(tuple(names))
        if len(rows) < len(self):
            molecules = molecules.select(tensor_of(rows))
        revisions = {name: self.revisions[name] for name in names}
        return Store(self.keys[rows], self.digests[rows], molecules, revisions)

    def _row_of(self, keys: NDArray[np.bytes_]) -> NDArray[np.int64]:
        """Row of each key, -1 if it is missing."""
        if len(self) == 0:
            return np.full(len(keys), -1, np.int64)
        rows = np.minimum(np.searchsorted(self.keys, keys), len(self) - 1)
        return np.where(self.keys[rows] == keys, rows, -1).astype(np.int64)

    def reusable(self, keys: NDArray[np.bytes_], digests: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row of each compound that was featurized from the same SMILES, -1 for the others."""
        rows = self._row_of(keys)
        return np.where((rows >= 0) & (self.digests[rows] == digests), rows, -1)


def featurize(
    smiles: Sequence[str],
    names: Sequence[str],
    *,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Molecules:
    """Featurize standardised SMILES on several cores.

    Args:
        smiles: G SMILES that all parse.
        names: featurizers to run.
        cores: worker processes; with 1, this process does the work.
        progress: called with the number of molecules done since the last call.

    Raises:
        MoleculeError: a SMILES does not parse, or a featurizer fails.
        ConfigError: a featurizer is unknown.
    """
    # An unknown name fails here, before worker processes start.
    for name in names:
        featurizers.get(name)
    # At least one chunk, so that no SMILES still give blocks, which are empty.
    chunks = [list(smiles[i : i + CHUNK]) for i in range(0, max(len(smiles), 1), CHUNK)]
    work = partial(featurizers.featurize, names=tuple(names))
    done = streamed(work, chunks, cores=min(cores, len(chunks)))
    return unpacked(_counted(done, chunks, progress))


def update(
    old: Store | None,
    smiles: dict[str, str],
    names: Sequence[str],
    *,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Store:
    """Return a store of exactly these compounds, featurizing only those that `old` lacks.

    Nothing of `old` is reused if it has other featurizers, or other revisions of them.

    Args:
        old: an earlier store, or None.
        smiles: standardised SMILES by InChIKey.
        names: featurizers of the new store.
        cores: worker processes.
        progress: called with the number of molecules done since the last call.
    """
    keys = np.array(sorted(smiles), f"S{KEY_LENGTH}")
    texts = [smiles[key] for key in sorted(smiles)]
    digests = _digests(texts)
    revisions = {name: featurizers.revision(name) for name in names}
    rows, parts = np.full(len(keys), -1, np.int64), list[Molecules]()
    if old is not None and len(old) and old.revisions == revisions:
        rows = old.reusable(keys, digests)
        parts.append(old.molecules.select(tensor_of(rows[rows >= 0])))
    new = [text for text, row in zip(texts, rows, strict=True) if row < 0]
    if new or not parts:
        parts.append(featurize(new, names, cores=cores, progress=progress))
    # Reused compounds come first in `parts`; the order of the keys is restored.
    order = np.argsort(np.concatenate([np.flatnonzero(rows >= 0), np.flatnonzero(rows < 0)]))
    molecules = concatenated(parts).select(tensor_of(order)).only(tuple(names))
    return Store(keys, digests, molecules, revisions)


def concatenated(parts: Sequence[Molecules]) -> Molecules:
    """Concatenate molecules that all have the same blocks."""
    return unpacked(_arrays(part) for part in parts)


def unpacked(parts: Iterable[Arrays]) -> Molecules:
    """Return molecules from the arrays that `featurizers.featurize` packed, part after part.

    Raises:
        ConfigError: a featurizer is unknown.
    """
    return _molecules({name: tensor_of(array) for name, array in joined(parts).items()})


def save_store(store: Store, path: Path) -> None:
    """Write a store.

    Raises:
        OutputError: the file cannot be written.
    """
    tensors = {name: tensor_of(array) for name, array in _arrays(store.molecules).items()}
    tensors["key"] = tensor_of(store.keys.view(np.uint8).reshape(-1, KEY_LENGTH).copy())
    tensors["smiles"] = tensor_of(store.digests)
    header = {
        "kind": KIND,
        "format": FORMAT,
        "featurizers": list(store.molecules.blocks),
        "revisions": dict(store.revisions),
    }
    write_tensors(path, tensors, header)


def load_store(path: Path) -> Store:
    """Read a store by memory map.

    Stores written before revisions were recorded have revision 1 of every featurizer.

    Raises:
        ModelError: the file is missing, damaged, of another kind, or inconsistent.
    """
    tensors, header = read_tensors(path, KIND)
    try:
        names = [str(name) for name in header["featurizers"]]
        revisions = {name: int(header.get("revisions", {}).get(name, 1)) for name in names}
        keys: NDArray[np.bytes_] = tensors.pop("key").numpy().view(f"S{KEY_LENGTH}").reshape(-1)
        digests = tensors.pop("smiles")
        blocks = _molecules(tensors).blocks
        molecules = Molecules({name: blocks[name] for name in names})
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"no {error}") from error
    except ConfigError as error:
        raise ModelError(f"{path}: {error}") from error
    if header.get("format") != FORMAT or not names:
        raise _damaged(path, f"format {header.get('format')} with {len(names)} blocks")
    if digests.dtype != torch.int64 or digests.shape != (len(keys),):
        raise _damaged(path, f"SMILES that do not match {len(keys)} compounds")
    if not consistent(molecules, len(keys)):
        raise _damaged(path, f"blocks that do not match {len(keys)} compounds")
    return Store(keys, digests.numpy(), molecules, revisions)


def _damaged(path: Path, what: str) -> ModelError:
    return ModelError(
        f"{path}: cannot be read as a molecule store; got {what[:200]}, expected a file of "
        "'molmeta featurize'. Delete it and run 'molmeta featurize' again."
    )


def _digests(texts: Sequence[str]) -> NDArray[np.int64]:
    raw = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    # Little-endian on every machine, so that stores can be shared.
    return np.frombuffer(raw, "<i8").astype(np.int64)


def _molecules(tensors: Mapping[str, Tensor]) -> Molecules:
    """Molecules from tensors by 'FEATURIZER.PART'; the names of its parts give a block's kind."""
    parts: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        name, _, part = key.rpartition(".")
        parts.setdefault(name, {})[part] = tensor
    return Molecules({name: _block(name, arrays) for name, arrays in parts.items()})


def _block(name: str, arrays: Mapping[str, Any]) -> Block:
    kind = kinds.with_parts(arrays)
    size = {"size": featurizers.get(name).size} if kind.sized else {}
    return kind(**arrays, **size)


def _counted(
    results: Iterable[Arrays], chunks: Sequence[list[str]], progress: Callable[[int], None] | None
) -> Iterable[Arrays]:
    for result, chunk in zip(results, chunks, strict=True):
        if progress is not None:
            progress(len(chunk))
        yield result


def _arrays(molecules: Molecules) -> Arrays:
    return {
        f"{name}.{part}": value.numpy()
        for name, block in molecules.blocks.items()
        for part, value in block.tensors().items()
    }


def joined(parts: Iterable[Arrays]) -> Arrays:
    """Concatenate the arrays of all parts; offsets continue from part to part.

    Args:
        parts: arrays from `molmeta.molecules.featurizers`, all of the same featurizers.

    Example:
        >>> part = {"morgan.positions": np.array([7, 9]), "morgan.offsets": np.array([0, 2])}
        >>> joined([part, part])["morgan.offsets"].tolist()
        [0, 2, 4]
    """
    collected: dict[str, list[NDArray[np.generic]]] = {}
    for part in parts:
        for name, array in part.items():
            collected.setdefault(name, []).append(array)
    return {name: _joined(name, arrays) for name, arrays in collected.items()}


def _joined(name: str, arrays: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
    if len(arrays) == 1:
        return arrays[0]
    return _joined_offsets(arrays) if name.endswith("offsets") else np.concatenate(arrays)


def _joined_offsets(arrays: Sequence[NDArray[np.generic]]) -> NDArray[np.int64]:
    return offsets_of(np.concatenate([np.diff(array) for array in arrays]).astype(np.int64))
