"""Steps of Adam on a support, with a held-out part of it that sets their number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from molmeta.errors import ConfigError

Weights = dict[str, Tensor]
Loss = Callable[[Weights], Tensor]
EVERY, FIRST = 5, 2
"""The third molecule of each class is held out, and every fifth one after it."""


class Descent:
    """Adam on copies of weights.

    Args:
        start: weights by name, which are not changed.
        rates: learning rate of each, by name.

    Attributes:
        weights: present weights, by name.
    """

    def __init__(self, start: Weights, rates: Mapping[str, float]) -> None:
        self.weights = {name: w.detach().clone().requires_grad_() for name, w in start.items()}
        groups = [
            {"params": [w for name, w in self.weights.items() if rates[name] == rate], "lr": rate}
            for rate in sorted(set(rates.values()))
        ]
        self.optimizer: Any = torch.optim.Adam(groups, fused=True)

    def step(self, loss: Loss) -> None:
        """Take one step; weights that the loss does not depend on stay unchanged."""
        with torch.enable_grad():
            value, points = loss(self.weights), list(self.weights.values())
            slopes: Any = torch.autograd.grad(value, points, allow_unused=True)
        for point, slope in zip(points, slopes, strict=True):
            point.grad = slope
        self.optimizer.step()

    def after(self, steps: int, loss: Loss) -> Weights:
        """Take several steps and return the weights."""
        for _ in range(steps):
            self.step(loss)
        return {name: w.detach() for name, w in self.weights.items()}


@dataclass(frozen=True)
class Stopping:
    """Early stopping.

    Attributes:
        most: largest number of steps, also used if nothing can be held out.
        patience: steps without a lower held-out loss before the search stops.
        least: smallest number of steps.
    """

    most: int
    patience: int
    least: int = 0

    def best(self, descent: Descent, loss: Loss, held_out: Loss) -> int:
        """Descend `loss` and return the number of steps with the lowest held-out loss."""
        lowest, best = math.inf, self.least
        # Evaluated before each step, because the start itself can be the best.
        for step in range(self.most + 1):
            with torch.no_grad():
                value = float(held_out(descent.weights))
            if step >= self.least and value < lowest:
                lowest, best = value, step
            if step == self.most or step - best >= self.patience:
                break
            descent.step(loss)
        return best


def parted(order: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of a support to fit and the rows to hold out, both sorted.

    A class of fewer than three molecules holds nothing out. The split depends on `order` alone,
    so that it needs no seed.

    Args:
        order: rows of the support in an order that does not depend on how it was given, (S,).
        labels: 1.0 or 0.0, shape (S,).
    """
    held_out = torch.zeros_like(labels, dtype=torch.bool)
    for label in (0, 1):
        held_out[order[labels[order] == label][FIRST::EVERY]] = True
    return torch.where(~held_out)[0], torch.where(held_out)[0]


def require(learner: str, rules: Mapping[str, tuple[object, bool, str]]) -> None:
    """Check the options of a learner.

    Args:
        learner: name of the learner.
        rules: value, whether it is in range, and the range in words, by the option's name.

    Raises:
        ConfigError: an option is out of range.
    """
    for name, (value, holds, rule) in rules.items():
        if not holds:
            raise ConfigError(
                f"{learner}: {name} is out of range; got {value}, expected {rule}. "
                "Correct it in the learner's options."
            )
