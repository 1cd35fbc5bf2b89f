"""Measures the bytes of a compound's graph on disk, next to what else stores graphs.

Run it as `python benchmarks/disk_sizes.py`. It stores the bundled compounds in a molecule store,
as one pickle of PyTorch Geometric's graphs, and in a DiskDataset of DeepChem, where these are
installed. The store also holds the key of each compound.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from bundled import bundled_smiles

from molmeta.molecules.compounds import compound
from molmeta.molecules.store import save_store, update

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Save = Callable[[Sequence[str], Path], None]

COMPOUNDS = 2000


def main() -> None:
    """Print a line for each format."""
    smiles = bundled_smiles(COMPOUNDS)
    formats: dict[str, Save] = {"molmeta: molecule store": _molmeta}
    if find_spec("torch_geometric"):
        formats["PyTorch Geometric: torch.save of from_smiles"] = _pyg
    if find_spec("deepchem"):
        formats["DeepChem: DiskDataset of MolGraphConvFeaturizer"] = _deepchem
    sizes = {name: _bytes(save, smiles) for name, save in formats.items()}
    least = next(iter(sizes.values()))
    for name, size in sizes.items():
        sys.stdout.write(f"{name}: {size:,.0f} bytes a compound, {size / least:.1f} x\n")


def _bytes(save: Save, smiles: Sequence[str]) -> float:
    with tempfile.TemporaryDirectory() as name:
        save(smiles, Path(name))
        files = [path for path in Path(name).rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in files) / len(smiles)


def _molmeta(smiles: Sequence[str], folder: Path) -> None:
    known = {item.inchikey: item.smiles for item in map(compound, smiles)}
    save_store(update(None, known, ("graph",)), folder / "store.safetensors")


def _pyg(smiles: Sequence[str], folder: Path) -> None:
    utils: Any = import_module("torch_geometric.utils")
    torch.save([utils.from_smiles(text) for text in smiles], folder / "graphs.pt")


def _deepchem(smiles: Sequence[str], folder: Path) -> None:
    feat: Any = import_module("deepchem.feat")
    data: Any = import_module("deepchem.data")
    graphs = feat.MolGraphConvFeaturizer(use_edges=True).featurize(list(smiles))
    data.DiskDataset.from_numpy(graphs, data_dir=str(folder))


if __name__ == "__main__":
    main()
