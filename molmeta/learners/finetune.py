"""Fine-tuning: a multi-task network whose weights are all trained further on the support."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from molmeta.encoders.base import Paper
from molmeta.learners._parts.targets import aims_of
from molmeta.learners._parts.tuning import Descent, Loss, Stopping, Weights, parted, require
from molmeta.learners.multitask import MultiTask

if TYPE_CHECKING:
    from molmeta.encoders.base import Encoder
    from molmeta.learners.base import Predictor, Target
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

HEAD = "head"


class Aimed(NamedTuple):
    """Molecules and what the network is to say of them.

    Attributes:
        molecules: S molecules.
        aims: labels of 1.0 and 0.0, or values on the scale of their support, shape (S,).
    """

    molecules: Molecules
    aims: Tensor

    def part(self, rows: Tensor) -> Aimed:
        return Aimed(self.molecules.select(rows), self.aims[rows])


class FineTune(MultiTask):
    """A multi-task network with a new last layer, and then all its weights, fitted to the support.

    Trained as `multitask` is. Then, for z the vectors around the support's mean, at length 1,
    logit(x) = v . z + b: first v and b as the linear probe has them, then all weights by Adam on
    the whole support, on copies. How many steps is learnt from the support alone: from a fit
    without every fifth molecule of each class, whose loss says when to stop; then it starts again
    with all. Where no class has three molecules nothing is held out, and all steps are taken.
    Values are learnt on the support's scale by half their mean squared error, are one class there,
    and start from the ridge regression of `multitask`.

    The support must hold both classes, or a value of each molecule.

    Args:
        encoder: any encoder.
        assays: training assays there is room for.
        ridge: of the new layer, on summed losses; None takes that of `multitask`.
        learning_rate: of the encoder's weights; 0 leaves the linear probe.
        head_rate: of the new layer.
        steps: at most.
        patience: steps without a better loss on what is held out before it stops.
        target: 'activity' or 'value'.

    Raises:
        ConfigError: an option out of its range.

    Source:
        Stanley et al., FS-Mol, NeurIPS Datasets and Benchmarks 2021 (GNN-MT: rates, steps,
        patience and a fifth held out); Kumar et al., Fine-Tuning can Distort Pretrained Features
        and Underperform Out-of-Distribution, ICLR 2022 (the probe first).
    """

    papers = (
        Paper(
            authors=(
                "Stanley, Megan; Bronskill, John F.; Maziarz, Krzysztof; Misztela, Hubert; "
                "Lanini, Jessica; Segler, Marwin; Schneider, Nadine; Brockschmidt, Marc"
            ),
            year=2021,
            title="FS-Mol: A Few-Shot Learning Dataset of Molecules",
            venue="NeurIPS Datasets and Benchmarks",
        ),
        Paper(
            authors="Kumar, Ananya; Raghunathan, Aditi; Jones, Robbie; Ma, Tengyu; Liang, Percy",
            year=2022,
            title=(
                "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution"
            ),
            venue="ICLR",
        ),
    )
    use_when = "the support is large and there is time for steps on all weights"

    def __init__(  # noqa: PLR0913 - options that trained models have been saved with
        self,
        encoder: Encoder,
        *,
        assays: int = 8192,
        ridge: float | None = None,
        learning_rate: float = 5e-5,
        head_rate: float = 1e-4,
        steps: int = 50,
        patience: int = 10,
        target: Target = "activity",
    ) -> None:
        super().__init__(encoder, assays=assays, ridge=ridge, target=target)
        rules = {
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
        aims, scale = aims_of(support, self.target)
        known = Aimed(support.molecules, aims)
        fit = _Fit(self, known)
        weights = fit.descent.after(self.best_steps(known, fit), fit.loss(known))

        def predict(molecules: Molecules) -> Tensor:
            return scale.back(fit.outputs(weights, molecules))

        return predict

    def best_steps(self, known: Aimed, fit: _Fit) -> int:
        """Return the number of steps after which what is held out was predicted best."""
        with torch.no_grad():
            order = torch.argsort(fit.outputs(fit.descent.weights, known.molecules))
        one_class = self.target == "value"
        classes = torch.zeros_like(known.aims) if one_class else known.aims
        kept, held = (known.part(rows) for rows in parted(order, classes))
        if len(held.aims) == 0:
            return self.stopping.most
        inner = _Fit(self, kept)
        return self.stopping.best(inner.descent, inner.loss(kept), inner.error(held))

    def error(self, outputs: Tensor, aims: Tensor) -> Tensor:
        """Return the mean log loss, or half the mean squared error of values."""
        if self.target == "value":
            return F.mse_loss(outputs, aims) / 2
        return F.binary_cross_entropy_with_logits(outputs, aims)


class _Fit:
    """One fit to a support: where its vectors lie, and the weights from the linear probe on."""

    def __init__(self, learner: FineTune, known: Aimed) -> None:
        self.learner = learner
        start: Weights = dict(learner.encoder.named_parameters())
        with torch.no_grad():
            vectors = learner.encoder(known.molecules)
            self.middle = vectors.mean(0)
            design = self.placed(vectors).double()
            probe = learner.probe(design, known.aims.double()).to(vectors)
        rates = {**dict.fromkeys(start, learner.learning_rate), HEAD: learner.head_rate}
        self.descent = Descent({**start, HEAD: probe}, rates)

    def placed(self, vectors: Tensor) -> Tensor:
        turned = F.normalize(vectors - self.middle, dim=1)
        return torch.cat([turned, torch.ones_like(turned[:, :1])], dim=1)

    def outputs(self, weights: Weights, molecules: Molecules) -> Tensor:
        """Return logits, or values on the support's scale, shape (G,)."""
        body = {name: w for name, w in weights.items() if name != HEAD}
        vectors = functional_call(self.learner.encoder, body, (molecules,))
        return self.placed(vectors) @ weights[HEAD]

    def error(self, known: Aimed) -> Loss:
        """Mean loss of what is known."""

        def error(weights: Weights) -> Tensor:
            outputs = self.outputs(weights, known.molecules)
            return self.learner.error(outputs, known.aims.to(outputs))

        return error

    def loss(self, known: Aimed) -> Loss:
        """The same with the probe's penalty, so that the probe starts at its lowest."""
        error, share = self.error(known), self.learner.ridge / 2 / len(known.aims)
        return lambda weights: error(weights) + share * weights[HEAD][:-1].square().sum()
