"""Single-task network: trained on the support alone."""

from __future__ import annotations

import copy
import hashlib
import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from molmeta.encoders.fingerprint import Fingerprint
from molmeta.learners._parts.targets import aims_of, require_target, support_numbers
from molmeta.learners._parts.tuning import Descent, Loss, Stopping, Weights, parted, require
from molmeta.learners.base import MetaLearner, Predictor, Target, require_both_classes
from molmeta.learners.finetune import FineTune
from molmeta.molecules.blocks import Molecules, tensor_of
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.similarity import FINGERPRINT, bits_of
from molmeta.runtime.seeds import torch_seed

if TYPE_CHECKING:
    from molmeta.encoders.base import Encoder


class SingleTask(MetaLearner):
    """An encoder and a linear layer, trained from random weights on one support.

    Adam minimises the mean log loss of the whole support. The support itself sets the number of
    steps. A first training leaves out every fifth molecule of each class, and finds the step with
    the lowest loss on these. A second training on all molecules takes that many steps. If no class
    has three molecules, nothing is held out and all steps are taken.

    The support seeds the random weights and is sorted by its fingerprints, so that predictions do
    not depend on its order. Values are scaled to mean 0 and spread 1 and fitted by the mean squared
    error. The support must have both classes, or a value for each molecule.

    Args:
        encoder: trained from the weights that it has; None for a fingerprint network.
        target: 'activity' or 'value'.
        hidden: width of the fingerprint network.
        learning_rate: learning rate of Adam.
        steps: largest number of steps.
        patience: steps without a lower held-out loss before the search stops.
        seed: seed of the random weights, together with the support.

    Raises:
        ConfigError: an option is out of range.
    """

    papers = FineTune.papers[:1]
    use_when = "you want to know what a network achieves without other assays"
    meta_trained: ClassVar[bool] = False
    regression: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = (FINGERPRINT,)

    def __init__(
        self,
        encoder: Encoder | None = None,
        *,
        target: Target = "activity",
        hidden: int = 512,
        learning_rate: float = 3e-4,
        steps: int = 100,
        patience: int = 20,
        seed: int = 0,
    ) -> None:
        super().__init__(encoder)
        require_target(target, "single_task")
        self.target = target
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
        if self.target == "activity":
            require_both_classes(support.labels)
        else:
            support_numbers(support, self.target)
        sorted_support, digest = in_own_order(support, self.target)
        molecules = sorted_support.molecules
        aims, scale = aims_of(sorted_support, self.target)
        network = self.network(sorted_support, digest)
        steps = self.best_steps(network, sorted_support, aims)
        weights = self.descent(network).after(steps, self.objective(network, molecules, aims))

        def predict(molecules: Molecules) -> Tensor:
            return scale.back(functional_call(network, weights, (molecules,))).float()

        return predict

    def network(self, support: Labelled, digest: str) -> nn.Module:
        """Return the network before the first step: molecules to outputs of shape (G,)."""
        with torch_seed(self.seed, "single_task", digest):
            encoder = self.fresh()
            network = nn.Sequential(encoder, nn.Linear(encoder.width, 1), nn.Flatten(0))
        return network.eval().to(support.labels.device)

    def fresh(self) -> Encoder:
        """Return a copy of the encoder, or a new fingerprint network."""
        if self.encoder is not None:
            # A copy, because `network` changes mode and device.
            return copy.deepcopy(self.encoder)
        return Fingerprint(width=self.hidden, hidden=self.hidden)

    def descent(self, network: nn.Module) -> Descent:
        """Return Adam at the initial weights of a network."""
        start: Weights = dict(network.named_parameters())
        return Descent(start, dict.fromkeys(start, self.learning_rate))

    def best_steps(self, network: nn.Module, support: Labelled, aims: Tensor) -> int:
        """Return the number of steps with the lowest held-out loss."""
        classes = support.labels if self.target == "activity" else torch.zeros_like(support.labels)
        # The support is in its own order already, so row numbers give a fixed split.
        parts = parted(torch.arange(len(support), device=aims.device), classes)
        if len(parts[1]) == 0:
            return self.stopping.most
        kept, held_out = (
            self.objective(network, support.molecules.select(rows), aims[rows]) for rows in parts
        )
        return self.stopping.best(self.descent(network), kept, held_out)

    def objective(self, network: nn.Module, molecules: Molecules, aims: Tensor) -> Loss:
        """Return the mean log loss, or the squared error of values, as a function of weights."""
        activity = self.target == "activity"
        error = F.binary_cross_entropy_with_logits if activity else F.mse_loss

        def loss(weights: Weights) -> Tensor:
            outputs = functional_call(network, weights, (molecules,))
            return error(outputs, aims.to(outputs))

        return loss


def in_own_order(support: Labelled, target: Target = "activity") -> tuple[Labelled, str]:
    """Return the support sorted by fingerprints, and a digest of its fingerprints and labels.

    For values, molecules with equal fingerprints are sorted by value. The digest then leaves out
    labels and values, so that the unit of the values has no effect.
    """
    bits = np.packbits(bits_of(support.molecules).dense(torch.uint8).cpu().numpy(), axis=1)
    active = support.labels.cpu().numpy() > 0.5
    rows = np.column_stack([bits, active]) if target == "activity" else bits
    values = support.values if target == "value" else None
    last_key = active if values is None else values.cpu().numpy()
    # The order itself is arbitrary; it only has to be the same for every input order.
    order = np.lexsort((last_key, *rows.T))
    digest = hashlib.sha256(rows[order].tobytes()).hexdigest()
    index = tensor_of(order).to(support.labels.device)
    ordered = None if values is None else values[index]
    return Labelled(support.molecules.select(index), support.labels[index], ordered), digest
