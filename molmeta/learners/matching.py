"""Matching network: attention to labels after support and query refine each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molmeta.encoders.base import Encoder, Paper
from molmeta.learners._parents.embedding import EmbeddingLearner, Head
from molmeta.learners._parts.attention import attended, cosine
from molmeta.learners._parts.tuning import require


class Matching(EmbeddingLearner):
    """Attention to the labels of the support after rounds of iterative refinement (IterRefLSTM).

    With the support X', a query X, p = q = 0 and z = X', each round computes
    r = softmax(cos(z + q, X')) X', s = softmax(cos(X + p, z)) z, q = LSTM([q ; r]),
    p = LSTM([p ; s]) and z = r. Then p_active = sum_i softmax_i(t cos(X + p, X'_i + q_i)) y_i.

    | symbol           | attribute      | meaning                           | start value |
    | ---------------- | -------------- | --------------------------------- | ----------- |
    | X, X'            | `norm`         | vectors after layer normalisation |             |
    | LSTM of q        | `support_lstm` | refines the support               | random      |
    | LSTM of p        | `query_lstm`   | refines the query                 | random      |
    | log t            | `log_scale`    | sharpness of the attention        | 0           |
    | number of rounds | `depth`        |                                   |             |

    A query reads the support and no other query. The order of the support has no effect, and it
    may have any size. It must have both classes.

    Args:
        encoder: any encoder.
        depth: rounds of refinement; 0 gives a plain matching network.
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
        require("matching", {"depth": (depth, depth >= 0, "0 or more")})
        width = self.encoder.width
        self.depth = depth
        self.norm = nn.LayerNorm(width)
        self.support_lstm = nn.LSTMCell(2 * width, width)
        self.query_lstm = nn.LSTMCell(2 * width, width)
        self.log_scale = nn.Parameter(torch.zeros(()))

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        support, rounds = self.refine_support(self.norm(vectors))

        def logits(query: Tensor) -> Tensor:
            refined = self.refine_query(self.norm(query), rounds)
            return attended(self.log_scale.exp() * cosine(refined, support), labels)

        return logits

    def refine_support(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the refined support X' + q, and z of each round, all of shape (S, W)."""
        q, cell, z = torch.zeros_like(x), torch.zeros_like(x), x
        rounds: list[Tensor] = []
        for _ in range(self.depth):
            rounds.append(z)
            attention = cosine(z + q, x).softmax(1)
            q, cell = stepped(self.support_lstm, (q, cell), attention, x)
            z = attention @ x
        return x + q, rounds

    def refine_query(self, x: Tensor, rounds: list[Tensor]) -> Tensor:
        """Return the refined queries X + p, shape (Q, W), from z of each round."""
        p, cell = torch.zeros_like(x), torch.zeros_like(x)
        for z in rounds:
            attention = cosine(x + p, z).softmax(1)
            p, cell = stepped(self.query_lstm, (p, cell), attention, z)
        return x + p


def stepped(
    lstm: nn.LSTMCell, state: tuple[Tensor, Tensor], attention: Tensor, read: Tensor
) -> tuple[Tensor, Tensor]:
    """Return lstm([h ; attention @ read], (h, c)), shapes (Q, W), for a state (h, c).

    Args:
        lstm: with inputs of width 2 W.
        state: shapes (Q, W).
        attention: shape (Q, S).
        read: shape (S, W).
    """
    hidden, cell = state
    weights: Tensor = lstm.weight_ih
    of_state, of_read = weights[:, : hidden.shape[1]], weights[:, hidden.shape[1] :]
    # This takes a third of the arithmetic. The state is both input and hidden state, so one product
    # serves both. The S rows of `read` are multiplied before attention turns them into Q rows.
    gates = hidden @ (of_state + lstm.weight_hh).T + attention @ (read @ of_read.T)
    gates = gates + lstm.bias_ih + lstm.bias_hh
    enter, keep, new, leave = gates.chunk(4, dim=1)
    cell = keep.sigmoid() * cell + enter.sigmoid() * new.tanh()
    return leave.sigmoid() * cell.tanh(), cell
