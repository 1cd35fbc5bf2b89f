"""Griffe extension: `Example:` in a docstring is the section that Griffe calls `Examples:`."""

from __future__ import annotations

import re

import griffe


class Examples(griffe.Extension):
    """Renames the section, so that doctests are shown as code."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Rename the section in the docstring of an object."""
        if obj.docstring:
            value = obj.docstring.value
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", value, flags=re.MULTILINE)
