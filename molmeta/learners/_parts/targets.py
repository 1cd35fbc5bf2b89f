"""What a learner is asked to predict: classes, or measured values on a scale of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import torch
from torch import Tensor

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
    """Where the numbers of one support lie; learners see them with mean 0 and spread 1.

    Attributes:
        mean: what is taken off.
        spread: what is divided by.
    """

    mean: Tensor
    spread: Tensor

    def to(self, numbers: Tensor) -> Tensor:
        return (numbers - self.mean) / self.spread

    def back(self, scaled: Tensor) -> Tensor:
        return self.mean + self.spread * scaled


def require_target(target: str, learner: str) -> None:
    """Refuse another target than those of `Target`.

    Raises:
        ConfigError: it is unknown.
    """
    if target not in get_args(Target):
        raise ConfigError(
            f"learner '{learner}': target is unknown; got '{target}', expected 'activity' or "
            "'value'. Change it in the recipe."
        )


def numbers(labels: Tensor, values: Tensor | None, target: Target) -> Tensor:
    """Return what to regress on in float64, shape (G,): values, or +1 for active and -1.

    Raises:
        EpisodeError: a value is asked for and missing.
    """
    if target == "activity":
        return labels.double() * 2 - 1
    known = 0 if values is None else int(torch.isfinite(values).sum())
    if values is None or known == 0 or known < len(labels):
        raise EpisodeError(
            f"support: a value is missing; got {known} values of {len(labels)} molecules, "
            "expected one of each. Leave out what has none, or predict activity instead."
        )
    return values.double()


def episode_numbers(episode: Episode, target: Target, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return what to regress on, as `numbers`, of an episode's support and of its query.

    Raises:
        EpisodeError: a value is asked for and missing.
    """
    support = (episode.support_labels, episode.support_values)
    sides = (support, (episode.query_labels, episode.query_values))
    known, asked = (
        numbers(_there(labels, like), None if values is None else _there(values, like), target)
        for labels, values in sides
    )
    return known, asked


def support_numbers(support: Labelled, target: Target) -> Tensor:
    """Return what to regress on, as `numbers`, of a support.

    Raises:
        EpisodeError: a value is asked for and missing, or classes without an active.
    """
    if target == "activity":
        require_support(support.labels, actives_only=True)
    return numbers(support.labels, support.values, target)


def aims_of(support: Labelled, target: Target) -> tuple[Tensor, Scale]:
    """Return what a head is to say of each molecule of a support, and the scale of what it says.

    Labels of 1.0 and 0.0 as they are, or values with mean 0 and spread 1, shape (S,).

    Raises:
        EpisodeError: a value is asked for and missing, or classes of which one is.
    """
    if target == "activity":
        require_both_classes(support.labels)
        return support.labels, Scale(torch.tensor(0.0), torch.tensor(1.0))
    found = numbers(support.labels, support.values, target)
    scale = scale_of(found, target)
    return scale.to(found), scale


def episode_aims(episode: Episode, target: Target, like: Tensor, scale: Scale | None) -> Tensor:
    """Return the same of an episode's support and query in one; values are on the scale given.

    Raises:
        EpisodeError: a value is asked for and missing.
    """
    if target == "activity" or scale is None:
        labels = [tensor_of(x) for x in (episode.support_labels, episode.query_labels)]
        return torch.cat(labels).to(like)
    return scale.to(torch.cat(episode_numbers(episode, target, like))).to(like)


def scale_of(found: Tensor, target: Target, *, centre: bool = True) -> Scale:
    """Return the scale of a support's numbers, each of its parts without a dimension.

    Values have their mean and standard deviation, 1 where all are the same. Classes have the mean
    label, or 0 where it is not to be taken off, and 1; actives alone keep 0, as nothing would be
    left of them.
    """
    mean, one = found.mean(), found.new_ones(())
    if target == "value":
        spread = found.std(correction=0)
        return Scale(mean, torch.where(spread > 0, spread, one))
    return Scale(mean if centre and bool(found.min() < 0) else 0 * one, one)


def log_odds(z: Tensor) -> Tensor:
    """Return the logit of the standard normal distribution function, finite far into both tails."""
    return _special.log_ndtr(z) - _special.log_ndtr(-z)


def _there(array: NDArray[np.float32], like: Tensor) -> Tensor:
    return tensor_of(array).to(like.device)
