"""Pages of the site that are generated: commands, configuration, and pages of the project."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from typer.testing import CliRunner

from molmeta import cli
from molmeta.evaluation import metrics
from molmeta.report.sections.glossary import TERMS
from molmeta.workflow.config import Config

ROOT = Path(__file__).parents[1]
PROJECT = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "config/README.md",
    "data/README.md",
    "workflow/README.md",
    *(str(path.relative_to(ROOT)) for path in (ROOT / "studies").rglob("*.md")),
)
"""Pages outside docs/ that the site shows under project/, by their path in the repository."""
LINK = re.compile(r"\[([^\]]*)\]\((?!\w+:)([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:  # noqa: ANN401 - MkDocs' own type is partial
    """Add the pages of the project."""
    for name in PROJECT:
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, f"project/{name}", content=text))
    for name in (path.relative_to(ROOT) for path in (ROOT / "studies").rglob("*.[ps][nv]g")):
        files.append(File.generated(config, f"project/{name}", abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:  # noqa: ANN401
    """Point links at pages of the project to their place in the site, and fill generated pages."""
    source = page.file.src_uri
    if source in GENERATED:
        markdown = GENERATED[source]()
    inside = source.removeprefix("project/")
    # Where the page is in the repository, from which its links lead.
    place = inside if inside != source else f"docs/{source}"

    def replaced(match: re.Match[str]) -> str:
        words, target, anchor = match.groups(default="")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
        in_site = _in_site(path)
        if in_site is None:
            # Code and configuration are in the repository alone.
            return words
        return f"[{words}]({posixpath.relpath(in_site, posixpath.dirname(source))}{anchor})"

    return LINK.sub(replaced, markdown).replace("<!-- terms of the report -->", _terms())


def _in_site(path: str) -> str | None:
    """Return the source of a path of the repository within the site, None if it has none."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    picture = path.startswith("studies/") and path.endswith((".svg", ".png"))
    return f"project/{path}" if path in PROJECT or picture else None


def _terms() -> str:
    """Return the glossary of the report as a table."""
    explained = {metrics.get(name).label: metrics.get(name).meaning for name in metrics.names()}
    rows = [f"| **{term}** | {_cell(text)} |" for term, text in (TERMS | explained).items()]
    return "\n".join(["| term | meaning |", "|---|---|", *rows])


def commands() -> str:
    """Return the page of all commands, from their help."""
    app = cli.build()
    sections = [
        f"## molmeta {command.name}\n\n```text\n{_help(app, command.name)}\n```\n"
        for command in app.registered_commands
    ]
    head = (
        "# Commands\n\nThe help of each command, as `molmeta COMMAND --help` prints it. The "
        "examples use the files that `molmeta demo` writes. Every command exits with 0 when it "
        "is done, 2 for a user error, and 1 for a bug.\n\n"
    )
    return head + "\n".join(sections)


def _help(app: Any, name: str) -> str:  # noqa: ANN401
    words = [name, "--help"]
    return CliRunner().invoke(app, words, prog_name="molmeta", terminal_width=80).stdout.strip()


def configuration() -> str:
    """Return the page of all keys of the workflow's config, from their declarations."""
    schema = Config.model_json_schema()
    parts = [
        "# Configuration\n\nThe keys of `config/config.yaml`. Unknown keys are refused.\n",
        _keys("Top level", schema),
        *(_keys(name, group) for name, group in schema["$defs"].items()),
    ]
    return "\n".join(parts)


def _keys(title: str, group: dict[str, Any]) -> str:
    if "properties" not in group:
        return ""
    rows = [
        f"| `{name}` | {_kind(key)} | {_default(key)} | {_cell(key.get('description', ''))} |"
        for name, key in group["properties"].items()
    ]
    about = group.get("description", "") if title != "Top level" else ""
    head = ["| key | type | default | meaning |", "|---|---|---|---|"]
    return "\n".join([f"## {title}\n", about.split("\n\n")[0], "", *head, *rows, ""])


def _kind(key: dict[str, Any]) -> str:
    if "$ref" in key:
        name = key["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in key:
        return " or ".join(f"`{value}`" for value in key["enum"])
    if "anyOf" in key:
        return " or ".join(dict.fromkeys(_kind(one) for one in key["anyOf"]))
    if key.get("type") == "array":
        return f"list of {_kind(key['items'])}" if "items" in key else "list"
    return str(key.get("type", key.get("const", "any")))


def _default(key: dict[str, Any]) -> str:
    if "default" not in key:
        return "required" if "$ref" not in key else ""
    if isinstance(key["default"], dict):
        return ""
    return f"`{key['default']}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


GENERATED = {"reference/commands.md": commands, "reference/config.md": configuration}
"""What replaces a page of docs/ that only says where to look without the site."""
