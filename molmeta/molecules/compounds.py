"""From SMILES text to a standardised molecule and its identity."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple, cast

from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

from molmeta.errors import MoleculeError
from molmeta.molecules.rings import may_have_many_rings, rings_are_tractable
from molmeta.runtime.parallel import mapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MAX_CHARACTERS = 5_000
"""RDKit and InChI recurse along the text: a chain of 10^6 atoms would crash the process."""
MAX_ATOMS = 1_000
"""InChI without its LargeMolecules option takes at most 1,024 atoms."""
RING_LIMIT = "rings that can be listed in bounded time"


class Compound(NamedTuple):
    """A standardised molecule, as SMILES, and its identity."""

    smiles: str
    inchikey: str


class Rejected(NamedTuple):
    """Why a text is not a compound: a short code for counting and a sentence for reading."""

    reason: str
    detail: str


def smiles_texts(molecules: str | Chem.Mol | Iterable[object]) -> list[str]:
    """SMILES of molecules given as SMILES or as RDKit molecules; "" for anything else.

    One molecule that is not in a list counts as a list of one.

    Example:
        >>> smiles_texts("CCO"), smiles_texts([parse("OCC"), None, float("nan")])
        (['CCO'], ['CCO', '', ''])
    """
    if isinstance(molecules, (str, Chem.Mol)):
        return [_smiles_text(molecules)]
    return [_smiles_text(molecule) for molecule in cast("Iterable[object]", molecules)]


def parse(smiles: str) -> Chem.Mol:
    """Return the sanitised molecule of a SMILES text.

    Raises:
        MoleculeError: the text is empty, too long or not a valid SMILES, or its rings are too many
            to be listed.

    Example:
        >>> parse("OCC").GetNumAtoms()
        3
    """
    text = smiles.strip()
    _require_sane_text(text)
    with rdBase.BlockLogs():
        # Sanitising lists all rings, which can take hours, so they are checked beforehand.
        if may_have_many_rings(text):
            unsanitized = _read(text, sanitize=False)
            if unsanitized is not None and not rings_are_tractable(unsanitized):
                raise _error(text, "has too many rings", RING_LIMIT)
        mol = _read(text)
    if mol is None:
        raise _error(text, "is not a valid SMILES", "a molecule that RDKit can sanitise")
    if not 0 < mol.GetNumAtoms() <= MAX_ATOMS:
        raise _error(text, f"has {mol.GetNumAtoms()} atoms", f"1 to {MAX_ATOMS}")
    if "@SP" in text:
        _clear_stereo_of_lone_atoms(mol)
    return mol


def parses(smiles: str) -> bool:
    """Return whether `parse` accepts a text."""
    try:
        parse(smiles)
    except MoleculeError:
        return False
    return True


def standardize(mol: Chem.Mol, *, tautomer: bool = False) -> Chem.Mol:
    """Return the largest organic fragment in its neutral form.

    Args:
        mol: a sanitised molecule, which is not changed.
        tautomer: also convert it to RDKit's canonical tautomer, about 100 times slower.

    Raises:
        MoleculeError: a step fails or leaves no atom.

    Source:
        Bento et al., An open source chemical structure curation pipeline using RDKit,
        J. Cheminform. 2020.
    """
    try:
        with rdBase.BlockLogs():
            return _standardized(mol, tautomer=tautomer)
    except (ValueError, RuntimeError) as error:
        text = Chem.MolToSmiles(mol)
        raise _error(text, f"cannot be standardised ({error})", "a complete molecule") from error


def neutral(mol: Chem.Mol) -> bool:
    """Return whether a molecule is neutral, so that neutralising would not change it.

    A charge next to its opposite, as in a nitro group, is not neutralised.

    Example:
        >>> neutral(parse("C[N+](=O)[O-]")), neutral(parse("CC(=O)[O-]"))
        (True, False)
    """
    # The first pattern takes half the time of the second, and most molecules have no charge.
    return not (mol.HasSubstructMatch(_CHARGE) and mol.HasSubstructMatch(_LONE_CHARGE))


def compound(smiles: str, *, tautomer: bool = False) -> Compound:
    """Return the standardised SMILES and the InChIKey of a SMILES text.

    Raises:
        MoleculeError: as `parse` and `standardize`; the standardised SMILES does not parse; or
            InChI cannot describe the structure.

    Example:
        >>> compound("[Na+].CC(=O)[O-]")
        Compound(smiles='CC(=O)O', inchikey='QTBSBXVTEAMEQO-UHFFFAOYSA-N')
    """
    mol = parse(smiles)
    if not tautomer and is_standard(smiles, mol):
        return Compound(str(Chem.MolToSmiles(mol)), _inchikey(mol, smiles))
    return _changed(smiles, mol, tautomer=tautomer)


def standard_smiles(smiles: str) -> str:
    """Return the SMILES of `compound`, in half its time or less for 9 of 10 texts.

    Raises:
        MoleculeError: as `compound`.

    Example:
        >>> standard_smiles("OCC")
        'CCO'
    """
    mol = parse(smiles)
    return str(Chem.MolToSmiles(mol)) if is_standard(smiles, mol) else _changed(smiles, mol).smiles


def is_standard(smiles: str, mol: Chem.Mol) -> bool:
    """Return whether `compound` surely accepts a parsed SMILES and leaves its molecule unchanged.

    This holds for 9 of 10 texts. A SMILES without a dot has one fragment. RDKit may add charges on
    reading, for example to a nitro group with five bonds, so they are looked up in the molecule.
    With few rings, the canonical SMILES can be read as the text was.
    """
    if "." in smiles or may_have_many_rings(smiles):
        return False
    return neutral(mol) and is_surely_a_compound(smiles, mol)


def is_surely_a_compound(smiles: str, mol: Chem.Mol) -> bool:
    """Return whether the notation and the bonds of a molecule ensure that `compound` accepts it.

    `compound` fails for dummy atoms, query bonds, and some aromatic boron, phosphorus, metals,
    carbanions and sulfur with three bonds. It also fails for dative bonds, which RDKit makes of
    bonds to metals, too.

    Example:
        >>> [is_surely_a_compound(text, parse(text)) for text in ("c1ccccc1O", "*CC", "C~C")]
        [True, False, False]
    """
    if _UNUSUAL_NOTATION.search(smiles):
        return False
    # Whether an atom is aromatic is seen in the molecule only: text may have Kekulé bonds.
    if mol.HasSubstructMatch(_UNUSUAL_AROMATIC):
        return False
    return _UNUSUAL_ATOM.search(smiles) is None or not mol.HasSubstructMatch(_DATIVE_BOND)


def compounds(
    smiles: Sequence[str], *, tautomer: bool = False, cores: int = 1
) -> list[Compound | Rejected]:
    """Return the compound of each text, or why it is rejected, in the same order.

    About 1,500 texts a second on one core; pass each distinct text once.
    """
    return mapped(partial(_compound_or_reason, tautomer=tautomer), smiles, cores=cores)


def _smiles_text(molecule: object) -> str:
    if isinstance(molecule, Chem.Mol):
        return str(Chem.MolToSmiles(molecule))
    return molecule if isinstance(molecule, str) else ""


def _changed(smiles: str, mol: Chem.Mol, *, tautomer: bool = False) -> Compound:
    """The compound of a text whose molecule, as parsed, is not standard."""
    mol = standardize(mol, tautomer=tautomer)
    standardized = str(Chem.MolToSmiles(mol))
    # Every later step reads this text, and neutralising can leave impossible valences.
    parse(standardized)
    return Compound(standardized, _inchikey(mol, smiles))


def _compound_or_reason(smiles: str, *, tautomer: bool) -> Compound | Rejected:
    try:
        return compound(smiles, tautomer=tautomer)
    except MoleculeError as error:
        return Rejected("invalid_smiles", str(error))


def _standardized(mol: Chem.Mol, *, tautomer: bool) -> Chem.Mol:
    if len(Chem.GetMolFrags(mol)) > 1:
        mol = _largest_fragment(mol)
    if not neutral(mol):
        mol = _uncharger()(mol)
    return _tautomers()(mol) if tautomer else mol


def _largest_fragment(mol: Chem.Mol) -> Chem.Mol:
    if not mol.HasSubstructMatch(_CARBON):
        raise _error(Chem.MolToSmiles(mol), "has no organic fragment", "a part with carbon")
    return _fragments()(mol)


# Both patterns match too much rather than too little: a false match only costs time.
_UNUSUAL_NOTATION = re.compile(r"[*~<>$:|b]|\[\d*[c#]")
_UNUSUAL_ATOM = re.compile(r"[Pp]|\[(?!\d*(?:[BCNOFPSIH]|Cl|Br|Si|Se|se|[nos])[@H+\]\d-])")
_DATIVE_BOND: Chem.Mol = Chem.MolFromSmarts("*->*")
_UNUSUAL_AROMATIC: Chem.Mol = Chem.MolFromSmarts("[a;!#6;!#7;!#8;!$([#16,#34;X2])]")
_CHARGE: Chem.Mol = Chem.MolFromSmarts("[!+0]")
_LONE_CHARGE: Chem.Mol = Chem.MolFromSmarts("[!+0;!$([+,+2,+3,+4]~[-]);!$([-]~[+,+2,+3,+4])]")
_CARBON: Chem.Mol = Chem.MolFromSmarts("[#6]")


@cache
def _fragments() -> Callable[[Chem.Mol], Chem.Mol]:
    return rdMolStandardize.LargestFragmentChooser(preferOrganic=True).choose


@cache
def _uncharger() -> Callable[[Chem.Mol], Chem.Mol]:
    return rdMolStandardize.Uncharger().uncharge


@cache
def _tautomers() -> Callable[[Chem.Mol], Chem.Mol]:
    return rdMolStandardize.TautomerEnumerator().Canonicalize


def _require_sane_text(text: str) -> None:
    if not 0 < len(text) <= MAX_CHARACTERS:
        raise _error(text, "has no usable length", f"1 to {MAX_CHARACTERS} characters")
    # RDKit takes text after a blank as a name: of two SMILES, it would drop the second.
    molecule, _, rest = text.partition(" ")
    if not molecule.isascii() or not molecule.isprintable() or (rest and rest[0] != "|"):
        raise _error(text, "is not a valid SMILES", "printable ASCII without blanks")


def _read(text: str, *, sanitize: bool = True) -> Chem.Mol | None:
    try:
        return Chem.MolFromSmiles(text, sanitize=sanitize)
    except (ValueError, RuntimeError):
        return None


def _clear_stereo_of_lone_atoms(mol: Chem.Mol) -> None:
    """Remove what crashes RDKit's layout: a square planar atom without neighbours."""
    atoms: Iterable[Chem.Atom] = mol.GetAtoms()
    for atom in atoms:
        if atom.GetDegree() == 0:
            atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)


def _inchikey(mol: Chem.Mol, text: str) -> str:
    try:
        with rdBase.BlockLogs():
            key = str(Chem.MolToInchiKey(mol))
    except (ValueError, RuntimeError):
        key = ""
    if not key:
        raise _error(text, "has no InChIKey", "a structure that InChI can describe")
    return key


def _error(text: str, problem: str, rule: str) -> MoleculeError:
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    return MoleculeError(
        f"molecule: {problem}; got '{shown}', expected {rule}. Correct or remove it."
    )
