"""Draws hits: a shared scaffold is drawn the same way, and atoms are coloured by weight."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import Mol, rdDepictor

from molmeta.errors import MoleculeError
from molmeta.molecules.compounds import parse, standardize
from molmeta.report.drawings import drawing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup
    from numpy.typing import NDArray


def hit_drawings(
    smiles: Sequence[str],
    scaffolds: Sequence[str],
    weights: Mapping[str, NDArray[np.float64]],
) -> list[Markup | None]:
    """Return the drawing of each hit, None where it cannot be drawn.

    Args:
        smiles: G hits.
        scaffolds: of each; a scaffold that two or more share is drawn the same way in all.
        weights: by SMILES, of each atom, as `atomweights.atom_weights` returns them; the
            strongest of each hit gets the full colour.
    """
    shared = {name for name, n in Counter(scaffolds).items() if name and n > 1}
    return [
        _drawn(text, scaffold if scaffold in shared else "", weights.get(text))
        for text, scaffold in zip(smiles, scaffolds, strict=True)
    ]


def _drawn(smiles: str, scaffold: str, weights: NDArray[np.float64] | None) -> Markup | None:
    try:
        mol = standardize(parse(smiles))
    except MoleculeError:
        return None
    _lay_out(mol, scaffold)
    return drawing(mol, smiles, _relative(weights))


def _lay_out(mol: Mol, scaffold: str) -> None:
    with rdBase.BlockLogs():
        template = _template(scaffold) if scaffold else None
        if template is not None and mol.HasSubstructMatch(template):
            rdDepictor.GenerateDepictionMatching2DStructure(mol, template)
        else:
            rdDepictor.Compute2DCoords(mol)


@cache
def _template(scaffold: str) -> Mol | None:
    mol = Chem.MolFromSmiles(scaffold)
    if mol is not None:
        rdDepictor.Compute2DCoords(mol)
    return mol


def _relative(weights: NDArray[np.float64] | None) -> list[float]:
    if weights is None or not len(weights):
        return []
    strongest = float(np.abs(weights).max())
    return [float(weight) / strongest for weight in weights] if strongest > 0 else []
