"""A network trained on the support alone. Learns nothing before the support."""

from __future__ import annotations

import copy
import hashlib
import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from molmeta.blocks import tensor_of
from molmeta.encoders.fingerprint import Fingerprint
from molmeta.learners._fingerprints import BLOCK, bits_of
from molmeta.learners._gradient import Scorer
from molmeta.learners._tuning import Descent, Loss, Stopping, Weights, parted, require
from molmeta.learners.base import Labelled, MetaLearner, Predictor, require_both_classes
from molmeta.seeds import torch_seed

if TYPE_CHECKING:
    from molmeta.encoders.base import Encoder


class SingleTask(MetaLearner):
    """An encoder and a linear layer, from random weights to those that the support asks for.

    Adam on the mean log loss of the whole support. How many steps is learnt from the support
    alone: from a training without every fifth molecule of each class, whose loss says when to
    stop; then it starts again with all. Where no class has three molecules nothing is held out,
    and all steps are taken. Random weights come from a seed that the support itself gives, and the
    support is put in the order of its fingerprints, so that the order it came in has no say.

    The support must hold both classes.

    Args:
        encoder: trained from the weights it has; none is a fingerprint network.
        hidden: width of the fingerprint network.
        learning_rate: of Adam.
        steps: at most.
        patience: steps without a better loss on what is held out before it stops.
        seed: of the random weights, beside the support.

    Raises:
        ConfigError: an option out of its range.

    Source:
        Stanley et al., FS-Mol, NeurIPS Datasets and Benchmarks 2021 (GNN-ST).
    """

    meta_trained: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = (BLOCK,)

    def __init__(
        self,
        encoder: Encoder | None = None,
        *,
        hidden: int = 128,
        learning_rate: float = 1e-3,
        steps: int = 100,
        patience: int = 20,
        seed: int = 0,
    ) -> None:
        super().__init__(encoder)
        rules = {
            "hidden": (hidden, hidden >= 1, "1 or more"),
            "learning_rate": (learning_rate, 0 < learning_rate < math.inf, "a number above 0"),
            "steps": (steps, steps >= 1, "1 or more"),
            "patience": (patience, patience >= 1, "1 or more"),
        }
        require("single_task", rules)
        self.hidden, self.learning_rate, self.seed = hidden, learning_rate, seed
        self.stopping = Stopping(steps, patience, least=1)

    def adapt(self, support: Labelled) -> Predictor:
        require_both_classes(support.labels)
        known, digest = in_own_order(support)
        network = self.network(known, digest)
        steps = self.best_steps(network, known)
        weights = self.descent(network).after(steps, _loss(network, known))
        return lambda molecules: functional_call(network, weights, (molecules,))

    def network(self, support: Labelled, digest: str) -> Scorer:
        """Return the network before its first step."""
        with torch_seed(self.seed, "single_task", digest):
            network = Scorer(self.fresh(bits_of(support.molecules).size))
        return network.eval().to(support.labels.device)

    def fresh(self, size: int) -> Encoder:
        """Return a copy of the encoder, or a network on fingerprints of that size."""
        if self.encoder is not None:
            return copy.deepcopy(self.encoder)
        return Fingerprint(width=self.hidden, hidden=self.hidden, size=size)

    def descent(self, network: Scorer) -> Descent:
        start: Weights = dict(network.named_parameters())
        return Descent(start, dict.fromkeys(start, self.learning_rate))

    def best_steps(self, network: Scorer, support: Labelled) -> int:
        """Return the number of steps after which what is held out was predicted best."""
        order = torch.arange(len(support), device=support.labels.device)
        kept, held = (_part(support, rows) for rows in parted(order, support.labels))
        if len(held) == 0:
            return self.stopping.most
        losses = _loss(network, kept), _loss(network, held)
        return self.stopping.best(self.descent(network), *losses)


def _loss(network: Scorer, known: Labelled) -> Loss:
    def loss(weights: Weights) -> Tensor:
        logits = functional_call(network, weights, (known.molecules,))
        return F.binary_cross_entropy_with_logits(logits, known.labels.to(logits))

    return loss


def in_own_order(support: Labelled) -> tuple[Labelled, str]:
    """Return the support in the order of its fingerprints, and a digest of these and its labels."""
    bits = bits_of(support.molecules).dense(torch.uint8).cpu().numpy()
    rows = np.column_stack([np.packbits(bits, axis=1), support.labels.cpu().numpy() > 0.5])
    order = np.lexsort(rows.T)
    digest = hashlib.sha256(rows[order].tobytes()).hexdigest()
    return _part(support, tensor_of(order).to(support.labels.device)), digest


def _part(support: Labelled, rows: Tensor) -> Labelled:
    return Labelled(support.molecules.select(rows), support.labels[rows])
