"""The optimiser of a training run and the schedule of its learning rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from molmeta.learners import MetaLearner
    from molmeta.training.task import TrainingOptions


def optimizer_of(learner: MetaLearner, options: TrainingOptions) -> torch.optim.AdamW:
    """Return AdamW with one parameter group for the encoder and one for the rest.

    `share` of a group is its learning rate as a share of the rate of the schedule.
    """
    of_encoder = [] if learner.encoder is None else list(learner.encoder.parameters())
    ids = set(map(id, of_encoder))
    others = [parameter for parameter in learner.parameters() if id(parameter) not in ids]
    groups: list[dict[str, Any]] = [
        {"params": of_encoder, "lr": 0.0, "share": options.encoder_rate},
        {"params": others, "lr": 0.0, "share": 1.0},
    ]
    return torch.optim.AdamW(groups, weight_decay=options.weight_decay)


def schedule(step: int, options: TrainingOptions) -> float:
    """Return the learning rate as a share of its peak: a linear rise, then a cosine to 0."""
    warm = max(1, round(options.warmup * options.steps))
    if step <= warm:
        return step / warm
    # The added 1 keeps the rate of the last step above 0.
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / (options.steps - warm + 1)))
