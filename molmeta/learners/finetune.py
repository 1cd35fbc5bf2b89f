"""Fine-tuning: a multi-task network whose weights are all trained further on the support."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from molmeta.encoders.base import Encoder, Paper
from molmeta.learners._parts.targets import aims_of
from molmeta.learners._parts.tuning import Descent, Loss, Stopping, Weights, parted, require
from molmeta.learners.multitask import MultiTask

if TYPE_CHECKING:
    from molmeta.learners.base import Predictor, Target
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

HEAD = "head"


class Aimed(NamedTuple):
    """Molecules with the outputs that the network is fitted to.

    Attributes:
        molecules: S molecules.
        aims: labels of 1.0 and 0.0, or values on the scale of their support, shape (S,).
    """

    molecules: Molecules
    aims: Tensor

    def part(self, rows: Tensor) -> Aimed:
        return Aimed(self.molecules.select(rows), self.aims[rows])


class FineTune(MultiTask):
    """A multi-task network with a new last layer, fitted to the support with all its weights.

    Training is that of `multitask`. Then logit(x) = v . z + b, with vectors z centred on the
    support and scaled to length 1. First, v and b are those of the linear probe. Then Adam trains
    copies of all weights on the whole support.

    The support itself sets the number of steps. A first fit leaves out every fifth molecule of each
    class, and finds the step with the lowest loss on these. A second fit on all molecules takes
    that many steps. If no class has three molecules, nothing is held out and all steps are taken.

    For values, half the mean squared error on the scale of the support replaces the log loss. All
    molecules count as one class, and the fit starts from the ridge regression of `multitask`. The
    support must have both classes, or a value for each molecule.

    Rates, steps, patience and the held-out fifth are those of GNN-MT in FS-Mol; starting from the
    probe follows Kumar et al.

    Args:
        encoder: any encoder.
        assays: largest number of training assays.
        ridge: ridge of the new layer, on summed losses; None for that of `multitask`.
        learning_rate: learning rate of the encoder; 0 keeps the linear probe.
        head_rate: learning rate of the new layer.
        steps: largest number of steps.
        patience: steps without a lower held-out loss before the search stops.
        target: 'activity' or 'value'.

    Raises:
        ConfigError: an option is out of range.
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
        aimed = Aimed(support.molecules, aims)
        fit = _Fit(self, aimed)
        weights = fit.descent.after(self.best_steps(aimed, fit), fit.loss(aimed))

        def predict(molecules: Molecules) -> Tensor:
            return scale.back(fit.outputs(weights, molecules))

        return predict

    def best_steps(self, support: Aimed, fit: _Fit) -> int:
        """Return the number of steps with the lowest held-out loss."""
        with torch.no_grad():
            # Sorted by the probe's scores: the split does not depend on the order of the support.
            order = torch.argsort(fit.outputs(fit.descent.weights, support.molecules))
        one_class = self.target == "value"
        classes = torch.zeros_like(support.aims) if one_class else support.aims
        kept, held_out = (support.part(rows) for rows in parted(order, classes))
        if len(held_out.aims) == 0:
            return self.stopping.most
        inner = _Fit(self, kept)
        return self.stopping.best(inner.descent, inner.loss(kept), inner.error(held_out))

    def error(self, outputs: Tensor, aims: Tensor) -> Tensor:
        """Return the mean log loss, or half the mean squared error of values."""
        if self.target == "value":
            return F.mse_loss(outputs, aims) / 2
        return F.binary_cross_entropy_with_logits(outputs, aims)


class _Fit:
    """One fit to a support: the centre of its vectors, and a descent from the linear probe."""

    def __init__(self, learner: FineTune, support: Aimed) -> None:
        self.learner = learner
        start: Weights = dict(learner.encoder.named_parameters())
        with torch.no_grad():
            vectors = learner.encoder(support.molecules)
            # Fixed before the descent: an output depends on the weights and its own molecule only.
            self.centre = vectors.mean(0)
            design = self.design(vectors).double()
            probe = learner.probe(design, support.aims.double()).to(vectors)
        rates = {**dict.fromkeys(start, learner.learning_rate), HEAD: learner.head_rate}
        self.descent = Descent({**start, HEAD: probe}, rates)

    def design(self, vectors: Tensor) -> Tensor:
        """Return centred vectors of length 1 with a constant column, shape (G, W + 1)."""
        turned = F.normalize(vectors - self.centre, dim=1)
        return torch.cat([turned, torch.ones_like(turned[:, :1])], dim=1)

    def outputs(self, weights: Weights, molecules: Molecules) -> Tensor:
        """Return logits, or values on the support's scale, shape (G,)."""
        body = {name: weight for name, weight in weights.items() if name != HEAD}
        vectors = functional_call(self.learner.encoder, body, (molecules,))
        return self.design(vectors) @ weights[HEAD]

    def error(self, aimed: Aimed) -> Loss:
        """Return the mean error of these molecules as a function of the weights."""

        def error(weights: Weights) -> Tensor:
            outputs = self.outputs(weights, aimed.molecules)
            return self.learner.error(outputs, aimed.aims.to(outputs))

        return error

    def loss(self, aimed: Aimed) -> Loss:
        """Return the error plus the ridge of the probe, of which the probe is the minimum."""
        error, share = self.error(aimed), self.learner.ridge / 2 / len(aimed.aims)
        # As in the probe, the intercept (the last weight) is not penalised.
        return lambda weights: error(weights) + share * weights[HEAD][:-1].square().sum()
