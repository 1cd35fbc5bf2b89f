"""What every learner is: from a support to a predictor. Knows no files and no assay names."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.errors import ConfigError, EpisodeError
from molmeta.molecules.blocks import Molecules

if TYPE_CHECKING:
    from molmeta.assays.episodes import Episode
    from molmeta.assays.training_data import TrainingData
    from molmeta.encoders.base import Encoder, Paper
    from molmeta.molecules.labelled import Labelled

Predictor = Callable[[Molecules], Tensor]
"""From G molecules to G logits, or to G values where the learner's `target` is "value"."""
Target = Literal["activity", "value"]


class UncertainPredictor(Protocol):
    """A predictor that also says how far it can be trusted; see `MetaLearner.uncertainty`."""

    def __call__(self, molecules: Molecules) -> Tensor:
        """Return what every predictor returns, shape (G,)."""
        ...

    def uncertainty(self, molecules: Molecules) -> Tensor:
        """Return the standard deviation of what is predicted, above 0, shape (G,).

        That of the function itself, without the noise of a measurement: it falls with every
        molecule alike that is measured. In the unit of the values; where classes are predicted,
        active is +1 and inactive is -1.
        """
        ...


class MetaLearner(nn.Module, ABC):
    """Base of every learner; a subclass in a file of this folder is found by its file's name.

    Options are the keyword-only arguments of the constructor. Traits are declared here and held
    against the code by the contract tests.
    """

    papers: ClassVar[tuple[Paper, ...]] = ()
    """Publications of the method, the one that introduced it first."""
    use_when: ClassVar[str] = ""
    """When to choose this learner, as the end of a sentence that begins with "Use it when"."""
    order_invariant: ClassVar[bool] = True
    """Whether the order of the support leaves predictions as they are."""
    meta_trained: ClassVar[bool] = True
    """Whether there is anything to learn before the first support; baselines have nothing."""
    actives_only: ClassVar[bool] = False
    """Whether a support of actives alone is answered rather than refused."""
    transductive: ClassVar[bool] = False
    """Whether the molecules of a query influence each other's predictions."""
    regression: ClassVar[bool] = False
    """Whether it can learn measured values instead of classes, with the option `target`."""
    uncertainty: ClassVar[bool] = False
    """Whether its predictors are also `UncertainPredictor`."""
    target: Target = "activity"
    """What is predicted: logits of activity, or values in the unit of the assay."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Featurizers that the learner itself reads, beside those of its encoder."""

    def __init__(self, encoder: Encoder | None = None) -> None:
        super().__init__()
        self.encoder = encoder

    @property
    def featurizers(self) -> tuple[str, ...]:
        """Names of all blocks that molecules must bring."""
        encoder = () if self.encoder is None else self.encoder.featurizers
        return tuple(dict.fromkeys((*encoder, *self.needs)))

    def fit(self, data: TrainingData) -> None:
        """Compute fixed statistics from the training data, before the first episode."""
        if self.encoder is not None:
            self.encoder.fit(data)

    @classmethod
    def idea(cls) -> str:
        """Return the method in one line: the first line of its module's docstring."""
        return (sys.modules[cls.__module__].__doc__ or "").strip().partition("\n")[0]

    @abstractmethod
    def adapt(self, support: Labelled) -> Predictor:
        """Return a predictor for this support; change nothing on self.

        Raises:
            EpisodeError: the support holds one class only, or nothing; actives alone are
                answered where `actives_only` says so. Where `target` is "value": a value is
                missing.
        """

    def prepare(self, molecules: Molecules) -> Molecules:
        """Do once what no support changes, for molecules that will be scored many times."""
        return molecules

    def backward(self, episodes: Sequence[Episode], molecules: Molecules) -> float:
        """Add the gradient of the mean query loss to `.grad` and return that loss."""
        total = 0.0
        for episode in episodes:
            support, query = episode.labelled(molecules)
            loss = self.loss(self.adapt(support)(query.molecules), query.labels) / len(episodes)
            torch.autograd.backward(loss)
            total += float(loss.detach())
        return total

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Binary cross-entropy of logits of shape (Q,)."""
        return F.binary_cross_entropy_with_logits(logits, labels)


def require_encoder(encoder: Encoder | None, learner: MetaLearner) -> Encoder:
    """Refuse to build a learner that cannot do without an encoder.

    Raises:
        ConfigError: there is none.
    """
    if encoder is None:
        raise ConfigError(
            f"learner '{type(learner).__name__}': has no encoder; got none, expected one. "
            "Name it under 'encoder' in the recipe."
        )
    return encoder


def require_both_classes(labels: Tensor) -> None:
    """Refuse a support that no ranking can be learnt from.

    Raises:
        EpisodeError: fewer than one active or one inactive.
    """
    require_support(labels, actives_only=False)


def require_support(labels: Tensor, *, actives_only: bool) -> None:
    """Refuse a support that lacks a class that its learner cannot do without.

    Args:
        labels: of the support, shape (S,).
        actives_only: whether actives alone will do, the learner's trait of that name.

    Raises:
        EpisodeError: no active, or no inactive where `actives_only` is false.
    """
    n_active, n = int((labels > 0.5).sum()), len(labels)
    if n_active == 0 or (n_active == n and not actives_only):
        needed = "active" if actives_only else "active and one inactive"
        raise EpisodeError(
            f"support: one class only; got {n_active} active of {n} molecules, "
            f"expected at least one {needed}. Add measured molecules."
        )


def probability(logits: Tensor) -> Tensor:
    """Probability of activity from logits of shape (G,)."""
    return torch.sigmoid(logits)
