"""Jinja environment and static files of the pages."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

import jinja2


def environment(*folders: str) -> jinja2.Environment:
    """Return a Jinja environment that escapes values and refuses missing variables.

    Args:
        folders: folders of templates in addition to those of the package.
    """
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader("molmeta.report"), jinja2.FileSystemLoader(folders)]
        ),
        # Names of assays, models and compounds come from user files and must not become markup.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def asset(name: str) -> str:
    """Return the text of a style sheet or script of the templates folder."""
    return (resources.files("molmeta.report") / "templates" / name).read_text(encoding="utf-8")


def script_hash(script: str) -> str:
    """Return the SHA-256 of an inline script, as a Content-Security-Policy takes it."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
