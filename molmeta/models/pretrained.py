"""The pretrained model inside the package: its file, its checksum, and how to replace it.

`python -m molmeta.models.pretrained MODEL ABOUT.yaml` replaces it. ABOUT describes the training
data, the licence and the limits of the model.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from molmeta.errors import ConfigError, ModelError
from molmeta.models.files import load, save
from molmeta.runtime.outputs import written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from molmeta.models.model import Model

NAME = "pretrained"
FOLDER = Path(__file__).with_name("weights")
ABOUT = ("data", "licence", "attribution", "trained", "limits")


@cache
def load_pretrained(folder: Path = FOLDER) -> Model:
    """The pretrained model, after its file was checked against its checksum.

    Raises:
        ModelError: the file is missing or does not match its checksum.
    """
    path, digest = folder / "model.safetensors", folder / "model.sha256"
    try:
        expected, actual = digest.read_text().strip(), _digest(path)
    except OSError as error:
        raise ModelError(
            f"{path}: the pretrained model cannot be read; got '{error}', expected the file of "
            "this release. Install molmeta again."
        ) from error
    if actual != expected:
        raise ModelError(
            f"{path}: does not match its checksum; got SHA-256 {actual[:12]}, expected "
            f"{expected[:12]}. Install molmeta again."
        )
    return load(path)


def publish(model: Model, about: Mapping[str, Any], *, folder: Path = FOLDER) -> Path:
    """Write a model and its description where `load_pretrained` finds it.

    Matrices are rounded to half precision, because every copy of the package contains them.

    Args:
        model: replaces the pretrained model.
        about: a text for each key of `ABOUT`.
        folder: where the package keeps the model.

    Raises:
        ConfigError: a key of `ABOUT` is missing or empty.
        OutputError: the folder cannot be written to.
    """
    missing = [key for key in ABOUT if not about.get(key)]
    if missing:
        raise ConfigError(
            f"about: {missing} missing or empty; got {sorted(about)}, expected a text for each of "
            f"{list(ABOUT)}. Add them."
        )
    path = folder / "model.safetensors"
    texts = {key: str(value) for key, value in about.items()}
    save(replace(model, history={**model.history, "about": texts}), path, half=True)
    # The checksum comes last: a crash in between leaves a mismatch, which loading reports.
    with written(folder / "model.sha256") as temporary:
        temporary.write_text(_digest(path) + "\n")
    return path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    model, about = map(Path, sys.argv[1:])
    publish(load(model), cast("dict[str, Any]", yaml.safe_load(about.read_text())))
