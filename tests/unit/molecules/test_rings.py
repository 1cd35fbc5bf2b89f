"""Molecules whose ring perception would take hours are rejected, all real ones pass."""

import pytest
from paths import DATA
from rdkit import Chem

from molmeta.errors import MoleculeError
from molmeta.libraries.lines import Record
from molmeta.libraries.prepare import prepare
from molmeta.libraries.reading import read_library
from molmeta.molecules.compounds import parse
from molmeta.molecules.rings import FEW_RINGS, may_have_many_rings, rings_are_tractable, skeleton

BUCKYBALL = (
    "c12c3c4c5c1c1c6c7c2c2c8c3c3c9c4c4c%10c5c5c1c1c6c6c%11c7c2c2c7c8c3c3c8c9c4c4c9c%10c5c5c1c1c6"
    "c6c%11c2c2c7c3c3c8c4c4c9c5c1c1c6c2c3c41"
)
GAMMA_CYCLODEXTRIN = (
    "OCC1OC2OC3C(CO)OC(OC4C(CO)OC(OC5C(CO)OC(OC6C(CO)OC(OC7C(CO)OC(OC8C(CO)OC(OC9C(CO)OC(OC1C(O)"
    "C2O)C(O)C9O)C(O)C8O)C(O)C7O)C(O)C6O)C(O)C5O)C(O)C4O)C(O)C3O"
)
CUCURBITURIL = (
    "C1N2C3C4N(C2=O)CN5C6C7N(C5=O)CN8C9C2N(C8=O)CN5C8C%10N(C5=O)CN5C%11C%12N(C5=O)CN5C%13C(N1C5=O)"
    "N1CN3C(=O)N4CN6C(=O)N7CN9C(=O)N2CN8C(=O)N%10CN%11C(=O)N%12CN%13C1=O"
)


def paraphenylene(n):
    """A ring of n benzenes, which has 2^n smallest rings of equal size."""
    return "c1cc2ccc1" + "-c1ccc(cc1)" * (n - 1) + "-2"


def necklace(beads):
    """Spiro-joined squares: every bond is in a small ring, and the large ring has 2^n equals."""
    bonds = []
    for bead in range(beads):
        first, last, left, right = bead, (bead + 1) % beads, beads + 2 * bead, beads + 2 * bead + 1
        bonds += [(first, left), (left, last), (first, right), (right, last)]
    return skeleton(bonds)


def lattice(n):
    bonds = [(n * x + y, n * x + y + 1) for x in range(n) for y in range(n - 1)]
    return skeleton(bonds + [(n * x + y, n * x + n + y) for x in range(n - 1) for y in range(n)])


def bipartite(n):
    return skeleton([(left, n + right) for left in range(n) for right in range(n)])


@pytest.mark.parametrize(
    "smiles",
    [BUCKYBALL, GAMMA_CYCLODEXTRIN, CUCURBITURIL, paraphenylene(9)],
    ids=["buckyball", "gamma-cyclodextrin", "cucurbituril", "nine benzenes"],
)
def test_large_ring_systems_pass(smiles):
    assert parse(smiles).GetRingInfo().NumRings() > FEW_RINGS


@pytest.mark.parametrize("n", [10, 16, 60])
def test_a_ring_of_many_benzenes_is_rejected(n):
    with pytest.raises(MoleculeError, match="rings"):
        parse(paraphenylene(n))


@pytest.mark.parametrize(
    "mol",
    [necklace(10), necklace(40), lattice(10), bipartite(10)],
    ids=["beads 10", "beads 40", "lattice", "bipartite"],
)
def test_skeletons_with_too_many_rings_are_rejected(mol):
    assert not rings_are_tractable(mol)


def test_a_large_ring_without_equals_passes():
    ladder = [(i, i + 1) for i in range(29)] + [(29, 0)] + [(2 * i, 2 * i + 2) for i in range(9)]
    assert rings_are_tractable(skeleton(ladder))


@pytest.mark.parametrize("smiles", ["c1ccccc1", "CC(C)CC1=CC=C(C=C1)C(C)C(=O)O"])
def test_few_digits_are_few_rings(smiles):
    assert not may_have_many_rings(smiles)


def test_a_library_record_is_rejected_and_the_next_one_read():
    chunk = prepare([Record(1, "", paraphenylene(16)), Record(2, "", "CCO")], ("morgan",))
    assert [record.line for record in chunk.rejected] == [1]
    assert [record.line for record in chunk.records] == [2]


def v2000(bonds):
    """A block without coordinates; RDKit would list the rings to write one."""
    atoms = 1 + max(map(max, bonds))
    lines = ["", "", "", f"{atoms:3}{len(bonds):3}" + "  0" * 8 + "999 V2000"]
    lines += [f"{0:10.4f}{0:10.4f}{0:10.4f} Fe " + " 0" + "  0" * 11] * atoms
    lines += [f"{first + 1:3}{second + 1:3}  1  0" for first, second in bonds]
    return "\n".join([*lines, "M  END", "$$$$", ""])


def v3000(bonds):
    atoms = 1 + max(map(max, bonds))
    lines = ["", "", "", "  0  0  0     0  0            999 V3000", "M  V30 BEGIN CTAB"]
    lines += [f"M  V30 COUNTS {atoms} {len(bonds)} 0 0 0", "M  V30 BEGIN ATOM"]
    lines += [f"M  V30 {atom + 1} Fe 0 0 0 0" for atom in range(atoms)]
    lines += ["M  V30 END ATOM", "M  V30 BEGIN BOND"]
    lines += [f"M  V30 {i} 1 {a + 1} {b + 1}" for i, (a, b) in enumerate(bonds, 1)]
    return "\n".join([*lines, "M  V30 END BOND", "M  V30 END CTAB", "M  END", "$$$$", ""])


@pytest.mark.parametrize("block", [v2000, v3000])
def test_a_record_of_an_sdf_is_rejected_and_the_next_one_read(tmp_path, block):
    path = tmp_path / "library.sdf"
    necklace_bonds = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in necklace(40).GetBonds()]
    path.write_text(block(necklace_bonds) + block([(0, 1), (1, 2)]))
    records = [record for chunk in read_library(path) for record in chunk]
    assert [bool(record.reason) for record in records] == [True, False]


def test_all_compounds_of_the_bundled_library_pass():
    texts = [r.smiles for chunk in read_library(DATA / "libraries" / "nci_5k.smi") for r in chunk]
    mols = [Chem.MolFromSmiles(text, sanitize=False) for text in texts if may_have_many_rings(text)]
    assert len(mols) > 5
    assert all(rings_are_tractable(mol) for mol in mols if mol is not None)
