"""Proxies: the actives of a training target are drawn to one vector, away from all others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.assays.records import target_numbers
from molmeta.encoders.base import Paper
from molmeta.errors import ConfigError
from molmeta.learners._parents.embedding import EmbeddingLearner, Head
from molmeta.learners._parts.attention import attended
from molmeta.molecules.blocks import tensor_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.assays.episodes import Episode
    from molmeta.assays.training_data import TrainingData
    from molmeta.encoders.base import Encoder
    from molmeta.molecules.blocks import Molecules

SHARPNESS = 12.0


class ProxyNCA(EmbeddingLearner):
    """One vector a training target, to which the vectors of its actives are nearer than to others.

    p(t | x) = softmax_t(s cos(z(x), w_t)) over the targets of all training assays. Encoder,
    proxies w and sharpness s learn from -log p(t | x) of molecules that are active on t; inactives
    are not looked at. All other targets stand for what a library holds, so that vectors tell
    what binds to a target from everything else, and not from the inactives measured beside it. A
    query is scored by cosine attention to the labels of the support, of sharpness s, as if its
    molecules were proxies. The support must hold both classes.

    Assays without a known target are targets of their own.

    Source:
        Movshovitz-Attias et al., No Fuss Distance Metric Learning Using Proxies, ICCV 2017; Zhai
        and Wu, Classification is a Strong Baseline for Deep Metric Learning, BMVC 2019 (softmax
        over cosines).

    Args:
        encoder: any encoder.
        targets: targets of training assays there is room for.

    Raises:
        ConfigError: there is room for no target.
    """

    papers = (
        Paper(
            authors=(
                "Movshovitz-Attias, Yair; Toshev, Alexander; Leung, Thomas K.; Ioffe, Sergey; "
                "Singh, Saurabh"
            ),
            year=2017,
            title="No Fuss Distance Metric Learning Using Proxies",
            venue="ICCV",
        ),
        Paper(
            authors="Zhai, Andrew; Wu, Hao-Yu",
            year=2019,
            title="Classification is a Strong Baseline for Deep Metric Learning",
            venue="BMVC",
        ),
    )
    use_when = "you need an encoder (`init`) that separates actives from a whole library"

    def __init__(self, encoder: Encoder, *, targets: int = 8192) -> None:
        super().__init__(encoder)
        if targets < 1:
            raise ConfigError(
                f"learner 'proxynca': has room for no target; got {targets}, expected 1 or more. "
                "Raise 'targets' in its options."
            )
        self.proxies = nn.Parameter(torch.randn(targets, self.encoder.width))
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(SHARPNESS)))
        self.place = dict[str, int]()

    def fit(self, data: TrainingData) -> None:
        super().fit(data)
        place = target_numbers(data.assays)
        n = len(set(place.values()))
        if n > len(self.proxies):
            raise ConfigError(
                f"learner 'proxynca': has room for {len(self.proxies)} targets; got {n}, "
                "expected no more. Raise 'targets' in its options."
            )
        self.place = place

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        known = F.normalize(vectors, dim=1)

        def logits(query: Tensor) -> Tensor:
            cosine = F.normalize(query, dim=1) @ known.T
            return attended(self.log_sharpness.exp() * cosine, labels)

        return logits

    def backward(self, episodes: Sequence[Episode], molecules: Molecules) -> float:
        actives = [_actives(episode) for episode in episodes]
        counts = [len(rows) for rows in actives]
        places = np.repeat([self.place[episode.assay] for episode in episodes], counts)
        distinct, inverse = np.unique(np.concatenate(actives), return_inverse=True)
        vectors = self.encode(molecules.select(tensor_of(distinct).to(molecules.device)))
        proxies = F.normalize(self.proxies[: max(self.place.values()) + 1], dim=1)
        logits = self.log_sharpness.exp() * (F.normalize(vectors, dim=1) @ proxies.T)
        chosen, wanted = (tensor_of(part).to(logits.device) for part in (inverse, places))
        costs = F.cross_entropy(logits[chosen], wanted, reduction="none")
        loss = torch.stack([part.mean() for part in torch.split(costs, counts)]).mean()
        torch.autograd.backward(loss)
        return float(loss.detach())


def _actives(episode: Episode) -> NDArray[np.int64]:
    parts = ((episode.support, episode.support_labels), (episode.query, episode.query_labels))
    return np.concatenate([rows[labels > 0.5] for rows, labels in parts])
