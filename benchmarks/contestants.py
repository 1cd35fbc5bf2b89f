"""What a user would take instead of molmeta, and the least that a step can cost, for `rates.py`."""

from __future__ import annotations

import tempfile
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from rdkit.Chem.MolStandardize import rdMolStandardize

from molmeta.molecules.featurizers import featurize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Work = tuple[str, int, Callable[[], object]]

N_ACTIVES, N_BITS, TOP = 32, 2048, 100
FEW = 500
"""Compounds for contestants that take more than a millisecond each."""


def standardisers(smiles: Sequence[str]) -> Iterator[Work]:
    """Yield RDKit's standardiser, and the steps that an InChIKey requires."""
    uncharger = rdMolStandardize.Uncharger()

    def rdkit(text: str) -> str:
        parent = rdMolStandardize.FragmentParent(rdMolStandardize.Cleanup(Chem.MolFromSmiles(text)))
        return Chem.MolToSmiles(uncharger.uncharge(parent))

    def least(text: str) -> tuple[str, str]:
        mol = Chem.MolFromSmiles(text)
        return Chem.MolToSmiles(mol), Chem.MolToInchiKey(mol)

    yield "RDKit: Cleanup, parent, uncharger", len(smiles), partial(_each, rdkit, smiles)
    yield "bound: parse, SMILES, InChIKey", len(smiles), partial(_each, least, smiles)


def fingerprints(smiles: Sequence[str]) -> Iterator[Work]:
    """Yield RDKit's own four fingerprints with counts: a bound on the pretrained model."""
    types = rdFingerprintGenerator.GetMorganFeatureAtomInvGen()
    four = (
        rdFingerprintGenerator.GetMorganGenerator(radius=3, fpSize=4096, countSimulation=True),
        rdFingerprintGenerator.GetMorganGenerator(
            radius=2, fpSize=2048, countSimulation=True, atomInvariantsGenerator=types
        ),
        rdFingerprintGenerator.GetAtomPairGenerator(fpSize=4096, countSimulation=True),
        rdFingerprintGenerator.GetTopologicalTorsionGenerator(fpSize=4096, countSimulation=True),
    )

    def rdkit(text: str) -> list[object]:
        mol = Chem.MolFromSmiles(text)
        return [generator.GetFingerprint(mol) for generator in four]

    yield "bound: parse, four fingerprints", len(smiles), partial(_each, rdkit, smiles)


def graphs(smiles: Sequence[str]) -> Iterator[Work]:
    """Yield the graphs and fingerprints of molmeta, and graphs of those that are installed."""

    def featurized() -> object:
        return featurize(smiles, ("graph", "morgan"))

    yield "graph and Morgan", len(smiles), featurized
    few = smiles[:FEW]
    if find_spec("torch_geometric"):
        utils: Any = import_module("torch_geometric.utils")
        yield "PyG: from_smiles", FEW, partial(_each, utils.from_smiles, few)
    if find_spec("deepchem"):
        from deepchem.feat import MolGraphConvFeaturizer

        featurizer: Any = MolGraphConvFeaturizer(use_edges=True)
        yield "DeepChem: MolGraphConvFeaturizer", FEW, lambda: featurizer.featurize(few)
    if find_spec("chemprop"):
        chemprop: Any = import_module("chemprop.featurizers")
        graph_of = chemprop.SimpleMoleculeMolGraphFeaturizer()

        def graph(text: str) -> object:
            return graph_of(Chem.MolFromSmiles(text))

        yield "chemprop: SimpleMoleculeMolGraphFeaturizer", FEW, partial(_each, graph, few)


def similarities(smiles: Sequence[str]) -> Iterator[Work]:
    """Yield the similarity of packed fingerprints to 32 actives, without reading any file."""

    def bulk() -> object:
        vectors = _vectors(tuple(smiles))
        rows: list[list[float]] = [
            DataStructs.BulkTanimotoSimilarity(v, vectors) for v in vectors[:N_ACTIVES]
        ]
        return np.max(rows, axis=0)

    def popcount() -> object:
        words = _words(tuple(smiles))
        return [np.bitwise_count(words & active).sum(axis=1) for active in words[:N_ACTIVES]]

    bulk()
    popcount()
    yield "RDKit: BulkTanimotoSimilarity", len(smiles), bulk
    yield "bound: popcount of shared bits", len(smiles), popcount
    if find_spec("FPSim2"):
        engine = _fpsim2(smiles)

        def top() -> object:
            return [engine.top_k(text, TOP, threshold=0.0) for text in smiles[:N_ACTIVES]]

        yield "FPSim2: top 100 of each active", len(smiles), top


def _fpsim2(smiles: Sequence[str]) -> Any:  # noqa: ANN401 - has no types
    fpsim2: Any = import_module("FPSim2")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "library.h5")
        numbered = [[text, number] for number, text in enumerate(smiles)]
        fpsim2.io.create_db_file(
            numbered, path, "smiles", "Morgan", {"radius": 2, "fpSize": N_BITS}
        )
        return fpsim2.FPSim2Engine(path)


@cache
def _vectors(smiles: tuple[str, ...]) -> list[Any]:
    morgan = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=N_BITS)
    return [morgan.GetFingerprint(Chem.MolFromSmiles(text)) for text in smiles]


@cache
def _words(smiles: tuple[str, ...]) -> Any:  # noqa: ANN401 - an array of words
    text = b"".join(DataStructs.BitVectToBinaryText(vector) for vector in _vectors(smiles))
    return np.frombuffer(text, np.uint64).reshape(len(smiles), -1)


def _each(function: Callable[[str], object], smiles: Sequence[str]) -> list[object]:
    return [function(text) for text in smiles]
