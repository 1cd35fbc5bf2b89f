"""The pretrained models inside the package: their files, their checksums, and how to replace them.

`pretrained` is the model for predictions. `pretrained_gine` has the graph encoder that `init:
pretrained` starts from. `python -m molmeta.models.pretrained MODEL ABOUT.yaml [NAME]` replaces one
of them. ABOUT describes the training data, the licence and the limits of the model.
"""

from __future__ import annotations

import copy
import hashlib
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from molmeta.errors import ConfigError, ModelError, unknown_name
from molmeta.learners._parents.profile_process import ENCODER, NONE
from molmeta.learners._parts.targets import require_target
from molmeta.models.files import load, save
from molmeta.molecules.featurizers import require_vectors, revision
from molmeta.runtime.outputs import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from molmeta.models.model import Model

NAME = "pretrained"
NAMES = (NAME, "pretrained_gine")
"""Each is a file; the name of an encoder ends with that of the encoder."""
FOLDER = Path(__file__).with_name("weights")
OPTIONS = ("target", "graded", "further")
"""Options of the pretrained model that change none of its weights."""
ABOUT = ("data", "licence", "attribution", "trained", "limits")


@cache
def load_pretrained(folder: Path = FOLDER, name: str = NAME) -> Model:
    """A pretrained model, after its file was checked against its checksum.

    Raises:
        ModelError: the file is missing or does not match its checksum.
    """
    path, digest = _files(folder, name)
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


def pretrained_with(**options: Any) -> Model:  # noqa: ANN401 - options of the learner
    """The pretrained model with other options, which shares its weights.

    Args:
        options: `target`, `graded` or `further` of `profile_gp`.

    Raises:
        ConfigError: another option, or a value that the option does not take.
        ModelError: as for `load_pretrained`.
    """
    model = load_pretrained()
    for name in options:
        if name not in OPTIONS:
            raise ConfigError(f"model '{NAME}': {unknown_name('option', name, OPTIONS)}")
    if (further := options.get("further", NONE)) not in (ENCODER, NONE):
        require_vectors(further)
    require_target(options.get("target", "activity"), NAME)
    if not isinstance(options.get("graded", False), bool):
        raise ConfigError(
            f"model '{NAME}': 'graded' is a switch; got '{options['graded']}', expected true or "
            "false. Correct it."
        )
    present = vars(model.learner)
    options = {name: value for name, value in options.items() if value != present[name]}
    if not options:
        return model
    recipe = replace(model.recipe, learner_options={**model.recipe.learner_options, **options})
    learner = copy.copy(model.learner)
    vars(learner).update(options)
    return replace(model, learner=learner, recipe=recipe)


def pretrained_encoder(encoder: str) -> Model:
    """The pretrained model whose encoder has this name.

    Raises:
        ConfigError: the encoder has no pretrained weights.
        ModelError: as for `load_pretrained`.
    """
    name = f"{NAME}_{encoder}"
    if name not in NAMES:
        raise ConfigError(
            f"init: there is no pretrained encoder '{encoder}'; expected the encoder 'gine' with "
            "'init: pretrained'. Change 'encoder', or name a model file."
        )
    return load_pretrained(name=name)


def publish(
    model: Model, about: Mapping[str, Any], *, folder: Path = FOLDER, name: str = NAME
) -> Path:
    """Write a model and its description where `load_pretrained` finds it.

    Matrices are rounded to half precision, because every copy of the package contains them.

    Args:
        model: replaces the pretrained model.
        about: a text for each key of `ABOUT`.
        folder: where the package keeps the model.
        name: one of `NAMES`.

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
    path, digest = _files(folder, name)
    texts = {key: str(value) for key, value in about.items()}
    revisions = {name: revision(name) for name in model.featurizers}
    history = {"featurizers": revisions, **model.history, "about": texts}
    save(replace(model, history=history), path, half=True)
    # The checksum comes last: a crash in between leaves a mismatch, which loading reports.
    write_text(digest, _digest(path) + "\n")
    return path


def _files(folder: Path, name: str) -> tuple[Path, Path]:
    stem = name.removeprefix(f"{NAME}_") if name != NAME else "model"
    return folder / f"{stem}.safetensors", folder / f"{stem}.sha256"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    model, about, *names = sys.argv[1:]
    texts = cast("dict[str, Any]", yaml.safe_load(Path(about).read_text()))
    publish(load(Path(model)), texts, name=names[0] if names else NAME)
