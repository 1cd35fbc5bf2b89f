"""The model that ships with the package: where it lies, its check, and how a new one gets there.

Run `python -m molmeta.models.shipping MODEL ABOUT.yaml` to ship another one; ABOUT says, in words,
from what data and under which licence, and what the model cannot do.
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

NAME = "shipped"
FOLDER = Path(__file__).with_name("shipped")
ABOUT = ("data", "licence", "attribution", "trained", "limits")


@cache
def shipped(folder: Path = FOLDER) -> Model:
    """Return the model that ships with the package, once its file is seen to be the one meant.

    Raises:
        ModelError: the file is absent, or is not the file that was shipped.
    """
    path, digest = folder / "model.safetensors", folder / "model.sha256"
    try:
        expected, found = digest.read_text().strip(), _digest(path)
    except OSError as error:
        raise ModelError(
            f"{path}: the shipped model cannot be read; got '{error}', expected the file of this "
            "release. Install molmeta again."
        ) from error
    if found != expected:
        raise ModelError(
            f"{path}: is not the model that was shipped; got SHA-256 {found[:12]}, expected "
            f"{expected[:12]}. Install molmeta again."
        )
    return load(path)


def ship(model: Model, about: Mapping[str, Any], *, folder: Path = FOLDER) -> Path:
    """Write a model, and what is to be said of it, where `shipped` finds it.

    Its matrices are rounded to half precision: it is in every copy of the package.

    Raises:
        ConfigError: nothing is said of the data, the licence, the attribution, the date or the
            limits.
        OutputError: the folder cannot be written to.
    """
    missing = [key for key in ABOUT if not about.get(key)]
    if missing:
        raise ConfigError(
            f"about: leaves something out; got none of {missing}, expected words on each of "
            f"{list(ABOUT)}. Add them."
        )
    path = folder / "model.safetensors"
    words = {key: str(value) for key, value in about.items()}
    save(replace(model, history={**model.history, "about": words}), path, half=True)
    with written(folder / "model.sha256") as temporary:
        temporary.write_text(_digest(path) + "\n")
    return path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    model, about = map(Path, sys.argv[1:])
    ship(load(model), cast("dict[str, Any]", yaml.safe_load(about.read_text())))
