"""Multi-task network: one network for all training assays, then a linear probe."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.assays.measurements import Measurements
from molmeta.encoders.base import Paper
from molmeta.errors import ConfigError
from molmeta.learners._parents.embedding import EmbeddingLearner, Head
from molmeta.learners._parts.targets import (
    Scale,
    aims_of,
    episode_aims,
    graded,
    require_target,
    scale_of,
)
from molmeta.learners._parts.tuning import require
from molmeta.molecules.blocks import tensor_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay
    from molmeta.assays.episodes import Episode
    from molmeta.assays.training_data import TrainingData
    from molmeta.encoders.base import Encoder
    from molmeta.learners.base import Predictor, Target
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

NEWTON_STEPS = 12
RIDGE: dict[Target, float] = {"activity": 0.05, "value": 1.0}
"""Ridge of the linear probe. For values, 1 has the best R2 at 16 and 64 on FS-Mol's validation
assays, of values from 0.05 to 4."""
_linalg: Any = torch.linalg


class MultiTask(EmbeddingLearner):
    """One encoder for all training assays, with a weight vector for each of them.

    In training, p(active | x, assay t) = sigmoid(w_t . f(z) + b_t), for the molecules of support
    and query alike. With `training.compounds`, it covers all assays that measured a compound, and p
    is fitted to labels that measured values refine. A new assay gets a linear probe: logistic
    regression with a ridge, fitted by Newton's method. Its inputs are the vectors z, centred on the
    support and scaled to length 1.

    | symbol | attribute | meaning                       | start value            |
    | ------ | --------- | ----------------------------- | ---------------------- |
    | z      |           | vectors of the encoder        |                        |
    | f      |           | gelu(norm(z)), or z if linear |                        |
    | w_t    | `weights` | weights of training assay t   | normal, variance 1 / W; 0 if linear |
    | b_t    | `biases`  | intercept of training assay t | 0                      |

    For values, training minimises the squared error on the scale of each assay's values. The probe
    is then a ridge regression on the scale of the support. The support must have both classes, or a
    value for each molecule.

    Dahl et al., arXiv 1406.1231, introduced multi-task networks for activities.

    Args:
        encoder: any encoder.
        assays: largest number of training assays.
        ridge: ridge of the linear probe; None for 0.05 (classes) or 1 (values).
        target: 'activity' or 'value'.
        linear: whether outputs are linear in the vectors of the encoder.

    Raises:
        ConfigError: an option is out of range.
    """

    papers = (
        Paper(
            authors="Formont, Philippe; Jeannin, Hugo; Piantanida, Pablo; Ben Ayed, Ismail",
            year=2025,
            title="A Strong Baseline for Molecular Few-Shot Learning",
            venue="Transactions on Machine Learning Research",
            kind="article",
        ),
    )
    use_when = "you need the baseline of meta-learning, or an encoder for other learners (`init`)"
    regression: ClassVar[bool] = True
    trained: Tensor
    """Which rows of `weights` belong to a training assay, bool, shape (assays,), if linear."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        assays: int = 8192,
        ridge: float | None = None,
        target: Target = "activity",
        linear: bool = False,
    ) -> None:
        super().__init__(encoder)
        name = type(self).__module__.rpartition(".")[2]
        require_target(target, name)
        width, self.target = self.encoder.width, target
        self.ridge = RIDGE[target] if ridge is None else ridge
        require(name, {"ridge": (ridge, 0 < self.ridge < math.inf, "a number above 0, or None")})
        self.row_of_assay, self.scales = dict[str, int](), dict[str, Scale]()
        self.linear = linear
        if not linear:
            self.norm = nn.LayerNorm(width)
        elif self.encoder.final is None:
            raise ConfigError(
                f"learner '{name}': 'linear' needs an encoder that ends with a linear map; got "
                f"'{type(self.encoder).__name__}', expected for example 'gine'. Remove 'linear'."
            )
        else:
            self.register_buffer("trained", torch.zeros(assays, dtype=torch.bool))
        scale = 0.0 if linear else width**-0.5
        self.weights = nn.Parameter(torch.randn(assays, width) * scale)
        self.biases = nn.Parameter(torch.zeros(assays))

    def fit(self, data: TrainingData) -> None:
        super().fit(data)
        n = len(data.assays)
        if n > len(self.biases):
            raise ConfigError(
                f"learner 'multitask': has room for {len(self.biases)} assays; got {n}, "
                "expected no more. Raise 'assays' in its options."
            )
        self.row_of_assay = {assay.name: row for row, assay in enumerate(data.assays)}
        if self.linear:
            self.trained[:n] = True
        if self.target == "value":
            values = {assay.name: assay.measured().values for assay in data.assays}
            self.scales = {
                name: scale_of(tensor_of(measured).double(), "value")
                for name, measured in values.items()
                if len(measured)
            }

    def finish(self) -> None:
        """Turn the vectors so that the weights of the training assays have the covariance I.

        The outputs stay the same. Directions in which assays differ become long. A ridge, a
        distance or a kernel on the vectors then uses what the training assays have in common.
        """
        final = self.encoder.final
        if not self.linear or final is None or int(self.trained.sum()) <= self.encoder.width:
            return
        with torch.no_grad():
            weights = self.weights[self.trained].double()
            if not weights.any():  # No step was taken.
                return
            root = _root(torch.cov(weights.T))
            final.weight.copy_(root @ final.weight.double())
            final.bias.copy_(root @ final.bias.double())
            self.weights.copy_(_linalg.solve(root, self.weights.double().T).T)

    def adapt(self, support: Labelled) -> Predictor:
        aims, scale = aims_of(support, self.target)
        head = self.head(self.encode(support.molecules), aims)
        return lambda molecules: scale.back(head(self.encode(molecules)))

    def losses(
        self, episodes: Sequence[Episode], supports: list[Tensor], queries: list[Tensor]
    ) -> list[Tensor]:
        losses: list[Tensor] = []
        # One selection for all episodes: a selection for each would have a gradient as large as
        # all weights.
        rows = [self.row_of_assay[episode.assay] for episode in episodes]
        heads = zip(self.weights[rows], self.biases[rows], strict=True)
        parts = zip(episodes, supports, queries, heads, strict=True)
        for episode, support, query, (weights, bias) in parts:
            logits = self.seen(torch.cat([support, query])) @ weights + bias
            aims = episode_aims(episode, self.target, logits, self.scales.get(episode.assay))
            losses.append(self.loss(logits, aims))
        return losses

    def measurements(self, data: TrainingData) -> Measurements:
        if self.target == "value":
            scales = [self.scales.get(assay.name) for assay in data.assays]
            parts = zip(data.assays, scales, strict=True)
            return Measurements.of(
                data.assays,
                [a.values if s is None else s.to(tensor_of(a.values)).numpy() for a, s in parts],
            )
        return Measurements.of(data.assays, [_grades(assay) for assay in data.assays])

    def backward_measurements(self, drawn: Measurements, molecules: Molecules) -> float:
        x = self.seen(self.encode(molecules.select(tensor_of(drawn.rows).to(molecules.device))))
        compounds, assays, aims, shares = (
            tensor_of(part).to(x.device)
            for part in (drawn.compounds, drawn.assays, drawn.aims, drawn.shares())
        )
        logits = (x[compounds] * self.weights[assays]).sum(1) + self.biases[assays]
        loss = (self.losses_of(logits, aims.to(logits)) * shares).sum() / len(drawn.rows)
        torch.autograd.backward(loss)
        return float(loss.detach())

    def seen(self, vectors: Tensor) -> Tensor:
        """Return f(z), which the outputs see, shape (G, W)."""
        return vectors if self.linear else F.gelu(self.norm(vectors))

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return self.losses_of(logits, labels).mean()

    def losses_of(self, outputs: Tensor, aims: Tensor) -> Tensor:
        """Return the loss of each of P outputs, shape (P,)."""
        if self.target == "value":
            return F.mse_loss(outputs, aims, reduction="none")
        return F.binary_cross_entropy_with_logits(outputs, aims, reduction="none")

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        centre = vectors.mean(0)
        design = _with_constant(F.normalize(vectors - centre, dim=1).double())
        weights = self.probe(design, labels.double())
        return lambda query: (
            _with_constant(F.normalize(query - centre, dim=1).double()) @ weights
        ).to(query)

    def probe(self, design: Tensor, aims: Tensor) -> Tensor:
        """Return the weights of the linear probe, one for each column of the design.

        Args:
            design: shape (S, W), float64, the last column constant.
            aims: labels, or values on the scale of the support, shape (S,).
        """
        fit = logistic if self.target == "activity" else least_squares
        return fit(design, aims, self.ridge)


def _root(covariance: Tensor) -> Tensor:
    """Return the symmetric root of a covariance with variances of at least 1e-4 of the largest."""
    variances, axes = _linalg.eigh(covariance)
    return (axes * variances.clamp(min=1e-4 * float(variances[-1])).sqrt()) @ axes.T


def _grades(assay: Assay) -> NDArray[np.float32]:
    """Probabilities to predict: labels that measured values refine."""
    grades = graded(tensor_of(assay.labels), tensor_of(assay.values))
    return ((grades + 1) / 2).clamp(0, 1).float().numpy()


def least_squares(design: Tensor, numbers: Tensor, ridge: float) -> Tensor:
    """Return the weights of a ridge regression.

    Args:
        design: shape (S, W), float64; the last column is constant and not penalised.
        numbers: shape (S,).
        ridge: adds ridge / 2 |w|^2 to half the summed squared errors, above 0.
    """
    column_means, mean = design.mean(0), numbers.mean()
    centred = design - column_means
    gram = centred @ centred.T + ridge * torch.eye(len(design)).to(design)
    weights = centred.T @ _linalg.solve(gram, numbers - mean)
    return torch.cat([weights[:-1], (mean - column_means @ weights).unsqueeze(0)])


def logistic(design: Tensor, labels: Tensor, ridge: float) -> Tensor:
    """Return the weights of a logistic regression with a ridge, by Newton's method.

    Args:
        design: shape (S, W), float64; the last column is constant and not penalised.
        labels: 1.0 or 0.0, shape (S,).
        ridge: adds ridge / 2 |w|^2 to the summed log loss.
    """
    penalty = torch.full((design.shape[1],), ridge, dtype=design.dtype, device=design.device)
    penalty[-1] = 1e-6
    # Each step solves a system of S equations, which is smaller than one of W.
    inverse = design / penalty
    gram, weights = design @ inverse.T, torch.zeros_like(penalty)
    for _ in range(NEWTON_STEPS):
        logits = design @ weights
        p = torch.sigmoid(logits)
        curvature = (p * (1 - p)).clamp(min=1e-6)
        target = logits + (labels - p) / curvature
        weights = inverse.T @ _linalg.solve(gram + torch.diag(1 / curvature), target)
    return weights


def _with_constant(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
