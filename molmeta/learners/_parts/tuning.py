"""Steps of Adam on a support, as many as a part of it that is held out says. Sees no query."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from molmeta.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

Weights = dict[str, Tensor]
Loss = Callable[[Weights], Tensor]
EVERY, FIRST = 5, 2
"""Of each class in its order, the third molecule and every fifth after it are held out."""


class Descent:
    """Adam on copies of weights.

    Args:
        start: weights by name; they stay as they are.
        rates: step size of each by name.

    Attributes:
        weights: where it stands.
    """

    def __init__(self, start: Weights, rates: Mapping[str, float]) -> None:
        self.weights = {name: w.detach().clone().requires_grad_() for name, w in start.items()}
        groups = [
            {"params": [w for name, w in self.weights.items() if rates[name] == rate], "lr": rate}
            for rate in sorted(set(rates.values()))
        ]
        self.optimizer: Any = torch.optim.Adam(groups, fused=True)

    def step(self, loss: Loss) -> None:
        """Take one step; weights that the loss does not depend on stay."""
        with torch.enable_grad():
            value, points = loss(self.weights), list(self.weights.values())
            slopes: Any = torch.autograd.grad(value, points, allow_unused=True)
        for point, slope in zip(points, slopes, strict=True):
            point.grad = slope
        self.optimizer.step()

    def after(self, steps: int, loss: Loss) -> Weights:
        """Take several steps and return the weights then."""
        for _ in range(steps):
            self.step(loss)
        return {name: w.detach() for name, w in self.weights.items()}


@dataclass(frozen=True)
class Stopping:
    """When to stop.

    Attributes:
        most: steps at most, and where nothing can be held out.
        patience: steps without a lower held-out loss before it stops.
        least: steps at least.
    """

    most: int
    patience: int
    least: int = 0

    def best(self, descent: Descent, loss: Loss, held_out: Loss) -> int:
        """Go down `loss` and return after how many steps the loss held out was lowest."""
        lowest, best = math.inf, self.least
        for step in range(self.most + 1):
            with torch.no_grad():
                value = float(held_out(descent.weights))
            if step >= self.least and value < lowest:
                lowest, best = value, step
            if step - best >= self.patience:
                break
            descent.step(loss)
        return best


def parted(order: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return which molecules of a support to step on, and which to hold out, both sorted.

    A class of fewer than three holds nothing out. As it goes by the order alone, no seed is needed.

    Args:
        order: rows of the support in an order that is its own, however it was given, shape (S,).
        labels: 1.0 or 0.0, shape (S,).
    """
    held = torch.zeros_like(labels, dtype=torch.bool)
    for label in (0, 1):
        held[order[labels[order] == label][FIRST::EVERY]] = True
    return torch.where(~held)[0], torch.where(held)[0]


def require(learner: str, rules: Mapping[str, tuple[object, bool, str]]) -> None:
    """Refuse options out of their range.

    Args:
        learner: whose.
        rules: value, whether it can be used, and the rule, by the option's name.

    Raises:
        ConfigError: one cannot be used.
    """
    for name, (value, holds, rule) in rules.items():
        if not holds:
            raise ConfigError(
                f"{learner}: {name} is out of range; got {value}, expected {rule}. "
                "Correct it in the learner's options."
            )
