"""Few-shot drug discovery: learn from thousands of past assays, so that the next one is cheap."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from molmeta.extras import optional_packages
from molmeta.version import __version__

if TYPE_CHECKING:
    from os import PathLike

    from molmeta.api.audit import audit
    from molmeta.api.auto import auto
    from molmeta.api.curate import curate
    from molmeta.api.demo import demo
    from molmeta.api.doctor import doctor
    from molmeta.api.enrich import enrich
    from molmeta.api.estimators import FewShotClassifier, FewShotRegressor
    from molmeta.api.evaluate import evaluate
    from molmeta.api.inspect import inspect
    from molmeta.api.screen import screen
    from molmeta.api.simulate import simulate
    from molmeta.api.suggest import suggest
    from molmeta.api.train import train
    from molmeta.api.tune import tune
    from molmeta.models.model import Model

__all__ = [
    "FewShotClassifier",
    "FewShotRegressor",
    "__version__",
    "audit",
    "auto",
    "curate",
    "demo",
    "doctor",
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


def load(model: str | PathLike[str] | None = None) -> Model:
    """A model that is ready to adapt to a new assay.

    Args:
        model: file of `molmeta train`, or the name of a baseline such as "similarity" or
            "tanimoto_gp:target=value"; None loads the pretrained model.

    Raises:
        ConfigError: neither a file nor a name.
        ModelError: the file is damaged or of another kind.

    Example:
        >>> import molmeta
        >>> molmeta.load("similarity")
        Model('similarity', not meta-trained)
    """
    from molmeta.models.named import named

    return named("pretrained" if model is None else str(model))


def __getattr__(name: str) -> object:
    """Import the function of a command when it is first used; `import molmeta` stays fast."""
    if name not in __all__:
        raise AttributeError(f"module 'molmeta' has no attribute '{name}'")
    with optional_packages(f"molmeta.{name}"):
        module = "estimators" if name.startswith("FewShot") else name
        return getattr(import_module(f"molmeta.api.{module}"), name)


def __dir__() -> list[str]:
    return __all__
