"""SMILES that no vendor sends: mutations, a grammar, systematic ions, and rings of rings."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from paths import DATA
from zoo import ZOO

if TYPE_CHECKING:
    from random import Random

ELEMENTS = [
    "H",
    "He",
    "Li",
    "Be",
    "B",
    "C",
    "N",
    "O",
    "F",
    "Ne",
    "Na",
    "Mg",
    "Al",
    "Si",
    "P",
    "S",
    "Cl",
    "Ar",
    "K",
    "Ca",
    "Sc",
    "Ti",
    "V",
    "Cr",
    "Mn",
    "Fe",
    "Co",
    "Ni",
    "Cu",
    "Zn",
    "Ga",
    "Ge",
    "As",
    "Se",
    "Br",
    "Kr",
    "Rb",
    "Sr",
    "Zr",
    "Mo",
    "Ru",
    "Rh",
    "Pd",
    "Ag",
    "Cd",
    "In",
    "Sn",
    "Sb",
    "Te",
    "I",
    "Xe",
    "Cs",
    "Ba",
    "La",
    "Gd",
    "W",
    "Re",
    "Os",
    "Ir",
    "Pt",
    "Au",
    "Hg",
    "Tl",
    "Pb",
    "Bi",
    "U",
    "b",
    "c",
    "n",
    "o",
    "p",
    "s",
    "se",
    "as",
    "te",
]
LIGANDS = ("F", "Cl", "C", "O", "[O-]", "N", "c1ccccc1", "C#N", "[H]", "S")
UNITS = (
    "-c1ccc(cc1)", "-c1cccc(c1)", "C1CCC(CC1)", "-c1ccc2cc(ccc2c1)", "C=C", "CC", "NC(=O)", "OCC",
    "-c1cc2ccc1cc2", "[Si](C)(C)O", "N(C)CC(=O)",
)  # fmt: skip
ALPHABET = "CNOFPSBIclnopsb[]()=#$:/\\@+-.%0123456789*~<>HKe|^,rd "
EXTENSIONS = (
    " |^1:0|",
    " |$R1;;$|",
    " |C:1.0|",
    " |m:1:0.2|",
    " |H:0.1|",
    " |Sg:n:0:1:ht|",
    " |r|",
)


@cache
def corpus() -> list[str]:
    lines = (DATA / "libraries" / "nci_5k.smi").read_text().splitlines()
    return [line.split()[0] for line in lines] + list(ZOO.values())


def any_smiles(rng: Random) -> str:
    make = rng.choice((mutated, mutated, mutated, grown, grown, ion, macrocycle, fused))
    return make(rng)


def mutated(rng: Random) -> str:
    text = list(rng.choice(corpus()))
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(text) + 1)
        edit = rng.randrange(7)
        if edit == 0:
            del text[place : place + rng.randint(1, 3)]
        elif edit == 1:
            text.insert(place, rng.choice(ALPHABET))
        elif edit == 2:
            text[place:place] = text[place : place + rng.randint(1, 8)]
        elif edit == 3:
            text[place:] = list(rng.choice(corpus()))[rng.randrange(8) :]
        elif edit == 4:
            text.insert(place, bracket(rng))
        elif edit == 5:
            text[place : place + 1] = [rng.choice(ALPHABET)]
        else:
            text += rng.choice(EXTENSIONS)
    return "".join(text)


def bracket(rng: Random) -> str:
    isotope = rng.choice(("", "", "", str(rng.randint(0, 300))))
    chirality = rng.choice(("", "", "", "@", "@@", "@SP1", "@TB3", "@OH12"))
    hydrogens = rng.choice(("", "", "H", "H2", "H3", "H4", "H9"))
    charge = rng.choice(("", "", "+", "-", "+2", "-2", "+3", "-4", "++", "+15"))
    label = rng.choice(("", "", "", ":1", ":99999"))
    return f"[{isotope}{rng.choice(ELEMENTS)}{chirality}{hydrogens}{charge}{label}]"


def grown(rng: Random, depth: int = 0) -> str:
    """A chain of atoms with branches and ring closures, most of which close."""
    parts = []
    for _ in range(rng.randint(1, 8 if depth else 20)):
        atom = rng.choice(("C", "C", "c", "N", "n", "O", "S", "P", "B", "F", bracket(rng)))
        bond = rng.choice(("", "", "", "", "=", "#", "-", ":", "/", "\\", "~", "->"))
        ring = str(rng.randint(1, 4)) if rng.random() < 0.3 else ""
        branch = f"({grown(rng, depth + 1)})" if depth < 3 and rng.random() < 0.15 else ""
        parts.append(f"{bond if parts else ''}{atom}{ring}{branch}")
    return "".join(parts)


def ion(rng: Random) -> str:
    """A centre with a charge and a number of ligands, possible or not."""
    ligand = rng.choice(LIGANDS)
    centre = f"[{rng.choice(ELEMENTS)}{rng.choice(('', 'H', 'H2'))}{_charge(rng.randint(-4, 4))}]"
    branches = "".join(f"({ligand})" for _ in range(rng.randint(0, 7)))
    counter = rng.choice(("", "", ".[Na+]", ".[Cl-]", ".CCO", ".F[P-](F)(F)(F)(F)F"))
    return f"{centre}{branches}{counter}"


def macrocycle(rng: Random) -> str:
    """Units joined to a ring; every unit can double the number of smallest rings."""
    units = [rng.choice(UNITS)] * rng.randint(2, 24)
    if rng.random() < 0.5:
        units = [rng.choice(UNITS) for _ in units]
    return f"C%99{''.join(units)}C%99"


def fused(rng: Random) -> str:
    """A lattice of squares, with a bond left out here and there."""
    wide, long = rng.randint(2, 7), rng.randint(2, 9)
    atom = rng.choice("CCCN")
    rows, closures = [], 1
    below: list[int] = []
    for row in range(long):
        text, above = "", []
        for column in range(wide):
            digits = f"%{below[column]:02d}" if row else ""
            if row < long - 1 and closures < 99 and rng.random() < 0.97:
                digits += f"%{closures:02d}"
                above.append(closures)
                closures += 1
            else:
                above.append(0)
            text += atom + digits.replace("%00", "")
        rows.append(text)
        below = above
    return ".".join(rows)


def _charge(number: int) -> str:
    return f"{number:+d}" if number else ""
