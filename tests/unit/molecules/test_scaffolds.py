"""A scaffold is what remains of a molecule without its side chains."""

from molmeta.molecules.compounds import parse
from molmeta.molecules.scaffolds import scaffold_of


def test_the_scaffold_leaves_the_side_chains():
    assert scaffold_of(parse("CCc1ccc(CC2CC2)cc1C")) == "c1ccc(CC2CC2)cc1"


def test_a_chain_has_no_scaffold():
    assert scaffold_of(parse("CCCO")) == ""
