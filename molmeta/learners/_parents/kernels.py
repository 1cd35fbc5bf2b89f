"""A kernel of trained vectors and fingerprints, and ridge regression on it."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.learners._parents.embedding import EMBEDDING, EmbeddingLearner, Head
from molmeta.learners.base import Predictor, require_support
from molmeta.molecules.blocks import Bits, Molecules
from molmeta.molecules.similarity import tanimoto

if TYPE_CHECKING:
    from collections.abc import Callable

    from molmeta.encoders.base import Encoder
    from molmeta.molecules.labelled import Labelled

TYPICAL_SUPPORT = 32
_linalg: Any = torch.linalg


class RidgeInputs(NamedTuple):
    """The features of G molecules that the kernel compares.

    Attributes:
        vectors: vectors of the encoder, shape (G, W).
        bits: fingerprints, either dense as zeros and ones, shape (G, size), or sparse; None for a
            kernel of vectors alone.
    """

    vectors: Tensor
    bits: Tensor | Bits | None


class KernelLearner(EmbeddingLearner):
    """Parent of learners whose head sees trained vectors and, by default, fingerprints.

    Fingerprints of molecules that are scored only once, such as a library, stay sparse.

    Args:
        encoder: any encoder.
        fingerprints: whether to compare Morgan fingerprints in addition to the vectors.
    """

    def __init__(self, encoder: Encoder, *, fingerprints: bool) -> None:
        super().__init__(encoder)
        self.ridge = KernelRidge(fingerprints=fingerprints)

    @property
    def featurizers(self) -> tuple[str, ...]:
        bits = ("morgan",) if self.ridge.fingerprints else ()
        return tuple(dict.fromkeys((*super().featurizers, *bits)))

    def embed(self, molecules: Molecules) -> Tensor:
        if not self.ridge.fingerprints:
            return self.encoder(molecules)
        # In one tensor, because the parent stores and selects one vector for each molecule.
        return torch.cat([self.encoder(molecules), molecules.block("morgan", Bits).dense()], dim=1)

    @abstractmethod
    def scorer(self, support: RidgeInputs, labels: Tensor) -> Callable[[RidgeInputs], Tensor]:
        """Return a scorer of queries for a support of S molecules with labels (S,)."""

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        scorer = self.scorer(self.inputs(vectors), labels)
        return lambda query: scorer(self.inputs(query))

    def adapt(self, support: Labelled) -> Predictor:
        require_support(support.labels, actives_only=self.actives_only)
        scorer = self.scorer(self.inputs(self.encode(support.molecules)), support.labels)
        return lambda molecules: scorer(self._query(molecules))

    def _query(self, molecules: Molecules) -> RidgeInputs:
        if EMBEDDING in molecules.blocks or not self.ridge.fingerprints:
            return self.inputs(self.encode(molecules))
        return RidgeInputs(self.encoder(molecules), molecules.block("morgan", Bits))

    def inputs(self, embedded: Tensor) -> RidgeInputs:
        """Split the output of `embed` into vectors and fingerprints."""
        width = self.encoder.width
        bits = embedded[:, width:] if self.ridge.fingerprints else None
        return RidgeInputs(embedded[:, :width], bits)


class KernelRidge(nn.Module):
    """Ridge regression of the labels on k(x, x') = a cos(z - m, z' - m) + b Tanimoto(x, x').

    With y in {-1, 1} and its mean ym, f(q) = ym + k_q (K + r I)^-1 (y - ym) and logit = s f. The
    ridge is r = r0 (S / 32)^p for a support of S molecules.

    | symbol       | attribute     | meaning                         | start value |
    | ------------ | ------------- | ------------------------------- | ----------- |
    | log a, log b | `log_weights` | weights of the two kernels      | 0, 0        |
    | log r0       | `log_ridge`   | ridge for a support of 32       | 0           |
    | p            | `ridge_power` | growth of the ridge with S      | 0           |
    | log s        | `log_scale`   | scale of the logits             | log 2       |
    | z, m         |               | vectors, and the support's mean |             |

    Args:
        fingerprints: whether the kernel has the second part.

    Source:
        Bertinetto et al., Meta-learning with Differentiable Closed-form Solvers, ICLR 2019;
        Ralaivola et al., Neural Networks 2005, 18, 1093 (Tanimoto kernel).
    """

    def __init__(self, *, fingerprints: bool = True) -> None:
        super().__init__()
        self.fingerprints = fingerprints
        self.log_weights = nn.Parameter(torch.zeros(1 + fingerprints))
        self.log_ridge = nn.Parameter(torch.zeros(1))
        self.ridge_power = nn.Parameter(torch.zeros(1))
        self.log_scale = nn.Parameter(torch.full((1,), math.log(2.0)))

    def forward(self, support: RidgeInputs, labels: Tensor) -> Callable[[RidgeInputs], Tensor]:
        """Return a function from queries to logits of shape (Q,)."""
        centre = support.vectors.mean(0)
        centred = RidgeInputs(F.normalize(support.vectors - centre, dim=1), support.bits)
        y = labels * 2 - 1
        ridge = self.log_ridge + self.ridge_power * math.log(len(y) / TYPICAL_SUPPORT)
        kernel = self.kernel(centred, centred) + torch.diag(ridge.exp().expand(len(y)))
        weights: Tensor = _linalg.solve(kernel, y - y.mean())

        def logits(query: RidgeInputs) -> Tensor:
            x = RidgeInputs(F.normalize(query.vectors - centre, dim=1), query.bits)
            return self.log_scale.exp() * (y.mean() + self.kernel(x, centred) @ weights)

        return logits

    def kernel(self, x: RidgeInputs, others: RidgeInputs) -> Tensor:
        """Return k for G centred molecules against S others, shape (G, S)."""
        weights = self.log_weights.exp()
        cosine = weights[0] * (x.vectors @ others.vectors.T)
        if x.bits is None or others.bits is None:
            return cosine
        return cosine + weights[1] * tanimoto(x.bits, others.bits)
