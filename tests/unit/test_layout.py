"""Every import runs downwards, from package to package, and no module imports itself in a loop."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter

import pytest
from paths import ROOT

PACKAGE = ROOT / "molmeta"
LEVELS = (
    ("errors", "version"),
    ("extras",),
    ("registry",),
    ("runtime",),
    ("molecules",),
    ("assays",),
    ("encoders", "curation"),
    ("learners",),
    ("models", "evaluation"),
    ("libraries", "training"),
    ("screening",),
    ("automl",),
    ("report", "campaigns"),
    ("api",),
    ("cli", "envs", "workflow"),
)
"""Packages and modules of the root, lowest first; one may import what is below it."""
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}
ROOT_FILES = {"__init__.py", "__main__.py", "version.py", "errors.py", "extras.py", "registry.py"}


def modules():
    """Path of every module by its dotted name."""
    named = {}
    for path in PACKAGE.rglob("*.py"):
        parts = ["molmeta", *path.relative_to(PACKAGE).with_suffix("").parts]
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def imported(path, names):
    """Modules of the package that a file imports, for type checking too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("molmeta"):
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                yield inside if inside in names else node.module


MODULES = modules()
IMPORTS = {name: {*imported(path, MODULES)} - {name} for name, path in MODULES.items()}


def place(module):
    """Package or module of the root that a module belongs to."""
    return module.split(".")[1] if "." in module else module


@pytest.mark.parametrize("name", sorted(MODULES.keys() - {"molmeta", "molmeta.__main__"}))
def test_a_module_imports_only_what_is_below_its_package(name):
    own = place(name)
    others = {place(target) for target in IMPORTS[name]} - {own}
    assert {other for other in others if LEVEL.get(other, 99) >= LEVEL[own]} == set()


def test_no_modules_import_each_other():
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_every_package_has_a_level():
    found = {path.stem for path in PACKAGE.iterdir() if path.stem != "__pycache__"}
    assert found - {"__init__", "__main__", "py"} == set(LEVEL)


def test_the_root_holds_six_files():
    assert {path.name for path in PACKAGE.iterdir() if path.suffix == ".py"} == ROOT_FILES
