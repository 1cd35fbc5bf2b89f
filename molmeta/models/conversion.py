"""Converts model files of earlier formats, so that they load and predict as before."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

FORMAT = 2
"""Format of the files that this version writes."""
EARLIER_TENSORS = (
    (r"^scorer\.", ""),
    (r"(^|\.)memory\.(?=(keys|offsets|assays|values)$)", r"\1records."),
    (r"(^|\.)told\.(?=(weight|bias)$)", r"\1from_records."),
    (r"^log_learnt$", "log_encoder_weight"),
)
"""Patterns of tensor names in format 1, and their replacements."""
_MINIIMAGENET = {"inner_steps": 5, "evaluation_steps": 10, "inner_rate": 0.01}
EARLIER_DEFAULTS: dict[str, dict[str, Any]] = {
    "fomaml": _MINIIMAGENET,
    "anil": _MINIIMAGENET,
    "metasgd": {"inner_steps": 1, "evaluation_steps": 1},
    "reptile": {"inner_steps": 5, "evaluation_steps": 50, "inner_rate": 1e-3},
}
"""Defaults in format 1 of learner options that have another default now."""

EARLIER_OPTIONS = {"learnt": "encoder_weight"}
"""Names of learner options in format 1, and their present names."""


def converted(
    tensors: Mapping[str, Tensor], header: Mapping[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the header of a file in the format of this version.

    Raises:
        ValueError: the format is unknown.
        KeyError, TypeError: the header has no format, or no recipe of the usual form.
    """
    if header["format"] not in (1, FORMAT):
        raise ValueError(f"format {header['format']}")
    if header["format"] == FORMAT:
        return dict(tensors), dict(header)
    recipe = header["recipe"]
    # A recipe lists only the options that were set; the others keep their earlier defaults.
    options = {**EARLIER_DEFAULTS.get(recipe["learner"], {}), **recipe["learner_options"]}
    options = {EARLIER_OPTIONS.get(name, name): value for name, value in options.items()}
    renamed = {_renamed(name): tensor for name, tensor in tensors.items()}
    return renamed, {**header, "recipe": {**recipe, "learner_options": options}}


def _renamed(name: str) -> str:
    for pattern, replacement in EARLIER_TENSORS:
        name = re.sub(pattern, replacement, name)
    return name
