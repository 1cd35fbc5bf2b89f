"""Sections of the report: each file is one, with a template of the same name next to it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from molmeta import registry

if TYPE_CHECKING:
    from molmeta.report.sections.base import Section


def sections() -> dict[str, Section]:
    """Return all sections by name, in the order of the page."""
    by_name = {
        name: importlib.import_module(f"{__name__}.{name}").SECTION
        for name in registry.names(__name__)
    }
    return dict(sorted(by_name.items(), key=lambda item: item[1].order))
