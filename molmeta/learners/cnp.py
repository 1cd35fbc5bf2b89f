"""Conditional neural process: the support becomes one vector that decodes each query."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.encoders.base import Encoder, Paper
from molmeta.learners._parents.embedding import EmbeddingLearner, Head
from molmeta.learners._parts.targets import (
    Scale,
    episode_numbers,
    require_target,
    scale_of,
    support_numbers,
)
from molmeta.learners.base import Predictor, Target, require_both_classes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.assays.episodes import Episode
    from molmeta.molecules.labelled import Labelled

MIN_SPREAD = 0.1


class CNP(EmbeddingLearner):
    """Decode each query together with the mean of a vector for each molecule of the support.

    r = mean_i h(z_i, y_i), with y in {-1, 1}, and logit(q) = g(z_q, r). Both h and g have one
    hidden layer. Training minimises the cross-entropy of the queries.

    | symbol | attribute | meaning                                              |
    | ------ | --------- | ---------------------------------------------------- |
    | z      |           | vectors of the encoder                               |
    | h      | `enter`   | network from a molecule and its label to a vector    |
    | g      | `decode`  | network from a query and r to a logit, or two values |

    For values, g returns the mean and the spread of a normal distribution, the spread at least
    0.1, on the scale of the support. Training maximises the log-density; predictions are the mean.

    The support must have both classes, or a value for each molecule.

    Args:
        encoder: any encoder.
        target: 'activity' or 'value'.
        width: width of the hidden layers and of r.
    """

    papers = (
        Paper(
            authors=(
                "Garnelo, Marta; Rosenbaum, Dan; Maddison, Chris J.; Ramalho, Tiago; Saxton, "
                "David; Shanahan, Murray; Teh, Yee Whye; Rezende, Danilo J.; Eslami, S. M. Ali"
            ),
            year=2018,
            title="Conditional Neural Processes",
            venue="ICML",
        ),
    )
    use_when = "you predict values of small supports; one vector cannot hold a large support"
    regression: ClassVar[bool] = True

    def __init__(self, encoder: Encoder, *, target: Target = "activity", width: int = 256) -> None:
        super().__init__(encoder)
        require_target(target, "cnp")
        self.target = target
        self.enter = _network(self.encoder.width + 1, width, width)
        self.decode = _network(self.encoder.width + width, width, 2 if target == "value" else 1)

    def adapt(self, support: Labelled) -> Predictor:
        if self.target == "activity":
            require_both_classes(support.labels)
        numbers = support_numbers(support, self.target)
        scale = self.scale(numbers)
        decoded = self.decoder(self.encode(support.molecules), scale.to(numbers))
        return lambda molecules: scale.back(decoded(self.encode(molecules))[:, 0]).float()

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        decoded = self.decoder(vectors, labels * 2 - 1)
        return lambda query: decoded(query)[:, 0]

    def scale(self, numbers: Tensor) -> Scale:
        """Return the scale of the numbers of a support; classes stay +1 and -1."""
        return scale_of(numbers, self.target, centre=False)

    def decoder(self, vectors: Tensor, y: Tensor) -> Head:
        """Return g for this support: from queries (Q, W) to outputs, shape (Q, 1) or (Q, 2)."""
        entered = self.enter(torch.cat([vectors, y.to(vectors).unsqueeze(1)], dim=1))
        summary = entered.mean(0)
        return lambda query: self.decode(torch.cat([query, summary.expand(len(query), -1)], dim=1))

    def losses(
        self, episodes: Sequence[Episode], supports: list[Tensor], queries: list[Tensor]
    ) -> list[Tensor]:
        if self.target == "activity":
            return super().losses(episodes, supports, queries)
        parts = zip(episodes, supports, queries, strict=True)
        return [self._value_loss(*part) for part in parts]

    def _value_loss(self, episode: Episode, support: Tensor, query: Tensor) -> Tensor:
        support_y, query_y = episode_numbers(episode, "value", support)
        scale = self.scale(support_y)
        mean, raw = self.decoder(support, scale.to(support_y))(query).double().T
        # Without a lowest spread, the density at a query that is hit exactly has no bound.
        spread = MIN_SPREAD + (1 - MIN_SPREAD) * F.softplus(raw)
        return F.gaussian_nll_loss(mean, scale.to(query_y), spread.square(), full=True)


def _network(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))
