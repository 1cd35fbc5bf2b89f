from __future__ import annotations

import re
import tomllib
from importlib import metadata

import pytest
import yaml
from packaging.requirements import Requirement
from paths import ROOT
from rattler import MatchSpec

from molmeta.version import __version__

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WANTED = [Requirement(text) for text in PROJECT["dependencies"]]
TESTS = [Requirement(text) for text in PROJECT["optional-dependencies"]["test"]]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
SPECS = [spec for spec in CONDA["dependencies"] if isinstance(spec, str)]
PIP = next(spec["pip"] for spec in CONDA["dependencies"] if isinstance(spec, dict))
CONDA_NAMES = {
    "torch": "pytorch",
    "torch-geometric": "pytorch_geometric",
    "snakemake": "snakemake-minimal",
}
MODULES = {
    "lightning-fabric": "lightning_fabric",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
    "torch-geometric": "torch_geometric",
    "vl-convert-python": "vl_convert",
}
"""Module of each dependency that is imported under another name."""
PINS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
)


@pytest.mark.parametrize("spec", SPECS)
def test_conda_understands_every_line(spec):
    assert str(MatchSpec(spec, strict=True))


def test_conda_environment_asks_for_what_the_package_asks_for():
    expected = {CONDA_NAMES.get(r.name, r.name): str(r.specifier) for r in WANTED}
    found = dict(re.fullmatch(r"([\w-]+)(.*)", spec).groups() for spec in SPECS)
    del found["python"], found["pip"]
    by_pip = {r.name: str(r.specifier) for r in map(Requirement, PIP)}
    assert found | by_pip == expected


def test_only_deepchem_has_a_condition():
    assert [r.name for r in WANTED if r.marker] == ["deepchem"]


@pytest.mark.parametrize("wanted", [*WANTED, *TESTS], ids=lambda wanted: wanted.name)
def test_every_dependency_is_pinned_within_its_range(wanted):
    pinned = {_canonical(name): version for name, version in PINS.items()}
    assert pinned[_canonical(wanted.name)] in wanted.specifier


def test_every_dependency_is_used():
    text = "".join(path.read_text() for path in (ROOT / "molmeta").rglob("*.py"))
    imported = set(
        re.findall(r"""(?:^\s*(?:import|from) |import_module\(")(\w+)""", text, re.MULTILINE)
    )
    # Snakemake runs the package, and needs pygments for its report.
    names = {r.name for r in WANTED} - {"snakemake", "pygments"}
    assert {name for name in names if MODULES.get(name, name) not in imported} == set()


def test_pins_name_no_build_and_no_place():
    text = (ROOT / "constraints.txt").read_text()
    assert not re.search(r"\+|@|://|^-", text, re.MULTILINE)


def test_torch_is_pinned_to_the_version_that_was_tested():
    assert PINS["torch"] == "2.13.0"


def test_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert PROJECT["version"] == __version__ == citation["version"] == metadata.version("molmeta")


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
