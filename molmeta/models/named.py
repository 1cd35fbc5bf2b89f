"""Finds a model by the name a user gives: a file, the pretrained model, or a baseline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from molmeta import learners
from molmeta.errors import ConfigError, ModelError, closest, exists, similar_file, suggestion
from molmeta.models import pretrained
from molmeta.models.files import load
from molmeta.models.model import Model
from molmeta.models.recipes import Recipe
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping


def baseline(name: str, options: Mapping[str, Any] | None = None) -> Model:
    """A learner that needs no meta-training, as a model.

    Raises:
        ConfigError: the name is unknown, or the learner must be meta-trained first.
    """
    if learners.get(name).meta_trained:
        raise ConfigError(
            f"model '{name}': must be meta-trained first; got the name of a learner, expected the "
            "file of a trained one. Run 'molmeta train', or name a baseline such as 'similarity'."
        )
    recipe = Recipe(name, learner_options=options or {})
    return Model(recipe.build(0).eval(), recipe, {"version": __version__})


def named(name: str) -> Model:
    """The model in a file, the pretrained model, or the baseline of that name.

    `NAME:OPTION=VALUE` sets an option of a baseline or of the pretrained model, such as
    `similarity:mode=mean` or `pretrained:further=minimol`.

    Raises:
        ConfigError: neither a file nor a name, or the baseline lacks the option.
        ModelError: the file is not a model.
    """
    path = Path(name)
    if exists(path) and path.is_file():
        return load(path)
    if path.suffix == ".safetensors":
        raise ModelError(
            f"{path}: cannot be read; got no such file, expected a file of 'molmeta train'. "
            f"Correct the path.{similar_file(path)}"
        )
    if name in pretrained.NAMES:
        return pretrained.load_pretrained(name=name)
    base, colon, setting = name.partition(":")
    choices = (*pretrained.NAMES, *learners.names())
    if closest(name, ("shipped", *choices)) == "shipped":
        raise ConfigError(f"model '{name}': 'shipped' has a new name; use 'pretrained'.")
    if base not in choices:
        raise ConfigError(
            f"model '{base}' is unknown; expected a model file, '{pretrained.NAME}' or a baseline "
            f"such as 'similarity'. See 'molmeta learners'.{suggestion(base, choices)}"
        )
    options = _option(base, setting) if colon else {}
    if base == pretrained.NAME:
        return pretrained.pretrained_with(**options)
    return baseline(base, options)


def _option(base: str, setting: str) -> dict[str, Any]:
    option, _, value = setting.partition("=")
    try:
        return {option: yaml.safe_load(value)}
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(
            f"model '{base}': option '{option}' cannot be read; got '{value[:80]}', expected a "
            "plain value such as 'mean' or 0.5. Correct it."
        ) from error
