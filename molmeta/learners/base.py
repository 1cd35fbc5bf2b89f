"""The interface of all learners: from a support to a predictor."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.errors import ConfigError, EpisodeError
from molmeta.molecules.blocks import Molecules

if TYPE_CHECKING:
    from molmeta.assays.episodes import Episode
    from molmeta.assays.measurements import Measurements
    from molmeta.assays.training_data import TrainingData
    from molmeta.encoders.base import Encoder, Paper
    from molmeta.molecules.labelled import Labelled

Predictor = Callable[[Molecules], Tensor]
"""From G molecules to G logits, or to G values if the learner's `target` is "value"."""
Target = Literal["activity", "value"]


@runtime_checkable
class LearnsMeasurements(Protocol):
    """A learner with an output for each training assay, which can be trained on all at once."""

    def measurements(self, data: TrainingData) -> Measurements:
        """Return what to predict for every compound in every assay that measured it."""
        ...

    def backward_measurements(self, drawn: Measurements, molecules: Molecules) -> float:
        """Add the gradient of the mean loss over measurements to `.grad` and return this loss."""
        ...


class UncertainPredictor(Protocol):
    """A predictor with an uncertainty for each prediction; see `MetaLearner.uncertainty`."""

    def __call__(self, molecules: Molecules) -> Tensor:
        """Return logits or values, as every predictor does, shape (G,)."""
        ...

    def uncertainty(self, molecules: Molecules) -> Tensor:
        """Return the standard deviation of the predicted function, above 0, shape (G,).

        It excludes measurement noise, so that it falls with every similar molecule in the support.
        Its unit is that of the values; for classes, active is +1 and inactive is -1.
        """
        ...


class MetaLearner(nn.Module, ABC):
    """Base class of learners. A subclass in a file of this folder is found by its file name.

    The keyword-only arguments of the constructor are the learner's options. The class attributes
    below describe a learner; contract tests check them against its behaviour.
    """

    papers: ClassVar[tuple[Paper, ...]] = ()
    """Publications of the method, the one that introduced it first."""
    use_when: ClassVar[str] = ""
    """When to choose this learner, as the end of a sentence that begins with "Use it when"."""
    order_invariant: ClassVar[bool] = True
    """Whether predictions do not depend on the order of the support."""
    meta_trained: ClassVar[bool] = True
    """Whether it learns from other assays before the first support; baselines do not."""
    actives_only: ClassVar[bool] = False
    """Whether it accepts a support without inactives."""
    transductive: ClassVar[bool] = False
    """Whether predictions depend on the other molecules of a query."""
    regression: ClassVar[bool] = False
    """Whether it can predict measured values instead of classes, with the option `target`."""
    uncertainty: ClassVar[bool] = False
    """Whether its predictors are `UncertainPredictor`s."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Featurizers that the learner reads in addition to those of its encoder."""
    renamed_options: ClassVar[Mapping[str, str]] = {}
    """Former names of options, with their present names."""
    search: ClassVar[Mapping[str, Any]] = {}
    """Values of options to try in tuning: a list of choices, or a pair with the ends of a range.
    Other numbers, flags and named choices are searched around their default."""
    target: Target = "activity"
    """What it predicts: logits of activity, or values in the unit of the assay."""

    def __init__(self, encoder: Encoder | None = None) -> None:
        super().__init__()
        self.encoder = encoder

    @property
    def featurizers(self) -> tuple[str, ...]:
        """Names of all blocks that it reads from molecules."""
        of_encoder = () if self.encoder is None else self.encoder.featurizers
        return tuple(dict.fromkeys((*of_encoder, *self.needs)))

    @property
    def library_featurizers(self) -> tuple[str, ...]:
        """Names of the blocks that predictors of `adapt_library` read from molecules."""
        return self.featurizers

    @property
    def for_libraries(self) -> bool:
        """Whether its scores of a library are of use; most learners compare analogues only."""
        return has_library_predictor(self)

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
        """Return a predictor for this support, without changing the learner.

        Raises:
            EpisodeError: the support is empty or has only one class (actives alone are accepted
                if `actives_only`), or a value is missing and `target` is "value".
        """

    def adapt_library(self, support: Labelled) -> Predictor:
        """Return a predictor for the compounds of a library, most of which are inactive.

        `adapt` is for compounds that were chosen as those of the support were. Most learners have
        one predictor for both.

        Raises:
            EpisodeError: as for `adapt`.
        """
        return self.adapt(support)

    def left_out(self, support: Labelled, rows: Tensor) -> Tensor:
        """Return outputs for molecules left out of a support, adapting to the others each time.

        A learner that shares work between the P times overrides it.

        Args:
            support: S molecules, prepared.
            rows: R molecules to leave out, P times, shape (P, R).

        Returns:
            Logits or values, shape (P, R).

        Raises:
            EpisodeError: as for `adapt`.
        """
        return predicted_left_out(self.adapt, support, rows)

    def library_share(self, support: Labelled) -> float:
        """Return the share of actives for which probabilities in a library are calibrated."""
        return float(support.labels.mean()) if len(support) else 0.0

    def prepare(self, molecules: Molecules) -> Molecules:
        """Compute in advance what does not depend on a support, for repeated scoring."""
        return molecules

    def backward(self, episodes: Sequence[Episode], molecules: Molecules) -> float:
        """Add the gradient of the mean query loss to `.grad` and return this loss."""
        total = 0.0
        # A backward pass for each episode, so that memory holds one graph at a time.
        for episode in episodes:
            support, query = episode.labelled(molecules)
            loss = self.loss(self.adapt(support)(query.molecules), query.labels) / len(episodes)
            torch.autograd.backward(loss)
            total += float(loss.detach())
        return total

    def finish(self) -> None:
        """Change the weights once, after training and before the model is saved."""

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the binary cross-entropy of logits of shape (Q,)."""
        return F.binary_cross_entropy_with_logits(logits, labels)


def predicted_left_out(
    adapt: Callable[[Labelled], Predictor], support: Labelled, rows: Tensor
) -> Tensor:
    """Return outputs for molecules left out of a support, adapting to the others each time.

    Args:
        adapt: `adapt` or `adapt_library` of a learner.
        support: S molecules, prepared by the learner.
        rows: R molecules to leave out, P times, shape (P, R).

    Returns:
        Logits or values, shape (P, R).
    """
    pairs = zip(complements(rows, len(support)), rows, strict=True)
    outputs = [adapt(support.select(kept))(support.molecules.select(left)) for kept, left in pairs]
    return torch.stack(outputs)


def has_library_predictor(learner: MetaLearner) -> bool:
    """Return whether a learner adapts to libraries in a way of its own."""
    return type(learner).adapt_library is not MetaLearner.adapt_library


def complements(rows: Tensor, size: int) -> Tensor:
    """Return the other rows of a support, in ascending order, shape (P, S - R).

    Args:
        rows: R different rows, P times, shape (P, R).
        size: size S of the support.

    Example:
        >>> complements(torch.tensor([[0, 2], [3, 0]]), 4)
        tensor([[1, 3],
                [1, 2]])
    """
    kept = torch.ones(len(rows), size, dtype=torch.bool, device=rows.device)
    return kept.scatter(1, rows, value=False).nonzero()[:, 1].reshape(len(rows), -1)


def require_encoder(encoder: Encoder | None, learner: MetaLearner) -> Encoder:
    """Return the encoder of a learner that needs one.

    Raises:
        ConfigError: it is None.
    """
    if encoder is None:
        raise ConfigError(
            f"learner '{type(learner).__name__}': has no encoder; got none, expected one. "
            "Name it under 'encoder' in the recipe."
        )
    return encoder


def require_both_classes(labels: Tensor) -> None:
    """Check that a support has both classes.

    Raises:
        EpisodeError: fewer than one active or one inactive.
    """
    require_support(labels, actives_only=False)


def require_support(labels: Tensor, *, actives_only: bool) -> None:
    """Check that a support has the classes that a learner needs.

    Args:
        labels: labels of the support, shape (S,).
        actives_only: whether actives alone suffice, as in `MetaLearner.actives_only`.

    Raises:
        EpisodeError: no active, or no inactive while `actives_only` is false.
    """
    n_active, n = int((labels > 0.5).sum()), len(labels)
    if n_active == 0 or (n_active == n and not actives_only):
        needed = "active" if actives_only else "active and one inactive"
        raise EpisodeError(
            f"support: one class only; got {n_active} active of {n} molecules, "
            f"expected at least one {needed}. Add measured molecules."
        )


def probability(logits: Tensor) -> Tensor:
    """Return the probability of activity for logits of shape (G,)."""
    return torch.sigmoid(logits)
