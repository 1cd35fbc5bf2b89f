import bz2

import pytest
from rdkit.Chem import CanonSmiles
from rdkit.Chem.rdSynthonSpaceSearch import SynthonSpace as RDKitSpace

from molmeta.errors import TableError
from molmeta.libraries.synthons import read_space

HEADER = "SMILES\tsynton_id\tsynton#\treaction_id"
AMIDES = [
    "[U]N1CCC[C@H]1C(N)=O\ta1\t1\tamide",
    "CN([U])Cc1ccncc1\ta2\t1\tamide",
    "O=C([U])/C=C/c1ccccc1\tb1\t2\tamide",
    "[U]C(=O)[C@@H](C)c1ccc2ccccc2c1\tb2\t2\tamide",
    "O=C([U])c1ccc(Cl)cc1\tb3\t2\tamide",
]
ALKENES = ["C1CCCCC1=[U]\tc1\t1\twittig", "[U]=CC(=O)OC\td1\t2\twittig"]
RINGS = ["[U]=CC=C[Np]\te1\t1\tring", "[U]=C(C)C=C[Np]\te2\t2\tring"]
THREE = [
    "[U]N1CCN([Np])CC1\tf1\t1\tthree",
    "[U]c1ccccc1F\tg1\t2\tthree",
    "[Np]C(=O)C1CC1\th1\t3\tthree",
    "[Np]S(C)(=O)=O\th2\t3\tthree",
]
ROWS = [*AMIDES, *ALKENES, *RINGS, *THREE]


def space(folder, rows, header=HEADER, name="space.txt"):
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def products(read):
    return sorted(CanonSmiles(read.smiles(product)) for product in read.products())


def test_products_are_those_that_rdkit_enumerates(tmp_path):
    path = space(tmp_path, ROWS)
    theirs = RDKitSpace()
    theirs.ReadTextFile(str(path))
    theirs.WriteEnumeratedFile(str(tmp_path / "enumerated.smi"))
    lines = (tmp_path / "enumerated.smi").read_text().splitlines()
    read = read_space(path)
    assert read.size == len(lines) == 2 * 3 + 1 + 1 + 2
    assert products(read) == sorted(CanonSmiles(line.split()[0]) for line in lines)


def test_the_vendors_formats_give_the_same_space(tmp_path):
    expected = products(read_space(space(tmp_path, ROWS)))
    commas = [row.replace("\t", ",") for row in ROWS]
    header = "smiles,synthon_id,position,reaction_id"
    assert products(read_space(space(tmp_path, commas, header, "commas.csv"))) == expected
    numbered = "\n".join([HEADER, *ROWS]).replace("[U]", "[*:1]").replace("[Np]", "[2*]")
    (tmp_path / "numbered.txt").write_text(numbered)
    assert products(read_space(tmp_path / "numbered.txt")) == expected
    (tmp_path / "packed").write_bytes(bz2.compress(numbered.encode()))
    assert products(read_space(tmp_path / "packed")) == expected


def test_a_product_is_named_by_its_reaction_and_synthons(tmp_path):
    read = read_space(space(tmp_path, ROWS))
    assert read.id(next(read.products())) == "amide:a1+b1"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("CCO\tx\t1\tamide", "no attachment point"),
        ("[Np]CCO\tx\t1\tamide", "other attachment points"),
        ("C1CC[U]\tx\t1\tamide", "a SMILES that does not parse"),
        ("[U]C\tx", "2 fields instead of 4"),
    ],
)
def test_a_synthon_that_does_not_fit_is_left_out_with_the_reason(tmp_path, row, reason):
    read = read_space(space(tmp_path, [*AMIDES, row]))
    assert read.size == 6
    assert read.rejected == ((7, reason),)


@pytest.mark.parametrize(
    "rows",
    [
        ["[U]CC\tx\t1\tother", "[Np]CC\ty\t2\tother"],
        ["[U]CC\tx\t1\tother"],
        ["CC\tx\t1\tother", "CCC\ty\t2\tother"],
    ],
)
def test_a_reaction_that_does_not_run_is_left_out_with_the_reason(tmp_path, rows):
    read = read_space(space(tmp_path, [*AMIDES, *rows]))
    assert [reaction.id for reaction in read.reactions] == ["amide"]
    assert read.rejected == ((7, "reaction 'other' has attachment points that do not pair"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a synthon space"),
        (b"smiles\tname\nCCO\ta\n", "is not a synthon space.*synton_id"),
        (HEADER.encode(), "no usable reaction"),
        (b"SMILES\tsynton_id\tsynton#\treaction_id\n[U]C\tx\t1\tr\n", "no usable reaction"),
        (b"\xff\xfe\x00binary", "is not a text"),
        (bz2.compress(b"x" * 1000)[:-9], "cannot be read"),
    ],
)
def test_a_file_that_is_no_space_is_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "space.txt"
    path.write_bytes(content)
    with pytest.raises(TableError, match=message):
        read_space(path)
