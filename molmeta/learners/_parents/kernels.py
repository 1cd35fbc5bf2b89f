"""A kernel that joins what was learnt with fingerprint similarity, and ridge regression on it."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.learners._parents.embedding import EMBEDDING, EmbeddingLearner
from molmeta.learners.base import require_support
from molmeta.molecules.blocks import Bits
from molmeta.molecules.similarity import tanimoto

if TYPE_CHECKING:
    from collections.abc import Callable

    from molmeta.learners._parents.embedding import Head
    from molmeta.learners.base import Predictor
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

TYPICAL_SUPPORT = 32
_linalg: Any = torch.linalg


class RidgeInputs(NamedTuple):
    """Molecules as the kernel sees them.

    Attributes:
        vectors: learnt, shape (G, W).
        bits: fingerprints as zeros and ones, shape (G, size), or G that were not made dense.
    """

    vectors: Tensor
    bits: Tensor | Bits


class KernelLearner(EmbeddingLearner):
    """Parent of learners whose head sees the learnt vectors and the fingerprints side by side.

    Fingerprints of molecules that are scored once, as those of a library, are not made dense.
    """

    needs: ClassVar[tuple[str, ...]] = ("morgan",)

    def embed(self, molecules: Molecules) -> Tensor:
        return torch.cat([self.encoder(molecules), molecules.block("morgan", Bits).dense()], dim=1)

    @abstractmethod
    def scorer(self, support: RidgeInputs, labels: Tensor) -> Callable[[RidgeInputs], Tensor]:
        """Return what scores queries, from a support of S molecules and labels (S,)."""

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        scorer = self.scorer(self.points(vectors), labels)
        return lambda query: scorer(self.points(query))

    def adapt(self, support: Labelled) -> Predictor:
        require_support(support.labels, actives_only=self.actives_only)
        scorer = self.scorer(self.points(self.encode(support.molecules)), support.labels)
        return lambda molecules: scorer(self._seen(molecules))

    def _seen(self, molecules: Molecules) -> RidgeInputs:
        if EMBEDDING in molecules.blocks:
            return self.points(self.encode(molecules))
        return RidgeInputs(self.encoder(molecules), molecules.block("morgan", Bits))

    def points(self, vectors: Tensor) -> RidgeInputs:
        """Part again what `embed` has joined."""
        width = self.encoder.width
        return RidgeInputs(vectors[:, :width], vectors[:, width:])


class KernelRidge(nn.Module):
    """Ridge regression of the labels on k(x, x') = a cos(z - m, z' - m) + b Tanimoto(x, x').

    m is the mean of the support's vectors. With y in {-1, 1}, f(q) = ym + k_q (K + r I)^-1 (y - ym)
    and logit = s f. The weights a, b, the ridge r = r0 (S / 32)^p and s are learnt.

    Source:
        Bertinetto et al., Meta-learning with Differentiable Closed-form Solvers, ICLR 2019;
        Ralaivola et al., Neural Networks 2005, 18, 1093 (Tanimoto kernel).
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_weights = nn.Parameter(torch.zeros(2))
        self.log_ridge = nn.Parameter(torch.zeros(1))
        self.ridge_power = nn.Parameter(torch.zeros(1))
        self.log_scale = nn.Parameter(torch.full((1,), math.log(2.0)))

    def forward(self, support: RidgeInputs, labels: Tensor) -> Callable[[RidgeInputs], Tensor]:
        """Return what gives logits of shape (Q,) to queries."""
        centre = support.vectors.mean(0)
        known = RidgeInputs(F.normalize(support.vectors - centre, dim=1), support.bits)
        y = labels * 2 - 1
        ridge = self.log_ridge + self.ridge_power * math.log(len(y) / TYPICAL_SUPPORT)
        kernel = self.kernel(known, known) + torch.diag(ridge.exp().expand(len(y)))
        weights: Tensor = _linalg.solve(kernel, y - y.mean())

        def logits(query: RidgeInputs) -> Tensor:
            centred = RidgeInputs(F.normalize(query.vectors - centre, dim=1), query.bits)
            return self.log_scale.exp() * (y.mean() + self.kernel(centred, known) @ weights)

        return logits

    def kernel(self, x: RidgeInputs, others: RidgeInputs) -> Tensor:
        cosine, similarity = self.log_weights.exp()
        alike = tanimoto(x.bits, others.bits)
        return cosine * (x.vectors @ others.vectors.T) + similarity * alike
