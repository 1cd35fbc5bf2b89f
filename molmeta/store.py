"""The molecule store: each distinct compound featurized once, in one file that holds no code.

The file is safetensors, rows in the order of their InChIKeys, so that it depends on the compounds
alone and not on the order in which they came. It is read by memory map.
"""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from molmeta import featurizers
from molmeta.blocks import AnyBlock, Bits, Graphs, Molecules, Vectors
from molmeta.errors import ModelError
from molmeta.outputs import written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from molmeta.featurizers import Arrays

FORMAT = 1
KEY_LENGTH = 27
CHUNK = 1000


@dataclass(frozen=True)
class Store:
    """Features of G distinct compounds.

    Attributes:
        keys: InChIKeys in ascending order, shape (G,).
        molecules: their blocks, in the same order.
    """

    keys: NDArray[np.bytes_]
    molecules: Molecules

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self, inchikeys: Sequence[str]) -> NDArray[np.int64]:
        """Return the row of each compound.

        Raises:
            ModelError: a compound is not in the store.
        """
        asked = np.array(inchikeys, f"S{KEY_LENGTH}")
        rows = np.searchsorted(self.keys, asked)
        found = self.keys[np.minimum(rows, len(self.keys) - 1)] == asked
        if not found.all():
            missing = asked[~found][0].decode()
            raise ModelError(
                f"molecule store: {int((~found).sum())} compounds are missing; got none for "
                f"{missing}, expected every compound of the tables. Run 'molmeta featurize' again."
            )
        return rows.astype(np.int64)


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
    if cores == 1 or len(chunks) == 1:
        return _joined(_counted(map(work, chunks), chunks, progress))
    with ProcessPoolExecutor(cores, mp_context=get_context("forkserver")) as pool:
        return _joined(_counted(pool.map(work, chunks), chunks, progress))


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
    if old is None or set(old.molecules.blocks) != set(names) or len(old) == 0:
        kept = np.zeros(len(keys), bool)
    else:
        kept = np.isin(keys, old.keys)
    fresh = [smiles[key.decode()] for key in keys[~kept]]
    parts: list[Molecules] = []
    if old is not None and kept.any():
        parts.append(old.molecules.select(torch.from_numpy(np.searchsorted(old.keys, keys[kept]))))
    if fresh or not parts:
        parts.append(featurize(fresh, names, cores=cores, progress=progress))
    order = np.argsort(np.concatenate([np.flatnonzero(kept), np.flatnonzero(~kept)]))
    return Store(keys, concatenated(parts).select(torch.from_numpy(order)))


def concatenated(parts: Sequence[Molecules]) -> Molecules:
    """Put molecules one after the other; all must hold the same blocks."""
    return _joined(_arrays(part) for part in parts)


def save_store(store: Store, path: Path) -> None:
    """Write a store.

    Raises:
        OutputError: the file cannot be written.
    """
    tensors = {name: torch.from_numpy(array) for name, array in _arrays(store.molecules).items()}
    tensors["key"] = torch.from_numpy(store.keys.view(np.uint8).reshape(-1, KEY_LENGTH).copy())
    sizes = {n: b.size for n, b in store.molecules.blocks.items() if isinstance(b, Bits)}
    header = {"format": FORMAT, "featurizers": list(store.molecules.blocks), "sizes": sizes}
    with written(path) as temporary:
        save_file(tensors, temporary, {"molmeta": json.dumps(header)})


def load_store(path: Path) -> Store:
    """Read a store by memory map; no code in it is ever run.

    Raises:
        ModelError: the file is damaged, of another kind, or inconsistent.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["molmeta"])
            if header["format"] != FORMAT:
                raise _damaged(path, f"format {header['format']}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        blocks = {n: _block(n, tensors, header["sizes"]) for n in header["featurizers"]}
        keys = tensors["key"].numpy().view(f"S{KEY_LENGTH}").reshape(-1)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    for name, block in blocks.items():
        if len(block) != len(keys) or not _consistent(block):
            raise _damaged(path, f"block '{name}' that does not fit {len(keys)} compounds")
    return Store(keys, Molecules(blocks))


def _damaged(path: Path, what: str) -> ModelError:
    return ModelError(
        f"{path}: cannot be read as a molecule store; got {what[:200]}, expected a file of "
        "'molmeta featurize'. Delete it and run 'molmeta featurize' again."
    )


def _block(name: str, tensors: dict[str, Tensor], sizes: dict[str, int]) -> AnyBlock:
    parts = {
        key.removeprefix(f"{name}."): t for key, t in tensors.items() if key.startswith(f"{name}.")
    }
    if "values" in parts:
        return Vectors(parts["values"])
    if "positions" in parts:
        return Bits(parts["positions"], parts["offsets"], sizes[name])
    return Graphs(
        parts["atoms"], parts["atom_offsets"], parts["ends"], parts["bonds"], parts["bond_offsets"]
    )


def _consistent(block: AnyBlock) -> bool:
    if isinstance(block, Vectors):
        return block.values.ndim == 2 and block.values.dtype == torch.float32
    if isinstance(block, Bits):
        inside = _within(block.positions, block.size)
        return inside and _ragged(block.offsets, len(block.positions))
    atoms = block.atom_offsets.diff()[_owners(block.bond_offsets)] if len(block) else None
    return (
        _ragged(block.atom_offsets, len(block.atoms))
        and _ragged(block.bond_offsets, len(block.bonds))
        and len(block.ends) == len(block.bonds)
        and _categories(block.atoms, featurizers.ATOM_SIZES)
        and _categories(block.bonds, featurizers.BOND_SIZES)
        and (atoms is None or bool(((block.ends >= 0) & (block.ends < atoms[:, None])).all()))
    )


def _owners(offsets: Tensor) -> Tensor:
    return torch.arange(len(offsets) - 1).repeat_interleave(offsets.diff())


def _within(values: Tensor, size: int) -> bool:
    return len(values) == 0 or (int(values.min()) >= 0 and int(values.max()) < size)


def _ragged(offsets: Tensor, n: int) -> bool:
    return (
        offsets.dtype == torch.int64
        and len(offsets) > 0
        and int(offsets[0]) == 0
        and int(offsets[-1]) == n
        and bool((offsets.diff() >= 0).all())
    )


def _categories(values: Tensor, sizes: tuple[int, ...]) -> bool:
    if values.dtype != torch.uint8 or values.ndim != 2 or values.shape[1] != len(sizes):
        return False
    return len(values) == 0 or bool((values.amax(0) < torch.tensor(sizes)).all())


def _counted(
    results: Iterable[Arrays], chunks: Sequence[list[str]], progress: Callable[[int], None] | None
) -> Iterable[Arrays]:
    for result, chunk in zip(results, chunks, strict=True):
        if progress is not None:
            progress(len(chunk))
        yield result


def _joined(parts: Iterable[Arrays]) -> Molecules:
    collected: dict[str, list[NDArray[np.generic]]] = {}
    for part in parts:
        for name, array in part.items():
            collected.setdefault(name, []).append(array)
    tensors = {
        name: torch.from_numpy(_concatenated(name, arrays)) for name, arrays in collected.items()
    }
    names = dict.fromkeys(name.rsplit(".", 1)[0] for name in tensors)
    return Molecules({name: _block(name, tensors, _SIZES) for name in names})


def _concatenated(name: str, arrays: list[NDArray[np.generic]]) -> NDArray[np.generic]:
    if not name.endswith("offsets"):
        return np.concatenate(arrays)
    ends = np.cumsum([0, *(int(array[-1]) for array in arrays)])
    shifted = [array[1:] + end for array, end in zip(arrays, ends[:-1], strict=True)]
    return np.concatenate([np.zeros(1, np.int64), *shifted])


def _arrays(molecules: Molecules) -> Arrays:
    return {
        f"{name}.{part}": value.numpy()
        for name, block in molecules.blocks.items()
        for part, value in vars(block).items()
        if isinstance(value, torch.Tensor)
    }


_SIZES = {name: found.size for name, found in featurizers.FEATURIZERS.items()}
