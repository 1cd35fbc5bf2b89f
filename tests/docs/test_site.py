"""The documentation site: every page has a place, examples run, and the site builds offline."""

from __future__ import annotations

import ast
import json
import re

import pictures
import pytest
import rule_graph
import yaml
from paths import ROOT

import molmeta

DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
NOTEBOOKS = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.ipynb"))
# MkDocs has tags of its own, which the navigation does not use.
NAV = yaml.safe_load((ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2])
PYTHON = (DOCS / "reference" / "python.md").read_text()
HOW_TO = sorted((DOCS / "howto").glob("*.md"))
EXAMPLES = [
    pytest.param(code, id=f"{path.stem}-{n}")
    for path in HOW_TO
    for n, code in enumerate(re.findall(r"^```python\n(.*?)^```", path.read_text(), re.M | re.S))
    if "knime" not in code
]


TROUBLES = re.findall(
    r"^### ([^A-Z].+)", (DOCS / "howto" / "troubleshooting.md").read_text(), re.MULTILINE
)


def listed(nav):
    """Return the pages of a navigation."""
    if isinstance(nav, str):
        return [nav]
    return [
        page for item in (nav.values() if isinstance(nav, dict) else nav) for page in listed(item)
    ]


@pytest.mark.parametrize("page", [*PAGES, *NOTEBOOKS])
def test_every_page_has_a_place_in_the_navigation(page):
    assert listed(NAV).count(page) == 1


@pytest.mark.parametrize("name", [name for name in molmeta.__all__ if name != "__version__"])
def test_every_public_name_is_in_the_reference(name):
    assert re.search(rf"^::: molmeta\.([a-z_]+\.)*{name}$", PYTHON, re.MULTILINE)


@pytest.mark.parametrize("path", HOW_TO, ids=lambda path: path.stem)
def test_a_how_to_fits_on_a_screen_or_two(path):
    assert len(path.read_text().split()) <= 560


@pytest.fixture(scope="module")
def messages():
    """The texts in the code of the package, without its docstrings."""
    texts = []
    for path in (ROOT / "molmeta").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        constants = [node for node in nodes if isinstance(node, ast.Constant)]
        texts += [node.value for node in constants if id(node) not in docstrings]
    return "\n".join(text for text in texts if isinstance(text, str))


@pytest.mark.parametrize("title", TROUBLES)
def test_error_messages_among_the_titles_are_those_of_the_code(title, messages):
    for part in re.split(r"; | ?\.\.\.\??", title):
        assert part.strip() in messages


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_examples_of_how_to_pages_run(code):
    exec(code, {})  # noqa: S102 - our own pages


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_are_stored_without_outputs(name):
    cells = json.loads((DOCS / name).read_text())["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_pictures_are_those_of_the_script(name):
    assert (DOCS / "assets" / f"{name}.svg").read_text() == pictures.PICTURES[name]()


@pytest.mark.slow
def test_the_picture_of_the_rules_shows_those_of_the_workflow():
    assert rule_graph.drawn(rule_graph.PICTURE.read_text()) == rule_graph.rules()


@pytest.mark.parametrize("page", [*(f"docs/{page}" for page in PAGES), "README.md"])
def test_links_lead_to_files_of_the_repository(page):
    text = re.sub(r"^ *```.*?^ *```", "", (ROOT / page).read_text(), flags=re.M | re.S)
    targets = re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", text)
    assert [name for name in targets if not (ROOT / page).parent.joinpath(name).exists()] == []


def test_nothing_is_loaded_from_elsewhere():
    text = (ROOT / "mkdocs.yml").read_text() + (DOCS / "assets" / "site.css").read_text()
    assert "http" not in text
