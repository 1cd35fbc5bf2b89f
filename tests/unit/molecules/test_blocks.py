"""Packed blocks against plain loops over single molecules."""

import pytest
import torch
from zoo import zoo

from molmeta.errors import ConfigError
from molmeta.molecules.blocks import Bits, Graphs, Molecules, Vectors, ragged_index

ROWS = torch.tensor([3, 0, 3, 12])


def graphs():
    """A chain of three atoms, nothing at all, and a pair of atoms, with one feature each."""
    return Graphs(
        atoms=torch.tensor([[1], [2], [3], [4], [5]], dtype=torch.uint8),
        atom_offsets=torch.tensor([0, 3, 3, 5]),
        ends=torch.tensor([[0, 1], [1, 2], [0, 1]], dtype=torch.int16),
        bonds=torch.tensor([[7], [8], [9]], dtype=torch.uint8),
        bond_offsets=torch.tensor([0, 2, 2, 3]),
    )


def bits():
    positions = torch.tensor([0, 4, 2], dtype=torch.int16)
    return Bits(positions, torch.tensor([0, 2, 2, 3]), 5)


def looped(flat, offsets, rows):
    return torch.cat([flat[offsets[row] : offsets[row + 1]] for row in rows.tolist()])


def test_ragged_rows_are_those_of_a_plain_loop():
    offsets = torch.tensor([0, 2, 2, 7, 8])
    rows = torch.tensor([2, 0, 1, 2, 3])
    index, _ = ragged_index(offsets, rows)
    assert index.tolist() == [2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 7]


def test_ragged_offsets_are_those_of_a_plain_loop():
    _, offsets = ragged_index(torch.tensor([0, 2, 2, 7, 8]), torch.tensor([2, 0, 1, 2, 3]))
    assert offsets.tolist() == [0, 5, 7, 7, 12, 13]


def test_no_rows_give_no_items():
    index, offsets = ragged_index(torch.tensor([0, 2]), torch.tensor([], dtype=torch.int64))
    assert index.tolist() == []
    assert offsets.tolist() == [0]


def test_selected_atoms_are_those_of_a_plain_loop():
    whole = zoo().block("graph", Graphs)
    assert torch.equal(whole.select(ROWS).atoms, looped(whole.atoms, whole.atom_offsets, ROWS))


def test_selected_bonds_are_those_of_a_plain_loop():
    whole = zoo().block("graph", Graphs)
    assert torch.equal(whole.select(ROWS).ends, looped(whole.ends, whole.bond_offsets, ROWS))
    assert torch.equal(whole.select(ROWS).bonds, looped(whole.bonds, whole.bond_offsets, ROWS))


def test_selected_bits_are_those_of_a_plain_loop():
    whole = zoo().block("morgan", Bits)
    assert torch.equal(whole.select(ROWS).positions, looped(whole.positions, whole.offsets, ROWS))


def test_an_empty_molecule_keeps_its_row():
    assert graphs().select(torch.tensor([1, 2, 1])).atom_offsets.tolist() == [0, 0, 2, 2]


def test_an_empty_molecule_at_the_end_is_counted():
    assert len(graphs().select(torch.tensor([0, 1]))) == 2


def test_every_bond_stands_both_ways():
    assert graphs().edge_index.tolist() == [[0, 1, 3, 1, 2, 4], [1, 2, 4, 0, 1, 3]]


def test_bond_categories_follow_the_edges():
    assert graphs().edge_categories.flatten().tolist() == [7, 8, 9, 7, 8, 9]


def test_edges_of_selected_molecules_count_their_own_atoms():
    assert graphs().select(torch.tensor([2, 0])).edge_index[0].tolist() == [0, 2, 3, 1, 3, 4]


def test_dense_fingerprints_have_ones_where_bits_are_set():
    assert bits().dense().tolist() == [[1, 0, 0, 0, 1], [0, 0, 0, 0, 0], [0, 0, 1, 0, 0]]


def test_sparse_and_dense_fingerprints_agree():
    block = zoo().block("morgan", Bits)
    assert torch.equal(block.sparse().to_dense(), block.dense())


def test_sparse_fingerprints_have_the_type_that_was_asked_for():
    assert bits().sparse(torch.float64).dtype == torch.float64


def test_vectors_select_their_rows():
    block = Vectors(torch.tensor([[1.0], [2.0], [3.0]]))
    assert block.select(torch.tensor([2, 0])).values.flatten().tolist() == [3, 1]


def test_molecules_select_the_same_rows_of_every_block():
    picked = Molecules({"graph": graphs(), "morgan": bits()}).select(torch.tensor([2, 1]))
    assert picked.block("graph", Graphs).atom_offsets.tolist() == [0, 2, 2]
    assert picked.block("morgan", Bits).offsets.tolist() == [0, 1, 1]


def test_moved_molecules_keep_all_that_is_no_tensor():
    moved = Molecules({"morgan": bits()}).to(torch.device("cpu"))
    assert moved.block("morgan", Bits).size == 5


def test_molecules_move_all_their_tensors():
    moved = Molecules({"graph": graphs(), "morgan": bits()}).to(torch.device("meta"))
    assert {block.device.type for block in moved.blocks.values()} == {"meta"}


def test_only_named_blocks_are_kept():
    both = Molecules({"graph": graphs(), "morgan": bits()})
    assert list(both.only(("morgan", "absent")).blocks) == ["morgan"]


@pytest.mark.parametrize(
    "derived",
    [
        lambda both: both.select(torch.tensor([1, 0])),
        lambda both: both.only(("graph",)).select(torch.tensor([1, 0])),
        lambda both: both.with_block("again", bits()).select(torch.tensor([1, 0])),
        lambda both: both.to(torch.device("cpu")).select(torch.tensor([1, 0])),
    ],
)
def test_hidden_targets_stay_with_their_molecules(derived):
    both = Molecules({"graph": graphs(), "morgan": bits()}, torch.tensor([7, 8, 9]))
    assert derived(both).hidden_targets.tolist() == [8, 7]


def test_a_missing_block_is_named():
    with pytest.raises(ConfigError, match=r"Bits block 'morgan'; got \['graph'\]"):
        Molecules({"graph": graphs()}).block("morgan", Bits)


def test_a_block_of_another_kind_is_refused():
    with pytest.raises(ConfigError, match="Vectors block 'morgan'"):
        Molecules({"morgan": bits()}).block("morgan", Vectors)


def test_molecules_without_features_say_so():
    with pytest.raises(ConfigError, match="molecules: "):
        len(Molecules({"graph": graphs()}).only(("morgan",)))
