"""Where messages go in molecular graphs: sums of rows between atoms, bonds and molecules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from molmeta.molecules.graphs import BOND_SIZES
from molmeta.molecules.tensors import offsets_by_owner, owner_of
from molmeta.runtime.deferred import Deferred

if TYPE_CHECKING:
    from torch import Tensor

torch: Any = Deferred("torch")


class Sums(NamedTuple):
    """A matrix of zeros and ones, as the columns of the ones in each row, and its transpose.

    Attributes:
        columns: columns of all ones, row by row.
        offsets: ones of row i are at offsets[i] to offsets[i + 1].
        rows: rows of all ones, column by column.
        row_offsets: the same for the columns.
    """

    columns: Tensor
    offsets: Tensor
    rows: Tensor
    row_offsets: Tensor

    @property
    def transposed(self) -> Sums:
        return Sums(self.rows, self.row_offsets, self.columns, self.offsets)


def members(offsets: Tensor) -> Sums:
    """Return the sums over the items of each row of a ragged array."""
    owners = owner_of(offsets)
    items = torch.arange(len(owners) + 1, device=offsets.device)
    return Sums(items[:-1], offsets, owners, items)


class Messages(NamedTuple):
    """Distinct messages of a graph: an atom sends the same along all bonds of the same kind.

    Attributes:
        senders: from the states of atoms to those of the senders of the messages.
        receivers: from messages to their sums over the bonds of each atom.
        bonds: category of each bond feature of each message, uint8, shape (M, D).
        edges: sender and receiver of each of E edges, shape (2, E).
        edge_messages: message of each edge, shape (E,).
    """

    senders: Sums
    receivers: Sums
    bonds: Tensor
    edges: Tensor
    edge_messages: Tensor


def messages(n_atoms: int, edge_index: Tensor, edge_categories: Tensor) -> Messages:
    """Return the messages of a graph.

    Args:
        n_atoms: atoms of all molecules.
        edge_index: each bond in both directions, shape (2, E).
        edge_categories: bond categories in that order, shape (E, D).
    """
    source, target = edge_index
    n_edges = len(source)
    kind, n_kinds = torch.zeros_like(source), 1
    for feature, size in zip(edge_categories.t(), BOND_SIZES, strict=True):
        kind, n_kinds = kind * size + feature, n_kinds * size
    keys, order = (source * n_kinds + kind).sort()
    # Edges of the same sender and kind carry one message; `message` numbers them along the order.
    first = torch.ones_like(keys, dtype=torch.bool)
    first[1:] = keys[1:] != keys[:-1]
    message = first.cumsum(0) - 1
    starts = first.nonzero().squeeze(1)
    sender = source[order[starts]]
    # What an atom receives along an edge is what its neighbour sends along the reversed one.
    position = torch.empty_like(order)
    position[order] = torch.arange(len(order), device=order.device)
    received = message[position[(order + n_edges // 2) % max(n_edges, 1)]]
    edges_of_atom = offsets_by_owner(source, n_atoms)
    edges_of_message = torch.cat([starts, starts.new_tensor([n_edges])])
    return Messages(
        members(offsets_by_owner(sender, n_atoms)).transposed,
        Sums(received, edges_of_atom, target[order], edges_of_message),
        edge_categories[order[starts]],
        torch.stack([source[order], target[order]]),
        message,
    )
