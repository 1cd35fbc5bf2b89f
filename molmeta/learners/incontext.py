"""In-context learning: a transformer reads the labelled support, combined with ridge regression."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.encoders.base import Paper
from molmeta.learners._parents.kernels import KernelLearner, RidgeInputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from molmeta.encoders.base import Encoder
    from molmeta.learners._parents.embedding import Head

UNKNOWN = 2


class InContext(KernelLearner):
    """A transformer reads the support with its labels; each query attends to the support only.

    logit(q) = kernel ridge (`KernelRidge`) + t_1 D(W z) + t_2 D(h), with
    h = transformer(W z + e_label) and D(x) = mean cos(x_q, x_active) - mean cos(x_q, x_inactive).

    | symbol           | attribute         | meaning                                | start value  |
    | ---------------- | ----------------- | -------------------------------------- | ------------ |
    | z                |                   | vectors of the encoder                 |              |
    | W                | `enter`           | linear layer                           | random       |
    | e_label          | `labels`          | vectors of the labels inactive, active | random       |
    |                  |                   | and, for queries, unknown              |              |
    | log t_1, log t_2 | `log_temperature` | weights of the two similarities        | log 2, log 2 |

    Queries do not influence each other, and the order of the support has no effect. The support
    must have both classes. The label vectors follow Fifty et al., arXiv 2310.08863 (CAMP).

    Args:
        encoder: any encoder.
        width: width of the transformer.
        layers: layers of the transformer.
        heads: attention heads; must divide `width`.
        dropout: dropout of the transformer.
        fingerprints: whether the ridge regression compares Morgan fingerprints in addition to the
            vectors.
    """

    papers = (
        Paper(
            authors=(
                "Schimunek, Johannes; Seidl, Philipp; Friedrich, Lukas; Kuhn, Daniel; Rippmann, "
                "Friedrich; Hochreiter, Sepp; Klambauer, Günter"
            ),
            year=2023,
            title="Context-enriched Molecule Representations Improve Few-shot Drug Discovery",
            venue="ICLR",
        ),
    )
    use_when = "supports are small and training assays are many"

    def __init__(
        self,
        encoder: Encoder,
        *,
        width: int = 256,
        layers: int = 2,
        heads: int = 8,
        dropout: float = 0.1,
        fingerprints: bool = True,
    ) -> None:
        super().__init__(encoder, fingerprints=fingerprints)
        self.enter = nn.Linear(self.encoder.width, width)
        self.labels = nn.Parameter(torch.randn(3, width) * width**-0.5)
        self.layers = nn.ModuleList(_Layer(width, heads, dropout) for _ in range(layers))
        self.log_temperature = nn.Parameter(torch.full((2,), math.log(2.0)))

    def scorer(self, support: RidgeInputs, labels: Tensor) -> Callable[[RidgeInputs], Tensor]:
        ridge = self.ridge(support, labels)
        entered = self.enter(support.vectors)
        # The states before each layer are kept, so that queries do not encode the support again.
        states, context = self.read(entered + self.labels[labels.long()], None)
        differences = [_difference(entered, labels), _difference(states, labels)]

        def logits(query: RidgeInputs) -> Tensor:
            entered = self.enter(query.vectors)
            states, _ = self.read(entered + self.labels[UNKNOWN], context)
            parts = zip(self.log_temperature.exp(), differences, (entered, states), strict=True)
            similarity = sum(t * difference(x) for t, difference, x in parts)
            return ridge(query) + similarity

        return logits

    def read(self, x: Tensor, context: list[Tensor] | None) -> tuple[Tensor, list[Tensor]]:
        """Return the states after all layers, and the states before each layer.

        Args:
            x: states, shape (G, W).
            context: the support's states before each layer; None if x is the support.
        """
        before: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            before.append(x)
            x = layer(x, x if context is None else context[number])
        return x, before


class _Layer(nn.Module):
    """Attention to a context and a small network, each with a norm and a residual."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.body = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        query = self._split(self.query(self.norm(x)))
        key, value = map(self._split, self.key_value(self.norm(context)).chunk(2, dim=1))
        attended = F.scaled_dot_product_attention(query, key, value)
        x = x + self.dropout(self.out(attended.transpose(0, 1).flatten(1)))
        return x + self.dropout(self.body(self.second(x)))

    def _split(self, x: Tensor) -> Tensor:
        return x.view(len(x), self.heads, x.shape[1] // self.heads).transpose(0, 1)


def _difference(states: Tensor, labels: Tensor) -> Head:
    unit, active = F.normalize(states, dim=1), labels > 0.5
    # A mean of cosines is a product with the mean unit vector, so one vector holds the support.
    direction = unit[active].mean(0) - unit[~active].mean(0)
    return lambda x: F.normalize(x, dim=1) @ direction
