"""Recognises columns of structures: SMILES, CXSMILES, InChI or mol blocks."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdChemReactions
from rdkit.Chem.MolStandardize import rdMolStandardize

from molmeta.molecules.compounds import MAX_CHARACTERS, parses
from molmeta.molecules.molblocks import smiles_of_block

if TYPE_CHECKING:
    from collections.abc import Iterable

INCHI = "InChI="
MAX_AMIDES = 50
_SMILES = re.compile(r"[A-Za-z0-9@+\-\[\]()=#$:/\\.%*~]+(?: \|.*\|)?")
_NAME = re.compile(
    r"(?:[\w .:()/-]*[\W_])?(?:cx)?smiles(?:[\W_][\w .:()/-]*)?|smi|(?:[\w ]+[ _:])?structure|mol"
    r"|mol(?:ecule|file|block)|compound structure|(?:[\w ]+[ _])?inchi(?:[ _]string)?|\w*smiles",
    re.IGNORECASE,
)
_PART = re.compile(
    r"scaffold|murcko|core|fragment|salt|reactant|product|reagent|linker|warhead|group|template|"
    r"neighbou?r|nearest|reference|similar|(?<![a-z])r[\W_]?\d+(?![a-z\d])",
    re.IGNORECASE,
)
"""Names of structures that are not those of the compound itself."""
_LEAST_LENGTH = 6
"""Shortest SMILES in a column with another name: 'NO' and 'I' are also labels."""
_EXOCYCLIC_IMINE = Chem.MolFromSmarts("[#7X2;!R]=[c;R]")
_is_molecule = lru_cache(maxsize=4096)(parses)


def is_structure_name(name: str) -> bool:
    """Whether a column of this name holds structures.

    Example:
        >>> [is_structure_name(n) for n in ("Ligand SMILES", "Structure", "InChI Key", "Name")]
        [True, True, False, False]
    """
    return len(name) <= 60 and _NAME.fullmatch(name.strip()) is not None


def is_part(name: str) -> bool:
    """Whether a column of this name holds parts of compounds, such as scaffolds or salts.

    Example:
        >>> is_part("Murcko scaffold SMILES"), is_part("Canonical SMILES")
        (True, False)
    """
    return _PART.search(name) is not None


def are_structures(cells: Iterable[str], *, strict: bool = False) -> bool:
    """Whether most of the texts that are not empty are structures.

    Args:
        cells: texts of a column.
        strict: whether to ignore short texts, which may have other meanings.
    """
    texts = [cell for cell in cells if cell]
    least = _LEAST_LENGTH if strict else 1
    good = sum(len(text) >= least and bool(smiles_of(text)) for text in texts)
    return 2 * good > len(texts)


def smiles_of(text: str) -> str:
    """The SMILES of a structure as text: SMILES as they are, InChI and mol blocks converted.

    Returns:
        "" for any other text.
    """
    if text.startswith(INCHI) or "\n" in text.strip():
        return as_smiles(text)
    text = text.strip()
    return text if _SMILES.fullmatch(text) and _is_molecule(text) else ""


def as_smiles(text: str) -> str:
    """Convert an InChI or a mol block to SMILES; other texts stay as they are.

    Example:
        >>> as_smiles("InChI=1S/C2H5NO/c1-2(3)4/h1H3,(H2,3,4)")
        'CC(N)=O'
    """
    if text.startswith(INCHI):
        return _smiles_of_inchi(text)
    if "V2000" in text or "V3000" in text:
        return smiles_of_block(text)
    return text


def _smiles_of_inchi(text: str) -> str:
    if len(text) > MAX_CHARACTERS:
        return ""
    with rdBase.BlockLogs():
        try:
            mol = Chem.MolFromInchi(text)
        except (ValueError, RuntimeError):
            return ""
    return "" if mol is None else _as_drawn(str(Chem.MolToSmiles(mol)))


def _as_drawn(smiles: str) -> str:
    """The tautomer that a chemist draws; an InChI does not say where mobile hydrogens are.

    RDKit puts them on oxygen, which makes an imidic acid of each amide.
    """
    # Read again, because molecules from an InChI have explicit hydrogens.
    mol = Chem.MolFromSmiles(smiles)
    try:
        for _ in range(MAX_AMIDES):
            if mol is None or not (products := _amide().RunReactants((mol,), 1)):
                break
            mol = Chem.MolFromSmiles(Chem.MolToSmiles(products[0][0]))
        if mol is not None and mol.HasSubstructMatch(_EXOCYCLIC_IMINE):
            mol = _tautomers().Canonicalize(mol)
    except (ValueError, RuntimeError):
        return smiles
    return smiles if mol is None else str(Chem.MolToSmiles(mol))


@cache
def _amide() -> Any:  # noqa: ANN401 - an RDKit object
    text = "[OX2H1,SX2H1:1]-[#6X3;!a:2]=[#7X2:3]>>[*:1]=[#6:2]-[#7:3]"
    return rdChemReactions.ReactionFromSmarts(text)


@cache
def _tautomers() -> Any:  # noqa: ANN401 - an RDKit object
    parameters = rdMolStandardize.CleanupParameters()
    parameters.tautomerRemoveSp3Stereo = parameters.tautomerRemoveBondStereo = False
    return rdMolStandardize.TautomerEnumerator(parameters)
