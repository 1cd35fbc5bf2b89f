"""Where the pages get their templates and what is written into them as it is."""

from __future__ import annotations

from importlib import resources

import jinja2


def environment() -> jinja2.Environment:
    """Return Jinja's environment of the pages: values are escaped, a missing one is an error."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("molmeta.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def asset(name: str) -> str:
    """Return the text of a style sheet or script that lies beside the templates."""
    return (resources.files("molmeta.report") / "templates" / name).read_text(encoding="utf-8")
