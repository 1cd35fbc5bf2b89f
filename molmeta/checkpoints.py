"""Named tensors and a JSON header in one safetensors file; reading one never runs code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from molmeta.errors import ModelError
from molmeta.outputs import written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

KEY = "molmeta"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and header, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with written(path) as temporary:
        save_file(plain, temporary, {KEY: json.dumps(header, sort_keys=True)})


def read_tensors(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read tensors and header by memory map.

    Args:
        path: the file.
        kind: what the header must say under 'kind'.

    Raises:
        ModelError: the file is missing, damaged or of another kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header: dict[str, Any] = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ModelError(_message(path, kind, str(error))) from error
    if not isinstance(header, dict) or header.get("kind") != kind:
        raise ModelError(_message(path, kind, "a file of another kind"))
    return tensors, header


def _message(path: Path, kind: str, got: str) -> str:
    return (
        f"{path}: cannot be read; got {got[:200]}, expected a molmeta {kind}. "
        "Make it again, or name another file."
    )
