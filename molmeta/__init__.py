"""Few-shot drug discovery: learn from thousands of past assays, so that the next one is cheap."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from molmeta.version import __version__

if TYPE_CHECKING:
    from os import PathLike

    from molmeta.api.audit import audit
    from molmeta.api.auto import auto
    from molmeta.api.curate import curate
    from molmeta.api.enrich import enrich
    from molmeta.api.evaluate import evaluate
    from molmeta.api.inspect import inspect
    from molmeta.api.screen import screen
    from molmeta.api.simulate import simulate
    from molmeta.api.suggest import suggest
    from molmeta.api.train import train
    from molmeta.api.tune import tune
    from molmeta.models.model import Model

__all__ = [
    "__version__",
    "audit",
    "auto",
    "curate",
    "enrich",
    "evaluate",
    "inspect",
    "load",
    "screen",
    "simulate",
    "suggest",
    "train",
    "tune",
]


def load(path: str | PathLike[str] | None = None) -> Model:
    """A model that is ready to adapt to a new assay.

    Args:
        path: file of `molmeta train`; None loads the pretrained model.

    Raises:
        ModelError: the file is damaged or of another kind.
    """
    from pathlib import Path

    from molmeta.models.files import load as read
    from molmeta.models.pretrained import load_pretrained

    return load_pretrained() if path is None else read(Path(path))


def __getattr__(name: str) -> object:
    """Import the function of a command when it is first used; `import molmeta` stays fast."""
    if name not in __all__:
        raise AttributeError(f"module 'molmeta' has no attribute '{name}'")
    return getattr(import_module(f"molmeta.api.{name}"), name)


def __dir__() -> list[str]:
    return __all__
