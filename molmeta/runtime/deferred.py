"""Modules that are imported at their first use."""

from __future__ import annotations

import importlib
from typing import Any


class Deferred:
    """Placeholder for a module that is imported when one of its attributes is first used.

    Processes that only featurize molecules start without torch, which takes seconds to import.

    Example:
        >>> Deferred("math").floor(2.5)
        2
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:  # noqa: ANN401 - as the module has it
        return getattr(importlib.import_module(self._name), attribute)
