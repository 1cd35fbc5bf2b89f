"""Matching network: attention to labels after support and query refine each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.encoders.base import Paper
from molmeta.errors import ConfigError
from molmeta.learners._parents.embedding import EmbeddingLearner, Head
from molmeta.learners._parts.attention import attended

if TYPE_CHECKING:
    from molmeta.encoders.base import Encoder


class Matching(EmbeddingLearner):
    """Attention over the labels of the support, after `depth` rounds of refinement (IterRefLSTM).

    With X' the support, X a query, p = q = 0 and z = X', each round takes
    r = softmax(cos(z + q, X')) X', s = softmax(cos(X + p, z)) z, q = LSTM([q ; r]),
    p = LSTM([p ; s]) with weights of its own, and z = r. Then
    p_active = sum_i softmax_i(t cos(X + p, X'_i + q_i)) y_i, with a learnt t that starts at 1.
    A query reads the support and no other query; the order of the support does not matter, and it
    may be of any size. The support must hold both classes.

    Source:
        Altae-Tran et al., Low Data Drug Discovery with One-Shot Learning, ACS Central Science
        2017; Vinyals et al., Matching Networks for One Shot Learning, NeurIPS 2016.

    Args:
        encoder: any encoder.
        depth: rounds of refinement; 0 is a matching network without.
    """

    papers = (
        Paper(
            authors="Altae-Tran, Han; Ramsundar, Bharath; Pappu, Aneesh S.; Pande, Vijay",
            year=2017,
            title="Low Data Drug Discovery with One-Shot Learning",
            venue="ACS Central Science",
            kind="article",
            doi="10.1021/acscentsci.6b00367",
        ),
        Paper(
            authors=(
                "Vinyals, Oriol; Blundell, Charles; Lillicrap, Timothy; Kavukcuoglu, Koray; "
                "Wierstra, Daan"
            ),
            year=2016,
            title="Matching Networks for One Shot Learning",
            venue="NeurIPS",
        ),
    )
    use_when = "you compare with the first few-shot paper in drug discovery"

    def __init__(self, encoder: Encoder, *, depth: int = 3) -> None:
        super().__init__(encoder)
        if depth < 0:
            raise ConfigError(
                f"learner 'matching': depth is negative; got {depth}, expected 0 or more. "
                "Change it in the recipe."
            )
        width = self.encoder.width
        self.depth = depth
        self.norm = nn.LayerNorm(width)
        self.support_lstm = nn.LSTMCell(2 * width, width)
        self.query_lstm = nn.LSTMCell(2 * width, width)
        self.log_scale = nn.Parameter(torch.zeros(()))

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        support, views = self.refine_support(self.norm(vectors))

        def logits(query: Tensor) -> Tensor:
            refined = self.refine_query(self.norm(query), views)
            return attended(self.log_scale.exp() * cosine(refined, support), labels)

        return logits

    def refine_support(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the refined support, and what queries see of it in each round, all (S, W)."""
        q, cell, z = torch.zeros_like(x), torch.zeros_like(x), x
        views: list[Tensor] = []
        for _ in range(self.depth):
            views.append(z)
            attention = cosine(z + q, x).softmax(1)
            q, cell = stepped(self.support_lstm, (q, cell), attention, x)
            z = attention @ x
        return x + q, views

    def refine_query(self, x: Tensor, views: list[Tensor]) -> Tensor:
        """Return refined queries, shape (Q, W), from what they see of the support."""
        p, cell = torch.zeros_like(x), torch.zeros_like(x)
        for z in views:
            attention = cosine(x + p, z).softmax(1)
            p, cell = stepped(self.query_lstm, (p, cell), attention, z)
        return x + p


def stepped(
    lstm: nn.LSTMCell, state: tuple[Tensor, Tensor], attention: Tensor, read: Tensor
) -> tuple[Tensor, Tensor]:
    """Return lstm([h ; attention read], (h, c)), shapes (Q, W), for a state (h, c).

    The state goes in twice, for which one product will do, and the few rows of `read` meet the
    weights before attention spreads them over all queries: a third of the arithmetic.

    Args:
        lstm: takes 2 W numbers.
        state: shapes (Q, W).
        attention: shape (Q, S).
        read: shape (S, W).
    """
    hidden, cell = state
    weights: Tensor = lstm.weight_ih
    own, other = weights[:, : hidden.shape[1]], weights[:, hidden.shape[1] :]
    gates = hidden @ (own + lstm.weight_hh).T + attention @ (read @ other.T)
    gates = gates + lstm.bias_ih + lstm.bias_hh
    enter, keep, new, leave = gates.chunk(4, dim=1)
    cell = keep.sigmoid() * cell + enter.sigmoid() * new.tanh()
    return leave.sigmoid() * cell.tanh(), cell


def cosine(one: Tensor, other: Tensor) -> Tensor:
    """Return the cosine of vectors (A, W) with vectors (B, W), shape (A, B)."""
    return F.normalize(one, dim=1) @ F.normalize(other, dim=1).T
