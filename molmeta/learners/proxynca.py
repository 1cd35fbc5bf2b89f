"""Proxies: the actives of a training target are drawn to one vector, away from all others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.assays.records import target_numbers
from molmeta.encoders.base import Encoder, Paper
from molmeta.errors import ConfigError
from molmeta.learners._parents.embedding import EmbeddingLearner, Head
from molmeta.learners._parts.attention import attended, cosine
from molmeta.learners._parts.tuning import require
from molmeta.molecules.blocks import Molecules, tensor_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.assays.episodes import Episode
    from molmeta.assays.training_data import TrainingData

SHARPNESS = 12.0


class ProxyNCA(EmbeddingLearner):
    """One proxy vector for each training target, close to the vectors of its actives.

    p(t | x) = softmax_t(s cos(z(x), w_t)) over the targets of all training assays. Training
    minimises -log p(t | x) over molecules that are active on t and ignores inactives. All other
    targets represent the rest of a library. Vectors thus separate the actives of a target from
    everything else, and not only from the inactives measured with them.

    | symbol | attribute       | meaning                | start value     |
    | ------ | --------------- | ---------------------- | --------------- |
    | z      |                 | vectors of the encoder |                 |
    | w_t    | `proxies`       | proxy of target t      | standard normal |
    | log s  | `log_sharpness` | sharpness              | log 12          |

    A query is scored by cosine attention of sharpness s to the labels of the support, as if the
    molecules of the support were proxies. The support must have both classes. An assay whose
    target is unknown counts as a target of its own.

    Args:
        encoder: any encoder.
        targets: largest number of training targets.

    Raises:
        ConfigError: `targets` is below 1.
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
        require("proxynca", {"targets": (targets, targets >= 1, "1 or more")})
        self.proxies = nn.Parameter(torch.randn(targets, self.encoder.width))
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(SHARPNESS)))
        self.proxy_of_assay = dict[str, int]()

    def fit(self, data: TrainingData) -> None:
        super().fit(data)
        numbers = target_numbers(data.assays)
        n = len(set(numbers.values()))
        if n > len(self.proxies):
            raise ConfigError(
                f"learner 'proxynca': has room for {len(self.proxies)} targets; got {n}, "
                "expected no more. Raise 'targets' in its options."
            )
        self.proxy_of_assay = numbers

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        sharpness = self.log_sharpness.exp()
        return lambda query: attended(sharpness * cosine(query, vectors), labels)

    def backward(self, episodes: Sequence[Episode], molecules: Molecules) -> float:
        actives = [_actives(episode) for episode in episodes]
        counts = [len(rows) for rows in actives]
        of_episode = [self.proxy_of_assay[episode.assay] for episode in episodes]
        # A molecule of several episodes is encoded once.
        distinct, index = np.unique(np.concatenate(actives), return_inverse=True)
        vectors = self.encode(molecules.select(tensor_of(distinct).to(molecules.device)))
        n_targets = max(self.proxy_of_assay.values()) + 1
        logits = self.log_sharpness.exp() * cosine(vectors, self.proxies[:n_targets])
        row, target = (
            tensor_of(part).to(logits.device) for part in (index, np.repeat(of_episode, counts))
        )
        costs = F.cross_entropy(logits[row], target, reduction="none")
        loss = torch.stack([part.mean() for part in torch.split(costs, counts)]).mean()
        torch.autograd.backward(loss)
        return float(loss.detach())


def _actives(episode: Episode) -> NDArray[np.int64]:
    parts = ((episode.support, episode.support_labels), (episode.query, episode.query_labels))
    return np.concatenate([rows[labels > 0.5] for rows, labels in parts])
