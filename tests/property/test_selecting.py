"""Properties of selecting rows that hold for all molecules."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from molmeta.molecules.blocks import Bits, Graphs, Molecules, Vectors
from molmeta.molecules.tensors import owner_of

SIZES = st.lists(st.integers(0, 5), min_size=1, max_size=8)


def offsets(sizes):
    return torch.tensor([0, *sizes]).cumsum(0)


def molecules(sizes):
    """Molecules with as many atoms and bits as `sizes` says and a chain of bonds, all different."""
    bonds = [max(size - 1, 0) for size in sizes]
    ends = [(place, place + 1) for n in bonds for place in range(n)]
    graphs = Graphs(
        atoms=torch.arange(sum(sizes), dtype=torch.uint8).unsqueeze(1),
        atom_offsets=offsets(sizes),
        ends=torch.tensor(ends, dtype=torch.int16).reshape(-1, 2),
        bonds=torch.arange(sum(bonds), dtype=torch.uint8).unsqueeze(1),
        bond_offsets=offsets(bonds),
    )
    bits = Bits(torch.arange(sum(sizes), dtype=torch.int16), offsets(sizes), 64)
    values = Vectors(torch.arange(len(sizes), dtype=torch.float32).unsqueeze(1))
    return Molecules({"graph": graphs, "morgan": bits, "descriptors": values})


def tensors(molecules):
    return {
        f"{name}.{part}": value
        for name, block in molecules.blocks.items()
        for part, value in vars(block).items()
        if isinstance(value, torch.Tensor)
    }


def same(first, second):
    first, second = tensors(first), tensors(second)
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def rows_of(n):
    return st.lists(st.integers(0, n - 1), max_size=10).map(lambda rows: torch.tensor(rows).long())


@given(SIZES, st.data())
def test_selecting_twice_is_selecting_the_composed_rows(sizes, data):
    whole = molecules(sizes)
    first = data.draw(rows_of(len(sizes)).filter(len))
    second = data.draw(rows_of(len(first)))
    assert same(whole.select(first).select(second), whole.select(first[second]))


@given(SIZES)
def test_selecting_all_rows_in_order_changes_nothing(sizes):
    whole = molecules(sizes)
    assert same(whole.select(torch.arange(len(sizes))), whole)


@given(SIZES, st.data())
def test_every_block_has_as_many_molecules_as_were_selected(sizes, data):
    rows = data.draw(rows_of(len(sizes)))
    assert {len(block) for block in molecules(sizes).select(rows).blocks.values()} == {len(rows)}


@given(SIZES, st.data())
def test_every_bond_stays_within_its_molecule(sizes, data):
    graphs = molecules(sizes).select(data.draw(rows_of(len(sizes)))).block("graph", Graphs)
    owner = owner_of(graphs.atom_offsets)[graphs.edge_index]
    assert torch.equal(owner[0], owner[1])
