"""The task of a training run: recipe, options, seed and data."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from molmeta.assays.assay import digest
from molmeta.errors import ConfigError
from molmeta.version import __version__

if TYPE_CHECKING:
    from molmeta.assays.assay import Assay
    from molmeta.models.model import Model
    from molmeta.models.recipes import Recipe
    from molmeta.molecules.blocks import Molecules


@dataclass(frozen=True, kw_only=True)
class Training:
    """How to meta-train.

    Attributes:
        steps: optimiser steps at most; 0 takes what `init` brings as it is.
        episodes: episodes a step, over all devices.
        supports: support sizes to learn from, one drawn a step.
        n_query: molecules in a query at most.
        share: share of actives in a support; null keeps the assay's own.
        prevalence: lowest and highest share of actives that compounds of other training assays,
            presumed inactive, bring support and query to, so that they look like a library; null
            adds none. With it the best step is that of the highest BEDROC(20) on valid assays,
            each hidden among the compounds of the others.
        learning_rate: at its peak, of AdamW.
        encoder_rate: the encoder's rate as a share of it; below 1 keeps what `init` has learnt.
        weight_decay: of AdamW.
        warmup: share of the steps in which the rate rises to its peak; then it falls to 0 as a
            cosine.
        clip: norm at which the gradient is cut.
        validate_every: steps between validations.
        validation_supports: support sizes to validate at.
        validation_repeats: draws an assay and size.
        patience: validations without a better one before training stops; 0 never stops early.
        devices: processes, or GPUs where there are any.
        threads: torch threads a process; two on a busy machine can cost a hundred times one.
        checkpoint_seconds: seconds between checkpoints.

    Raises:
        ConfigError: an option out of its range.
    """

    steps: int = 1000
    episodes: int = 16
    supports: Sequence[int] = (16, 32)
    n_query: int = 64
    share: float | None = None
    prevalence: Sequence[float] | None = None
    learning_rate: float = 1e-3
    encoder_rate: float = 1.0
    weight_decay: float = 0.01
    warmup: float = 0.05
    clip: float = 1.0
    validate_every: int = 100
    validation_supports: Sequence[int] = (16, 64)
    validation_repeats: int = 2
    patience: int = 0
    devices: int = 1
    threads: int = 1
    checkpoint_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name, (holds, rule) in _RULES.items():
            if not holds(getattr(self, name)):
                raise ConfigError(
                    f"training: '{name}' cannot be used; got {getattr(self, name)!r}, expected "
                    f"{rule}. Correct it in the recipe."
                )


def _whole(value: Any, least: int) -> bool:  # noqa: ANN401 - whatever a config holds
    return isinstance(value, int) and value >= least


def _number(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, (int, float)) and 0 <= value < math.inf


def _sizes(value: Any) -> bool:  # noqa: ANN401
    sizes = cast("Sequence[Any]", value) if isinstance(value, Sequence) else ()
    return len(sizes) > 0 and all(_whole(size, 2) for size in sizes)


def _range(value: Any) -> bool:  # noqa: ANN401
    ends = cast("Sequence[Any]", value) if isinstance(value, Sequence) else ()
    return len(ends) == 2 and all(map(_number, ends)) and 0 < ends[0] <= ends[1] < 1


_Rule = tuple[Callable[[Any], bool], str]
_COUNT: _Rule = (lambda value: _whole(value, 1), "a whole number, 1 or more")
_SIZES: _Rule = (_sizes, "a list of support sizes, 2 or more each")
_SOME: _Rule = (_number, "a number, 0 or more")
_RULES: dict[str, _Rule] = {
    **dict.fromkeys(("episodes", "validate_every", "validation_repeats"), _COUNT),
    "steps": (lambda value: _whole(value, 0), "a whole number, 0 or more"),
    **dict.fromkeys(("devices", "threads"), _COUNT),
    **dict.fromkeys(("supports", "validation_supports"), _SIZES),
    **dict.fromkeys(("learning_rate", "encoder_rate", "weight_decay"), _SOME),
    "checkpoint_seconds": _SOME,
    "clip": (lambda value: _number(value) and value > 0, "a number above 0"),
    "n_query": (lambda value: _whole(value, 2), "a whole number, 2 or more"),
    "patience": (lambda value: _whole(value, 0), "a whole number, 0 or more"),
    "share": (lambda value: value is None or (_number(value) and 0 < value < 1), "null, or 0 to 1"),
    "prevalence": (lambda value: value is None or _range(value), "null, or two shares, 0 to 1"),
    "warmup": (lambda value: _number(value) and value <= 1, "a number from 0 to 1"),
}


@dataclass(frozen=True)
class Task:
    """Everything that a training run depends on; equal tasks end with equal weights.

    Attributes:
        recipe: learner and encoder.
        training: training options.
        seed: seed of weights, draws and dropout.
        train: training assays.
        valid: validation assays, which select the best step.
        molecules: molecules of the molecule store.
        init: trained models whose encoder weights to start from: one model, or one for each part
            of a joined encoder.
    """

    recipe: Recipe
    training: Training
    seed: int
    train: Sequence[Assay]
    valid: Sequence[Assay]
    molecules: Molecules
    init: Sequence[Model] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that the weights depend on."""
        options = asdict(self.training)
        del options["checkpoint_seconds"]
        start = [model.history.get("fingerprint") for model in self.init]
        text = json.dumps([__version__, self.recipe.to_dict(), options, self.seed, start])
        data = digest((*self.train, *self.valid))
        return hashlib.sha256(f"{text} {data}".encode()).hexdigest()
