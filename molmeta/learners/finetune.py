"""Fine-tuning: a multi-task network whose every weight goes on learning from the support."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from molmeta.learners._tuning import Descent, Loss, Stopping, Weights, parted, require
from molmeta.learners.base import Labelled, require_both_classes
from molmeta.learners.multitask import MultiTask, logistic

if TYPE_CHECKING:
    from molmeta.blocks import Molecules
    from molmeta.encoders.base import Encoder
    from molmeta.learners.base import Predictor

HEAD = "head"


class FineTune(MultiTask):
    """A multi-task network with a new last layer, and then all its weights, fitted to the support.

    Trained as `multitask` is. Then, for z the vectors around the support's mean, at length 1,
    logit(x) = v . z + b: first v and b as the linear probe has them, then all weights by Adam on
    the whole support, on copies. How many steps is learnt from the support alone: from a fit
    without every fifth molecule of each class, whose loss says when to stop; then it starts again
    with all. Where no class has three molecules nothing is held out, and all steps are taken.

    The support must hold both classes.

    Args:
        encoder: any encoder.
        assays: training assays there is room for.
        ridge: of the new layer, on summed log losses.
        learning_rate: of the encoder's weights; 0 leaves the linear probe.
        head_rate: of the new layer.
        steps: at most.
        patience: steps without a better loss on what is held out before it stops.

    Raises:
        ConfigError: an option out of its range.

    Source:
        Stanley et al., FS-Mol, NeurIPS Datasets and Benchmarks 2021 (GNN-MT: rates, steps,
        patience and a fifth held out); Kumar et al., Fine-Tuning can Distort Pretrained Features
        and Underperform Out-of-Distribution, ICLR 2022 (the probe first).
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        assays: int = 8192,
        ridge: float = 0.05,
        learning_rate: float = 5e-5,
        head_rate: float = 1e-4,
        steps: int = 50,
        patience: int = 10,
    ) -> None:
        super().__init__(encoder, assays=assays, ridge=ridge)
        rules = {
            "ridge": (ridge, 0 < ridge < math.inf, "a number above 0"),
            "learning_rate": (learning_rate, 0 <= learning_rate < math.inf, "0 or more"),
            "head_rate": (head_rate, 0 <= head_rate < math.inf, "0 or more"),
            "steps": (steps, steps >= 0, "0 or more"),
            "patience": (patience, patience >= 1, "1 or more"),
        }
        require("finetune", rules)
        self.learning_rate, self.head_rate = learning_rate, head_rate
        self.stopping = Stopping(steps, patience)

    def prepare(self, molecules: Molecules) -> Molecules:
        return molecules.only(self.featurizers)

    def adapt(self, support: Labelled) -> Predictor:
        require_both_classes(support.labels)
        fit = _Fit(self, support)
        weights = fit.descent.after(self.best_steps(support, fit), fit.loss(support))

        def predict(molecules: Molecules) -> Tensor:
            return fit.logits(weights, molecules)

        return predict

    def best_steps(self, support: Labelled, fit: _Fit) -> int:
        """Return the number of steps after which what is held out was predicted best."""
        with torch.no_grad():
            order = torch.argsort(fit.logits(fit.descent.weights, support.molecules))
        kept, held = (_part(support, rows) for rows in parted(order, support.labels))
        if len(held) == 0:
            return self.stopping.most
        inner = _Fit(self, kept)
        return self.stopping.best(inner.descent, inner.loss(kept), inner.error(held))


class _Fit:
    """One fit to a support: where its vectors lie, and the weights from the linear probe on."""

    def __init__(self, learner: FineTune, support: Labelled) -> None:
        self.encoder, self.ridge = learner.encoder, learner.ridge
        start: Weights = dict(self.encoder.named_parameters())
        with torch.no_grad():
            vectors = self.encoder(support.molecules)
            self.middle = vectors.mean(0)
            design = self.placed(vectors).double()
            probe = logistic(design, support.labels.double(), self.ridge).to(vectors)
        rates = {**dict.fromkeys(start, learner.learning_rate), HEAD: learner.head_rate}
        self.descent = Descent({**start, HEAD: probe}, rates)

    def placed(self, vectors: Tensor) -> Tensor:
        turned = F.normalize(vectors - self.middle, dim=1)
        return torch.cat([turned, torch.ones_like(turned[:, :1])], dim=1)

    def logits(self, weights: Weights, molecules: Molecules) -> Tensor:
        body = {name: w for name, w in weights.items() if name != HEAD}
        return self.placed(functional_call(self.encoder, body, (molecules,))) @ weights[HEAD]

    def error(self, known: Labelled) -> Loss:
        """Mean log loss of what is known."""

        def error(weights: Weights) -> Tensor:
            logits = self.logits(weights, known.molecules)
            return F.binary_cross_entropy_with_logits(logits, known.labels.to(logits))

        return error

    def loss(self, known: Labelled) -> Loss:
        """The same with the probe's penalty, so that the probe starts at its lowest."""
        error, share = self.error(known), self.ridge / 2 / len(known)
        return lambda weights: error(weights) + share * weights[HEAD][:-1].square().sum()


def _part(support: Labelled, rows: Tensor) -> Labelled:
    return Labelled(support.molecules.select(rows), support.labels[rows])
