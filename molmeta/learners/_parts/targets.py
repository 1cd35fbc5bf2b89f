"""Targets of a learner: classes, or measured values on the scale of their support."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import torch
from torch import Tensor

from molmeta.assays.records import MAX_Z, MIN_SPREAD
from molmeta.errors import ConfigError, EpisodeError
from molmeta.learners.base import Target, require_both_classes, require_support
from molmeta.molecules.blocks import tensor_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from molmeta.assays.episodes import Episode
    from molmeta.molecules.labelled import Labelled

_special: Any = torch.special


class Scale(NamedTuple):
    """Mean and spread of a support's numbers; learners fit them with mean 0 and spread 1.

    Attributes:
        mean: subtracted first.
        spread: divisor.
    """

    mean: Tensor
    spread: Tensor

    def to(self, numbers: Tensor) -> Tensor:
        return (numbers - self.mean) / self.spread

    def back(self, scaled: Tensor) -> Tensor:
        return self.mean + self.spread * scaled


def require_target(target: str, learner: str) -> None:
    """Check the option `target`.

    Raises:
        ConfigError: it is not one of `Target`.
    """
    if target not in get_args(Target):
        raise ConfigError(
            f"learner '{learner}': target is unknown; got '{target}', expected 'activity' or "
            "'value'. Change it in the recipe."
        )


def numbers(labels: Tensor, values: Tensor | None, target: Target) -> Tensor:
    """Return the numbers to fit, float64, shape (G,): values, or +1 for active and -1 for inactive.

    Raises:
        EpisodeError: the target is "value" and a value is missing.
    """
    if target == "activity":
        return labels.double() * 2 - 1
    n_values = 0 if values is None else int(torch.isfinite(values).sum())
    if values is None or n_values == 0 or n_values < len(labels):
        raise EpisodeError(
            f"support: a value is missing; got {n_values} values of {len(labels)} molecules, "
            "expected one of each. Leave out molecules without a value, or predict activity."
        )
    return values.double()


def graded(labels: Tensor, values: Tensor | None) -> Tensor:
    """Return labels of 1 and -1 refined by measured values, float64, shape (G,).

    A grade is the mean of the label and of the value, scaled to the mean and spread of the labels.
    A molecule without a value keeps its label. So the more potent of two actives gets the higher
    grade. Activity records are standardised in the same way.

    Args:
        labels: 1 for active and 0 for inactive, shape (G,).
        values: in the unit of the assay, NaN if missing, shape (G,); None if all are missing.
    """
    y = labels.double() * 2 - 1
    has_value = torch.zeros_like(labels, dtype=torch.bool) if values is None else values.isfinite()
    if values is None or int(has_value.sum()) < 2:
        return y
    measured = values.double()
    spread = measured[has_value].std(correction=0).clamp(min=MIN_SPREAD)
    z = ((measured - measured[has_value].mean()) / spread).clamp(-MAX_Z, MAX_Z)
    like_labels = y.mean() + y.std(correction=0) * z
    return (y + torch.where(has_value, like_labels, y)) / 2


def episode_numbers(episode: Episode, target: Target, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the `numbers` of an episode's support and query, on the device of `like`.

    Raises:
        EpisodeError: the target is "value" and a value is missing.
    """

    def side(labels: NDArray[np.float32], values: NDArray[np.float32] | None) -> Tensor:
        on_device = None if values is None else tensor_of(values).to(like.device)
        return numbers(tensor_of(labels).to(like.device), on_device, target)

    support = side(episode.support_labels, episode.support_values)
    return support, side(episode.query_labels, episode.query_values)


def support_numbers(support: Labelled, target: Target) -> Tensor:
    """Return the `numbers` of a support.

    Raises:
        EpisodeError: the target is "value" and a value is missing, or it is "activity" and no
            molecule is active.
    """
    if target == "activity":
        require_support(support.labels, actives_only=True)
    return numbers(support.labels, support.values, target)


def aims_of(support: Labelled, target: Target) -> tuple[Tensor, Scale]:
    """Return what to fit to each molecule of a support, shape (S,), and its scale.

    These are labels of 1.0 and 0.0, or values with mean 0 and spread 1.

    Raises:
        EpisodeError: the target is "value" and a value is missing, or it is "activity" and a
            class is missing.
    """
    if target == "activity":
        require_both_classes(support.labels)
        return support.labels, Scale(torch.tensor(0.0), torch.tensor(1.0))
    y = numbers(support.labels, support.values, target)
    scale = scale_of(y, target)
    return scale.to(y), scale


def episode_aims(episode: Episode, target: Target, like: Tensor, scale: Scale | None) -> Tensor:
    """Return what to fit to support and query together; values are on the given scale.

    Raises:
        EpisodeError: the target is "value" and a value is missing.
    """
    if target == "activity" or scale is None:
        labels = [tensor_of(part) for part in (episode.support_labels, episode.query_labels)]
        return torch.cat(labels).to(like)
    return scale.to(torch.cat(episode_numbers(episode, target, like))).to(like)


def scale_of(y: Tensor, target: Target, *, centre: bool = True) -> Scale:
    """Return the scale of a support's numbers, as tensors without dimensions.

    For values: their mean and standard deviation, or 1 if all are equal. For classes: the mean
    label and 1. The mean is 0 instead if `centre` is false, or for actives alone, which would
    otherwise all become 0.
    """
    mean, unit = y.mean(), y.new_ones(())
    if target == "value":
        spread = y.std(correction=0)
        return Scale(mean, torch.where(spread > 0, spread, unit))
    return Scale(mean if centre and bool(y.min() < 0) else 0 * unit, unit)


def log_odds(z: Tensor) -> Tensor:
    """Return the logit of the standard normal distribution function, finite in both tails."""
    return _special.log_ndtr(z) - _special.log_ndtr(-z)
