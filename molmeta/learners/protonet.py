"""Prototypical network: each class is the mean of its support vectors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn
from torch.nn import functional as F

from molmeta.encoders.base import Paper
from molmeta.errors import ConfigError
from molmeta.learners._parents.embedding import EmbeddingLearner, Head
from molmeta.learners._parts.gaussian_process import squared_distances, typical_length
from molmeta.learners._parts.positive import cholesky
from molmeta.learners._parts.tuning import require

if TYPE_CHECKING:
    from torch import Tensor

    from molmeta.encoders.base import Encoder

SHRINKAGE = 0.1
RIDGE = 0.1
JITTER = 1e-6
_linalg: Any = torch.linalg


class ProtoNet(EmbeddingLearner):
    """Assigns a query to the class with the nearer mean.

    logit(q) = d_0(q) - d_1(q) with d_c(q) = (q - m_c)' P_c (q - m_c).

    | symbol | meaning                                                                  |
    | ------ | ------------------------------------------------------------------------ |
    | m_c    | mean vector of class c                                                   |
    | P_c    | I (euclidean), or [l Cov(S_c) + (1 - l) Cov(S) + 0.1 I]^-1 (mahalanobis) |
    | S, S_c | the support and its members of class c                                   |
    | l      | min(n_c / (n_c + 1), 0.1) for a class of n_c molecules                   |

    The Mahalanobis form is that of Stanley et al., FS-Mol, 2021. The support must have both
    classes. With `bandwidth`, q and m_c are points in the feature space of the kernel
    L^2 exp(-d^2 / (2 b^2 t^2)), with d the distance of two vectors, L `length`, b `bandwidth` and
    t = sqrt(m / 2) for the median m of the squared distances in the support (Mika et al., Fisher
    discriminant analysis with kernels, 1999).

    Args:
        encoder: any encoder.
        metric: 'mahalanobis' or 'euclidean'.
        length: length to which vectors are scaled, after the mean of the support is subtracted: a
            start value that is trained. None leaves vectors as they are. Use it with `init`, as
            another learner's vectors may be so long that all probabilities are close to 0 or 1
            (CL2N of Wang et al., SimpleShot, arXiv 1911.04623, 2019).
        bandwidth: width of a Gaussian kernel in which the vectors are compared: a start value that
            is trained. None compares the vectors themselves. It needs `length`.
    """

    papers = (
        Paper(
            authors="Snell, Jake; Swersky, Kevin; Zemel, Richard",
            year=2017,
            title="Prototypical Networks for Few-shot Learning",
            venue="NeurIPS",
        ),
    )
    use_when = "you need a plain meta-learner to compare with; it solves one small linear system"

    def __init__(
        self,
        encoder: Encoder,
        *,
        metric: Literal["mahalanobis", "euclidean"] = "mahalanobis",
        length: float | None = None,
        bandwidth: float | None = None,
    ) -> None:
        super().__init__(encoder)
        if metric not in ("mahalanobis", "euclidean"):
            raise ConfigError(
                f"learner 'protonet': metric is unknown; got '{metric}', expected 'mahalanobis' "
                "or 'euclidean'. Change it in the recipe."
            )
        if bandwidth is not None and length is None:
            raise ConfigError(
                "learner 'protonet': 'bandwidth' needs the length of a point; got no 'length', "
                "expected for example 2. Add it to the recipe."
            )
        self.metric = metric
        self.log_length = _log_parameter("length", length)
        self.log_bandwidth = _log_parameter("bandwidth", bandwidth)

    def points(self, support: Tensor) -> Head:
        """Return a function from vectors (G, W) to the points whose distances are compared.

        Args:
            support: vectors of the support, shape (S, W).
        """
        if self.log_length is None:
            return lambda vectors: vectors
        length, centre = self.log_length.exp(), support.mean(0)
        if self.log_bandwidth is None:
            return lambda vectors: length * F.normalize(vectors - centre, dim=1)
        mapped = kernel_points(support, self.log_bandwidth.exp())
        return lambda vectors: length * mapped(vectors)

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        points, active = self.points(vectors), labels > 0.5
        support = points(vectors)
        distances = [self._distance(support, support[members]) for members in (~active, active)]

        def logits(query: Tensor) -> Tensor:
            mapped = points(query)
            inactive, active = (distance(mapped) for distance in distances)
            return (inactive - active).to(query)

        return logits

    def _distance(self, support: Tensor, members: Tensor) -> Head:
        mean = members.mean(0)
        if self.metric == "euclidean":
            return lambda query: (query - mean).square().sum(1)
        quadratic = mahalanobis(support.double(), members.double())
        return lambda query: quadratic((query - mean).double())


def kernel_points(support: Tensor, bandwidth: Tensor) -> Head:
    """Return a function from vectors to points whose inner products are a Gaussian kernel.

    A point has S coordinates: those of the span of the support, which contains all class means.
    What lies outside is equally far from both classes.

    Args:
        support: vectors of the support, shape (S, W).
        bandwidth: of the kernel, as a multiple of `typical_length`.
    """
    vectors = support.double()
    squared = squared_distances(vectors, vectors)
    scale = 2 * (bandwidth.double() * typical_length(squared)).square()
    factor = cholesky((-squared / scale).exp() + JITTER * torch.eye(len(squared)).to(squared))

    def points(x: Tensor) -> Tensor:
        similarities = (-squared_distances(vectors, x.double()) / scale).exp()
        return _linalg.solve_triangular(factor, similarities, upper=False).T

    return points


def mahalanobis(support: Tensor, members: Tensor) -> Head:
    """Return d -> d' P d for the rows of d, with the regularised precision P of one class.

    The W x W inverse is never formed. With A the stacked, scaled deviations, Cov = A'A. By
    Woodbury's identity, P = 10 [I - A'(0.1 I + A A')^-1 A], which needs a system of S + n_c.

    Args:
        support: vectors of the whole support, shape (S, W).
        members: vectors of one class, shape (n_c, W).
    """
    weight = min(len(members) / (len(members) + 1), SHRINKAGE) if len(members) > 1 else 0.0
    deviations = [((1 - weight) / (len(support) - 1)) ** 0.5 * (support - support.mean(0))]
    if weight > 0:
        within = members - members.mean(0)
        deviations.append((weight / (len(members) - 1)) ** 0.5 * within)
    a = torch.cat(deviations)
    ridge = RIDGE * torch.eye(len(a), dtype=a.dtype, device=a.device)
    factor: Tensor = _linalg.cholesky(ridge + a @ a.T)
    # Solved once, not for each of the many chunks of a library.
    whitened: Tensor = _linalg.solve_triangular(factor, a, upper=False)

    def quadratic(d: Tensor) -> Tensor:
        return (d.square().sum(1) - (d @ whitened.T).square().sum(1)) / RIDGE

    return quadratic


def _log_parameter(name: str, start: float | None) -> nn.Parameter | None:
    """Return the logarithm of an option that is trained, None without a start value."""
    if start is None:
        return None
    require("protonet", {name: (start, 0 < start < math.inf, "a number above 0")})
    return nn.Parameter(torch.tensor(math.log(start)))
