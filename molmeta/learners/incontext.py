"""In-context learning: a transformer reads the labelled support, beside ridge regression."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.encoders.base import Paper
from molmeta.learners._parents.kernels import KernelLearner, KernelRidge, RidgeInputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from molmeta.encoders.base import Encoder
    from molmeta.learners._parents.embedding import Head

UNKNOWN = 2


class InContext(KernelLearner):
    """A transformer reads the support with its labels; each query attends to the support only.

    h = transformer(W z + e_label), with a label vector of its own for 'unknown'; similarity is
    mean cos(h_q, h_actives) - mean cos(h_q, h_inactives), and the same before attention as a
    residual; logit = t similarity + kernel ridge (`KernelRidge`). Queries do not see each other,
    and the order of the support does not matter. The support must hold both classes.

    Source:
        Schimunek et al., Context-enriched Molecule Representations Improve Few-shot Drug
        Discovery, ICLR 2023 (MHNfs); Fifty et al., In-Context Learning for Few-Shot Molecular
        Property Prediction, arXiv 2310.08863 (CAMP).

    Args:
        encoder: any encoder.
        width: of the transformer's states.
        layers: of the transformer.
        heads: of its attention; must divide `width`.
        dropout: in the transformer.
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
    ) -> None:
        super().__init__(encoder)
        self.enter = nn.Linear(self.encoder.width, width)
        self.labels = nn.Parameter(torch.randn(3, width) * width**-0.5)
        self.layers = nn.ModuleList(_Layer(width, heads, dropout) for _ in range(layers))
        self.ridge = KernelRidge()
        self.log_temperature = nn.Parameter(torch.full((2,), math.log(2.0)))

    def scorer(self, support: RidgeInputs, labels: Tensor) -> Callable[[RidgeInputs], Tensor]:
        ridge = self.ridge(support, labels)
        plain = self.enter(support.vectors)
        read, memories = self.read(plain + self.labels[labels.long()], None)
        compared = [_difference(plain, labels), _difference(read, labels)]

        def logits(query: RidgeInputs) -> Tensor:
            entered = self.enter(query.vectors)
            seen, _ = self.read(entered + self.labels[UNKNOWN], memories)
            parts = zip(self.log_temperature.exp(), compared, (entered, seen), strict=True)
            similarity = sum(t * difference(x) for t, difference, x in parts)
            return ridge(query) + similarity

        return logits

    def read(self, x: Tensor, memories: list[Tensor] | None) -> tuple[Tensor, list[Tensor]]:
        """Return states after attention to the memory of each layer, and what x itself was there.

        Args:
            x: states, shape (G, W).
            memories: the support's states before each layer; None where x is the support.
        """
        seen: list[Tensor] = []
        for place, layer in enumerate(self.layers):
            seen.append(x)
            x = layer(x, x if memories is None else memories[place])
        return x, seen


class _Layer(nn.Module):
    """Attention from states to a memory, then a small network, each with norm and residual."""

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

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        query = self._split(self.query(self.norm(x)))
        key, value = map(self._split, self.key_value(self.norm(memory)).chunk(2, dim=1))
        read = F.scaled_dot_product_attention(query, key, value)
        x = x + self.dropout(self.out(read.transpose(0, 1).flatten(1)))
        return x + self.dropout(self.body(self.second(x)))

    def _split(self, x: Tensor) -> Tensor:
        return x.view(len(x), self.heads, x.shape[1] // self.heads).transpose(0, 1)


def _difference(states: Tensor, labels: Tensor) -> Head:
    unit, active = F.normalize(states, dim=1), labels > 0.5
    direction = unit[active].mean(0) - unit[~active].mean(0)
    return lambda x: F.normalize(x, dim=1) @ direction
