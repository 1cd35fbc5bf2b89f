"""The molecule store: each distinct compound featurized once, in one file that holds no code.

The file is safetensors, rows in the order of their InChIKeys, so that it depends on the compounds
alone and not on the order in which they came. It is read by memory map.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from molmeta.errors import ModelError
from molmeta.molecules import featurizers
from molmeta.molecules.blocks import AnyBlock, Bits, Graphs, Molecules, Vectors, tensor_of
from molmeta.molecules.checks import consistent
from molmeta.runtime.parallel import streamed
from molmeta.runtime.tensorfiles import read_tensors, write_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from molmeta.molecules.featurizers import Arrays

FORMAT = 1
KIND = "molecule store"
KEY_LENGTH = 27
CHUNK = 1000


@dataclass(frozen=True)
class Store:
    """Features of G distinct compounds.

    Attributes:
        keys: InChIKeys in ascending order, shape (G,).
        digests: of the SMILES that were featurized, int64, shape (G,). Tautomers share a key, so
            a compound may come back under another SMILES.
        molecules: their blocks, in the same order.
    """

    keys: NDArray[np.bytes_]
    digests: NDArray[np.int64]
    molecules: Molecules

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self, inchikeys: Sequence[str]) -> NDArray[np.int64]:
        """Return the row of each compound.

        Raises:
            ModelError: a compound is not in the store.
        """
        asked = np.array(inchikeys, f"S{KEY_LENGTH}")
        rows = self._places(asked)
        found = rows >= 0
        if not found.all():
            missing = asked[~found][0].decode()
            raise ModelError(
                f"molecule store: {int((~found).sum())} compounds are missing; got none for "
                f"{missing}, expected every compound of the tables. Run 'molmeta featurize' again."
            )
        return rows

    def _places(self, keys: NDArray[np.bytes_]) -> NDArray[np.int64]:
        """Row of each key, -1 where it is missing."""
        if len(self) == 0:
            return np.full(len(keys), -1, np.int64)
        rows = np.minimum(np.searchsorted(self.keys, keys), len(self) - 1)
        return np.where(self.keys[rows] == keys, rows, -1).astype(np.int64)

    def known(self, keys: NDArray[np.bytes_], digests: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row of each compound that was featurized from the same SMILES, -1 for the others."""
        rows = self._places(keys)
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
        cores: worker processes; 1 works in this one.
        progress: called with the number of molecules done since the last call.

    Raises:
        MoleculeError: a SMILES that does not parse, or a featurizer that fails.
        ConfigError: an unknown featurizer.
    """
    for name in names:
        featurizers.get(name)
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
    """Return a store of just these compounds, featurizing only those that `old` lacks.

    Args:
        old: an earlier store, or None.
        smiles: standardised SMILES by InChIKey.
        names: featurizers that the store holds.
        cores: worker processes.
        progress: called with the number of molecules done since the last call.
    """
    keys = np.array(sorted(smiles), f"S{KEY_LENGTH}")
    texts = [smiles[key] for key in sorted(smiles)]
    digests = _digests(texts)
    rows, parts = np.full(len(keys), -1, np.int64), list[Molecules]()
    if old is not None and len(old) and set(old.molecules.blocks) == set(names):
        rows = old.known(keys, digests)
        parts.append(old.molecules.select(tensor_of(rows[rows >= 0])))
    fresh = [text for text, row in zip(texts, rows, strict=True) if row < 0]
    if fresh or not parts:
        parts.append(featurize(fresh, names, cores=cores, progress=progress))
    order = np.argsort(np.concatenate([np.flatnonzero(rows >= 0), np.flatnonzero(rows < 0)]))
    molecules = concatenated(parts).select(tensor_of(order)).only(tuple(names))
    return Store(keys, digests, molecules)


def concatenated(parts: Sequence[Molecules]) -> Molecules:
    """Put molecules one after the other; all must hold the same blocks."""
    return unpacked(_arrays(part) for part in parts)


def unpacked(parts: Iterable[Arrays]) -> Molecules:
    """Return the molecules whose arrays `featurizers.featurize` packed, part after part."""
    tensors = {name: tensor_of(array) for name, array in joined(parts).items()}
    names = dict.fromkeys(name.rsplit(".", 1)[0] for name in tensors)
    return Molecules({name: _block(name, tensors) for name in names})


def save_store(store: Store, path: Path) -> None:
    """Write a store.

    Raises:
        OutputError: the file cannot be written.
    """
    tensors = {name: tensor_of(array) for name, array in _arrays(store.molecules).items()}
    tensors["key"] = tensor_of(store.keys.view(np.uint8).reshape(-1, KEY_LENGTH).copy())
    tensors["smiles"] = tensor_of(store.digests)
    header = {"kind": KIND, "format": FORMAT, "featurizers": list(store.molecules.blocks)}
    write_tensors(path, tensors, header)


def load_store(path: Path) -> Store:
    """Read a store by memory map; no code in it is ever run.

    Raises:
        ModelError: the file is missing, damaged, of another kind, or inconsistent.
    """
    tensors, header = read_tensors(path, KIND)
    try:
        blocks = {name: _block(name, tensors) for name in header["featurizers"]}
        keys: NDArray[np.bytes_] = tensors["key"].numpy().view(f"S{KEY_LENGTH}").reshape(-1)
        digests = tensors["smiles"]
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"no {error}") from error
    if header.get("format") != FORMAT or not blocks:
        raise _damaged(path, f"format {header.get('format')} with {len(blocks)} blocks")
    if digests.dtype != torch.int64 or digests.shape != (len(keys),):
        raise _damaged(path, f"SMILES that do not fit {len(keys)} compounds")
    if not consistent(molecules := Molecules(blocks), len(keys)):
        raise _damaged(path, f"blocks that do not fit {len(keys)} compounds")
    return Store(keys, digests.numpy(), molecules)


def _damaged(path: Path, what: str) -> ModelError:
    return ModelError(
        f"{path}: cannot be read as a molecule store; got {what[:200]}, expected a file of "
        "'molmeta featurize'. Delete it and run 'molmeta featurize' again."
    )


def _digests(texts: Sequence[str]) -> NDArray[np.int64]:
    raw = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(raw, "<i8").astype(np.int64)


def _block(name: str, tensors: dict[str, Tensor]) -> AnyBlock:
    parts = {
        key.removeprefix(f"{name}."): t for key, t in tensors.items() if key.startswith(f"{name}.")
    }
    if "values" in parts:
        return Vectors(parts["values"])
    if "positions" in parts:
        return Bits(parts["positions"], parts["offsets"], featurizers.FEATURIZERS[name].size)
    return Graphs(
        parts["atoms"], parts["atom_offsets"], parts["ends"], parts["bonds"], parts["bond_offsets"]
    )


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
        for part, value in vars(block).items()
        if isinstance(value, torch.Tensor)
    }


def joined(parts: Iterable[Arrays]) -> Arrays:
    """Return the arrays of all parts under the same names; offsets go on from part to part.

    Args:
        parts: as `molmeta.molecules.featurizers` packs them, all of the same featurizers.

    Example:
        >>> part = {"morgan.positions": np.array([7, 9]), "morgan.offsets": np.array([0, 2])}
        >>> joined([part, part])["morgan.offsets"].tolist()
        [0, 2, 4]
    """
    collected: dict[str, list[NDArray[np.generic]]] = {}
    for part in parts:
        for name, array in part.items():
            collected.setdefault(name, []).append(array)
    return {
        name: _offsets(arrays) if name.endswith("offsets") else np.concatenate(arrays)
        for name, arrays in collected.items()
    }


def _offsets(arrays: Sequence[NDArray[np.generic]]) -> NDArray[np.int64]:
    lengths = np.concatenate([np.diff(array) for array in arrays])
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
