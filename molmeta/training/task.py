"""What determines the outcome of a training run: recipe, options, seed and data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

from molmeta.assays.assay import digest
from molmeta.runtime.options import Options, Share, Size, Sizes, mistake
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.assays.assay import Assay
    from molmeta.models.model import Model
    from molmeta.models.recipes import Recipe
    from molmeta.molecules.blocks import Molecules


def _require_order(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise mistake(f"the lower share must come first; got {list(ends)}.")
    return ends


Range = Annotated[tuple[Share, Share], Field(strict=False), AfterValidator(_require_order)]


class TrainingOptions(Options):
    """How to meta-train: `training` of a model in the config.

    Raises:
        ConfigError: an unknown option, or one out of range.
    """

    section = "training"

    steps: NonNegativeInt = 1000
    """Largest number of optimiser steps; 0 keeps the weights that `init` gives."""
    episodes: PositiveInt = 16
    """Episodes per step, over all devices."""
    compounds: NonNegativeInt = 0
    """Compounds per step, over all devices, each with everything that the training assays measured
    for it, instead of episodes; 0 draws episodes. A compound with many measurements is drawn more
    often, so that every measurement counts the same. For learners with an output for each training
    assay, such as `multitask`."""
    supports: Sizes = (16, 32)
    """Support sizes; each step draws one of them."""
    n_query: Size = 64
    """Largest number of compounds in a query set."""
    share: Share | None = None
    """Share of actives in a support set; null keeps that of the assay."""
    prevalence: Range | None = None
    """Lowest and highest share of actives in an episode; null leaves episodes as they are.
    Compounds of other training assays are added as presumed inactives, so that an episode resembles
    a library. The best step is then the one with the highest BEDROC(20) on valid assays, each mixed
    with the compounds of the others."""
    learning_rate: NonNegativeFloat = 1e-3
    """Peak learning rate of AdamW."""
    encoder_rate: NonNegativeFloat = 1.0
    """Learning rate of the encoder relative to `learning_rate`. Values below 1 preserve more of
    the encoder that `init` gives. With 0, the encoder stays as it is, and most learners encode each
    compound only once."""
    weight_decay: NonNegativeFloat = 0.01
    """Weight decay of AdamW."""
    warmup: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of the steps in which the learning rate rises to its peak; afterwards it falls to 0
    along a cosine."""
    clip: PositiveFloat = 1.0
    """Norm above which the gradient is scaled down."""
    validate_every: PositiveInt = 100
    """Steps between validations."""
    validation_supports: Sizes = (16, 64)
    """Support sizes in validation."""
    validation_repeats: PositiveInt = 2
    """Episodes per assay and support size in validation."""
    patience: NonNegativeInt = 0
    """Stop after this many validations without improvement; 0 never stops early."""
    devices: PositiveInt = 1
    """Processes, or GPUs where the machine has any."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    """Torch threads per process. On a busy machine two threads can be a hundred times slower than
    one."""
    checkpoint_seconds: NonNegativeFloat = 30.0
    """Seconds between checkpoints."""


@dataclass(frozen=True)
class Task:
    """Everything that determines the trained weights: equal tasks give equal weights.

    Attributes:
        recipe: learner and encoder to build.
        training: how to train them.
        seed: of initial weights, episodes and dropout.
        train: assays to train on.
        valid: assays that select the best step.
        molecules: all molecules of the store that the assays' rows point into.
        init: trained models whose encoders to start from; several give one part each of a joined
            encoder.
    """

    recipe: Recipe
    training: TrainingOptions
    seed: int
    train: Sequence[Assay]
    valid: Sequence[Assay]
    molecules: Molecules
    init: Sequence[Model] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that the trained weights depend on."""
        # How often a checkpoint is written does not change the weights: a run can be resumed
        # after the interval was changed.
        options = self.training.model_dump(mode="json", exclude={"checkpoint_seconds"})
        start = [model.history.get("fingerprint") for model in self.init]
        text = json.dumps([__version__, self.recipe.to_dict(), options, self.seed, start])
        data = digest((*self.train, *self.valid))
        return hashlib.sha256(f"{text} {data}".encode()).hexdigest()
