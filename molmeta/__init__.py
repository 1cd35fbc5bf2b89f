"""Few-shot drug discovery: learn from thousands of old assays, so that the next one is cheap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.version import __version__

if TYPE_CHECKING:
    from os import PathLike

    from molmeta.models.model import Model

__all__ = ["__version__", "load"]


def load(path: str | PathLike[str] | None = None) -> Model:
    """Return a model that is ready to adapt to a new assay.

    Args:
        path: file of `molmeta train`; without one, the pretrained model.

    Raises:
        ModelError: the file is damaged or of another kind.
    """
    from pathlib import Path

    from molmeta.models.files import load as read
    from molmeta.models.pretrained import load_pretrained

    return load_pretrained() if path is None else read(Path(path))
