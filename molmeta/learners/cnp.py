"""Conditional neural process: the support becomes one vector that decodes each query."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.encoders.base import Paper
from molmeta.learners._parents.embedding import EmbeddingLearner
from molmeta.learners._parts.targets import (
    Scale,
    episode_numbers,
    require_target,
    scale_of,
    support_numbers,
)
from molmeta.learners.base import require_both_classes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.assays.episodes import Episode
    from molmeta.encoders.base import Encoder
    from molmeta.learners._parents.embedding import Head
    from molmeta.learners.base import Predictor, Target
    from molmeta.molecules.labelled import Labelled

LEAST_SPREAD = 0.1


class CNP(EmbeddingLearner):
    """Decode each query beside the mean of what every molecule of the support says.

    r = mean_i h(z_i, y_i), with y in {-1, 1}; logit(q) = g(z_q, r). h and g are networks with one
    hidden layer, and training is on the cross-entropy of the queries. Values are learnt on the
    support's scale: g then gives mean and spread of a normal distribution, the spread at least
    0.1, its log-density is what is trained on, and the mean is what is predicted.

    The support must hold both classes, unless values are learnt.

    Source:
        Garnelo et al., Conditional Neural Processes, ICML 2018.

    Args:
        encoder: any encoder.
        target: 'activity' or 'value'.
        width: of the hidden layers and of r.
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
        found = support_numbers(support, self.target)
        scale = self.scale(found)
        vectors = self.encode(support.molecules)
        decoded = self.decoder(vectors, scale.to(found))
        return lambda molecules: scale.back(decoded(self.encode(molecules))[:, 0]).float()

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        decoded = self.decoder(vectors, labels * 2 - 1)
        return lambda query: decoded(query)[:, 0]

    def scale(self, found: Tensor) -> Scale:
        """Return the scale of a support's numbers; classes stay +1 and -1."""
        return scale_of(found, self.target, centre=False)

    def decoder(self, vectors: Tensor, y: Tensor) -> Head:
        """Return what gives the outputs of g, shape (Q, 1) or (Q, 2), to queries of (Q, W)."""
        entered = self.enter(torch.cat([vectors, y.to(vectors).unsqueeze(1)], dim=1))
        read = entered.mean(0)
        return lambda query: self.decode(torch.cat([query, read.expand(len(query), -1)], dim=1))

    def losses(
        self, episodes: Sequence[Episode], supports: list[Tensor], queries: list[Tensor]
    ) -> list[Tensor]:
        if self.target == "activity":
            return super().losses(episodes, supports, queries)
        parts = zip(episodes, supports, queries, strict=True)
        return [self._value_loss(*part) for part in parts]

    def _value_loss(self, episode: Episode, support: Tensor, query: Tensor) -> Tensor:
        found, asked = episode_numbers(episode, "value", support)
        scale = self.scale(found)
        mean, raw = self.decoder(support, scale.to(found))(query).double().T
        spread = LEAST_SPREAD + (1 - LEAST_SPREAD) * F.softplus(raw)
        return F.gaussian_nll_loss(mean, scale.to(asked), spread.square(), full=True)


def _network(enter: int, hidden: int, leave: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(enter, hidden), nn.GELU(), nn.Linear(hidden, leave))
