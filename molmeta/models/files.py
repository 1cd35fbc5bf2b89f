"""Writes and reads a model as one file; loading runs no code and needs no GPU."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import torch

from molmeta import registry
from molmeta.errors import ConfigError, ModelError, one_line
from molmeta.models.conversion import FORMAT, converted
from molmeta.models.model import Model
from molmeta.models.recipes import at_most, recipe_of
from molmeta.models.unallocated import unallocated
from molmeta.molecules import featurizers
from molmeta.runtime.tensorfiles import read_tensors, write_tensors
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

KIND = "model"
LARGEST_WEIGHT = 1e6
"""Trained weights stay far below; products of weights near the largest float32 are not finite."""

_MISMATCHES = (ConfigError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)


def save(model: Model, path: Path, *, half: bool = False) -> None:
    """Write a model.

    Args:
        model: what to write.
        path: where to.
        half: whether its matrices are rounded to half precision, which halves the file.

    Raises:
        OutputError: the file cannot be written.
    """
    header: dict[str, Any] = {
        "kind": KIND,
        "format": FORMAT,
        "recipe": model.recipe.to_dict(),
        "history": dict(model.history),
    }
    if plugins := _plugins_of(model):
        header["plugins"] = plugins
    tensors = model.learner.state_dict()
    write_tensors(path, _halved(tensors) if half else tensors, header)


def load(path: Path) -> Model:
    """Read a model.

    A model that uses a plugin needs it to be loaded: reading a file never imports one. The learner
    is built without allocating memory, and with no more parameters than the file holds, so that a
    hostile header cannot ask for more. Then every tensor must fit.

    Raises:
        ModelError: the file is damaged, of another kind, does not fit its own recipe, or needs a
            plugin that is not loaded.
    """
    tensors, header = read_tensors(path, KIND)
    _require_plugins(header.get("plugins", []), path)
    try:
        tensors, header = converted(tensors, header)
        recipe, history = recipe_of(header["recipe"]), dict(header["history"])
        with registry.without_plugin_imports(), at_most(len(tensors)):
            learner = unallocated(recipe)
        half = torch.float16
        tensors = {name: t.float() if t.dtype == half else t for name, t in tensors.items()}
        _require_numbers(learner.state_dict(), tensors)
        # Assigned, because parameters on the meta device have no memory to copy to.
        learner.load_state_dict(tensors, assign=True)
    except _MISMATCHES as error:
        raise ModelError(
            f"{path}: does not fit its recipe; got {one_line(error)}, expected a model of "
            f"molmeta {__version__}. Train it again."
        ) from error
    return Model(learner.eval().requires_grad_(requires_grad=True), recipe, history)


def _plugins_of(model: Model) -> list[str]:
    """Names of the plugins that define the learner, a part of it, or one of its featurizers."""
    registered = featurizers.FEATURIZERS
    functions = [registered[name].function for name in model.featurizers if name in registered]
    parts = (*map(type, model.learner.modules()), *functions)
    return sorted({registry.plugin_of(part) for part in parts} - {""})


def _require_plugins(names: object, path: Path) -> None:
    needed = cast("list[object]", names) if isinstance(names, list) else []
    missing = [str(name)[:200] for name in needed if name not in registry.loaded_plugins()]
    if missing:
        raise ModelError(
            f"{path}: was trained with the plugin '{missing[0]}', which is not loaded. Name it by "
            f"--plugin {missing[0]}, or by molmeta.registry.load_plugin in Python."
        )


def _halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # Matrices only: halving biases, norms and scalars would save almost nothing.
    large = {
        name
        for name, tensor in tensors.items()
        if tensor.dtype == torch.float32 and tensor.ndim > 1
    }
    return {name: tensor.half() if name in large else tensor for name, tensor in tensors.items()}


def _require_numbers(expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel():
            # One pass finds NaN as well, which is passed on.
            largest = float(tensor.abs().max())
            if not math.isfinite(largest):
                raise ValueError(f"'{name}' with values that are not finite")
            if largest > LARGEST_WEIGHT:
                raise ValueError(f"'{name}' with values above {LARGEST_WEIGHT:g}")
        if name in expected and tensor.dtype != expected[name].dtype:
            raise ValueError(f"'{name}' as {tensor.dtype} instead of {expected[name].dtype}")
