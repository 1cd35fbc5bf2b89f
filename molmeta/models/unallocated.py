"""Builds a learner whose weights have shapes and types but no memory, as those of a file do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from molmeta.learners.base import MetaLearner
    from molmeta.models.recipes import Recipe

_PRODUCTS: set[Any] = {torch.Tensor.mul, torch.Tensor.__mul__, torch.Tensor.__rmul__}


def unallocated(recipe: Recipe) -> MetaLearner:
    """Return a new learner on torch's meta device.

    Raises:
        ConfigError: as `Recipe.build`.
    """
    with torch.device("meta"), _Undrawn():
        return recipe.build(0)


class _Undrawn(TorchFunctionMode):
    """Replaces drawing and scaling by what has the same shape.

    On the meta device, torch does both in Python, for which it imports its compiler and SymPy.
    That takes a second or more.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        if func is torch.randn:
            func = torch.rand
        elif func is torch.Tensor.normal_ or (func in _PRODUCTS and _is_number(args[1])):
            return args[0]
        return func(*args, **(kwargs or {}))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float))
