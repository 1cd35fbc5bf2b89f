"""Finds a model by what a user calls it: a file, the pretrained model, or a learner's name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from molmeta.errors import ConfigError
from molmeta.models.files import load
from molmeta.models.model import Model
from molmeta.models.pretrained import load_pretrained
from molmeta.models.recipes import Recipe
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping


def baseline(name: str, options: Mapping[str, Any] | None = None) -> Model:
    """Return a learner that has nothing to meta-train, as a model.

    Raises:
        ConfigError: the name is unknown, or the learner must be meta-trained first.
    """
    recipe = Recipe(name, learner_options=options or {})
    learner = recipe.build(0) if not _trained(name) else None
    if learner is None:
        raise ConfigError(
            f"learner '{name}': must be meta-trained first; got no model file, expected one. "
            "Run 'molmeta train', or name a baseline such as 'similarity'."
        )
    return Model(learner.eval(), recipe, {"version": __version__})


def named(name: str) -> Model:
    """Return the model in a file, the pretrained model, or the baseline of that name.

    `NAME:OPTION=VALUE` sets an option of a baseline, as in `similarity:mode=mean`.

    Raises:
        ConfigError: there is neither, or no such option.
        ModelError: the file is no model.
    """
    path = Path(name)
    if path.suffix == ".safetensors" or path.is_file():
        return load(path)
    if name == "pretrained":
        return load_pretrained()
    if name == "shipped":
        raise ConfigError("model 'shipped': has a new name; use 'pretrained'.")
    base, colon, text = name.partition(":")
    option, _, value = text.partition("=")
    return baseline(base, {option: yaml.safe_load(value)} if colon else None)


def _trained(name: str) -> bool:
    from molmeta import learners

    return learners.get(name).meta_trained
