"""Named tensors and a JSON header in one safetensors file, which holds no code."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from safetensors import SafetensorError, safe_open
from safetensors import torch as tensorfiles

from molmeta.errors import ModelError
from molmeta.runtime.outputs import written

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from torch import Tensor

KEY = "molmeta"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and header, completely or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with written(path) as temporary, _own_folder(temporary) as folder:
        try:
            whole = folder / "tensors"
            tensorfiles.save_file(plain, whole, {KEY: json.dumps(header, sort_keys=True)})
            whole.replace(temporary)
        except SafetensorError as error:
            # safetensors reports a full disk as its own error.
            raise OSError(str(error)) from error


def read_tensors(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read tensors and header by memory map.

    Args:
        path: the file.
        kind: the kind of file that the header must name.

    Raises:
        ModelError: the file is missing, damaged or of another kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            header: object = json.loads(metadata[KEY])
            tensors = {str(name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError, RecursionError) as error:
        raise ModelError(_message(path, kind, str(error))) from error
    fields = cast("dict[str, Any]", header) if isinstance(header, dict) else {}
    if fields.get("kind") != kind:
        raise ModelError(_message(path, kind, "a file of another kind"))
    return tensors, fields


@contextmanager
def _own_folder(temporary: Path) -> Generator[Path]:
    """Yield an empty folder after removing what a killed run has left in it.

    safetensors first writes to a file with a random name, which would otherwise be hard to find.
    """
    folder = temporary.with_name(f"{temporary.name}.d")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _message(path: Path, kind: str, got: str) -> str:
    return (
        f"{path}: cannot be read; got {got[:200]}, expected a molmeta {kind}. "
        "Make it again, or name another file."
    )
