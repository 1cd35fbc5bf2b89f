"""Check before any job that everything the configuration names exists."""

from __future__ import annotations

from contextlib import contextmanager
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from molmeta import learners, registry
from molmeta.errors import ConfigError, closest, exists, siblings, unknown_name
from molmeta.models.named import named
from molmeta.models.pretrained import pretrained_encoder
from molmeta.molecules import featurizers

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable

    from molmeta.workflow.config import Config, ModelOptions, ScreenOptions

PRETRAINED = "pretrained"


def check_names(config: Config, tables: Collection[tuple[str, str]]) -> None:
    """Refuse a configuration that names a file, learner, option, model or table in vain.

    Learners are built once, so that options which do not fit together are found as well.

    Args:
        config: a valid configuration.
        tables: (split, table) of every table in its folder.

    Raises:
        ConfigError: in one line, with the closest name that exists.
    """
    for source in config.plugins:
        with _at("plugins"):
            registry.load_plugin(source)
    for name in config.featurizers:
        with _at("featurizers"):
            featurizers.get(name)
    for name, model in config.models.items():
        with _at(f"models.{name}"):
            _check_model(model, config)
    _check_order(config)
    for name in config.baselines:
        with _at("baselines"):
            if name in config.models:
                raise ConfigError(f"'{name}' is also the name of a model; rename the model.")
            _check_available(name, config)
    if config.examples not in config.evaluated:
        raise ConfigError(
            f"config: examples: {unknown_name('model/seed', config.examples, config.evaluated)}"
        )
    for number, screen in enumerate(config.screens):
        _check_screen(f"screens[{number}]", screen, config, tables)
    _check_searches(config)


@contextmanager
def _at(where: str) -> Generator[None]:
    """Put the place in the configuration in front of the messages of errors."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"config: {where}: {error}") from None


def _check_model(model: ModelOptions, config: Config) -> None:
    if not learners.get(model.learner).meta_trained:
        raise ConfigError(
            f"learner '{model.learner}' is not meta-trained; list it in 'baselines' instead."
        )
    for name in model.starts:
        if name == PRETRAINED:
            pretrained_encoder(model.encoder)
        elif name not in config.models:
            raise ConfigError(f"init: {unknown_name('model', name, (*config.models, PRETRAINED))}")
    # On this device tensors have shapes and no content, so that no option fills the memory.
    with torch.device("meta"):
        model.recipe.build(seed=0)


def _check_searches(config: Config) -> None:
    for number, search in enumerate(config.automl):
        with _at(f"automl[{number}]"), torch.device("meta"):
            search.recipe.build(seed=0)


def _check_order(config: Config) -> None:
    try:
        TopologicalSorter({name: m.starts for name, m in config.models.items()}).prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise ConfigError(f"config: models: 'init' goes round in a circle: {circle}.") from None


def _check_available(name: str, config: Config) -> None:
    """Refuse what is neither a model of the configuration, nor pretrained, nor a baseline."""
    base, names = name.partition(":")[0], (*config.models, PRETRAINED)
    if name in names:
        return
    if base not in learners.names() and closest(base, names):
        raise ConfigError(unknown_name("model", base, names))
    named(name)


def _check_screen(
    where: str, screen: ScreenOptions, config: Config, tables: Collection[tuple[str, str]]
) -> None:
    with _at(f"{where}.model"):
        if screen.model.endswith(".safetensors"):
            _require_file(screen.model)
        else:
            _check_available(screen.model, config)
    names = ["/".join(table) for table in tables]
    with _at(f"{where}.support"):
        if screen.support not in names:
            _require_file(screen.support, names)
    with _at(f"{where}.library"):
        _require_file(screen.library)
    for option in ("controls", "exclude"):
        path: str | None = getattr(screen.plate, option, None)
        if path is not None:
            with _at(f"{where}.plate.{option}"):
                _require_file(path)


def _require_file(text: str, others: Iterable[str] = ()) -> None:
    """Refuse a path that does not exist, with the closest of the files next to it and others."""
    path = Path(text)
    if exists(path):
        return
    close = closest(text, [*others, *map(str, siblings(path))])
    advice = f"; did you mean '{close}'?" if close else "."
    raise ConfigError(f"'{text}' does not exist{advice}")
