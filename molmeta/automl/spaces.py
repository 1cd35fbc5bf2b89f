"""Search spaces: the options of a learner, its encoder and its training that tuning may change."""

from __future__ import annotations

import inspect
import sys
import types
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from molmeta import encoders, learners, registry
from molmeta.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from molmeta.models.recipes import Recipe

FACTOR = 4
"""Factor below and above the default of a number without a declared range."""
WIDE = 10
"""Ratio of the ends of a range from which it is searched on a logarithmic scale."""
FIXED = frozenset({"seed", "target", "block", "size", "assays", "hidden_targets"})
"""Options that are part of the task and not of the method."""
TRAINING: Mapping[str, Any] = {"learning_rate": (3e-4, 3e-2), "weight_decay": (1e-4, 1e-1)}


def space_of(recipe: Recipe) -> dict[str, BaseDistribution]:
    """Return what to search for a recipe, by names such as `learner.c` or `encoder.width`.

    Options that the recipe sets keep their value.

    Raises:
        ConfigError: the learner or the encoder is unknown, or there is nothing to search.
    """
    cls = learners.get(recipe.learner)
    space = _of_class(cls, "learner", recipe.learner_options)
    if recipe.encoder and "+" not in recipe.encoder:
        space |= _of_class(encoders.get(recipe.encoder), "encoder", recipe.encoder_options)
    if cls.meta_trained:
        space |= {f"training.{name}": _declared(ends) for name, ends in TRAINING.items()}
    if not space:
        raise ConfigError(
            f"learner '{recipe.learner}': has nothing to search; got no option that is left open, "
            "expected at least one. Set fewer options in --recipe."
        )
    return space


def _of_class(cls: type[Any], prefix: str, given: Mapping[str, Any]) -> dict[str, BaseDistribution]:
    declared: Mapping[str, Any] = cls.search
    space: dict[str, BaseDistribution] = {}
    for name, default in registry.option_defaults(cls).items():
        if name in given or name in FIXED:
            continue
        distribution = (
            _declared(declared[name]) if name in declared else _derived(_hint(cls, name), default)
        )
        if distribution is not None:
            space[f"{prefix}.{name}"] = distribution
    return space


def _hint(cls: type[Any], name: str) -> Any:  # noqa: ANN401 - any type
    """Return the type of an option, None if it is imported for type checkers alone."""
    annotation = inspect.signature(cls).parameters[name].annotation
    holder = type("Holder", (), {"__annotations__": {name: annotation}})
    try:
        return get_type_hints(holder, vars(sys.modules[cls.__module__]))[name]
    except NameError:
        return None


def _declared(values: Any) -> BaseDistribution:  # noqa: ANN401 - as declared
    """A list gives choices, and a pair the ends of a range."""
    if isinstance(values, list):
        choices: list[Any] = [*values]  # pyright: ignore[reportUnknownVariableType]
        return CategoricalDistribution(choices)
    low, high = values
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=low > 0 and high / low >= WIDE)
    return FloatDistribution(low, high, log=low > 0 and high / low >= WIDE)


def _derived(hint: Any, default: Any) -> BaseDistribution | None:  # noqa: ANN401 - any type
    """Return what follows from the type and the default of an option, None if nothing does."""
    if get_origin(hint) in (Union, types.UnionType):
        hint = next((part for part in get_args(hint) if get_origin(part) is Literal), hint)
    if get_origin(hint) is Literal:
        return CategoricalDistribution(list(get_args(hint)))
    if isinstance(default, bool):
        return CategoricalDistribution([False, True])
    if isinstance(default, int) and default > 0:
        return IntDistribution(max(default // FACTOR, 1), default * FACTOR, log=True)
    if isinstance(default, float) and 0 < default < 1:
        return FloatDistribution(default / FACTOR, min(default * FACTOR, 0.9), log=True)
    if isinstance(default, float) and default > 0:
        return FloatDistribution(default / FACTOR, default * FACTOR, log=True)
    return None
