"""The wheel screens in an empty environment and another folder, without the repository."""

import os
import subprocess
import sys
import venv
import zipfile

import pandas as pd
import pytest
from paths import ROOT

from molmeta.extras import EXTRAS
from molmeta.version import __version__

pytestmark = pytest.mark.slow
TORCH = ("torch", "functorch", "sympy", "isympy", "networkx", "mpmath", "fsspec", "nvidia", "cuda",
         "triton", "setuptools", "_distutils_hack", "distutils", "pip")  # fmt: skip
"""Starts of the names of PyTorch, of what it requires, and of what an environment has anyway."""
LARGEST = 800_000_000
"""Bytes of all other packages; docs/install.md says how many there are."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)], folder)
    assert (folder / f"molmeta-{__version__}.tar.gz").exists()
    return folder / f"molmeta-{__version__}-py3-none-any.whl"


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """Give the folder of an environment that holds the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "env", with_pip=True)
    pins = ROOT / "constraints.txt"
    run(["env/bin/pip", "install", "--quiet", "-c", str(pins), str(wheel)], folder)
    return folder


def run(words, folder):
    """Run words as someone who has never heard of the repository."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def test_the_wheel_screens(elsewhere):
    command = "../env/bin/molmeta"
    run(["env/bin/molmeta", "demo"], elsewhere)
    demo = elsewhere / "molmeta-demo"
    words = ["screen", "--support", "measured.csv", "--library", "library.smi"]
    run([command, *words, "--output", "ranked.csv", "--report", "hits.html"], demo)
    assert len(pd.read_csv(demo / "ranked.csv")) == 1000
    assert (demo / "hits.html").stat().st_size > 100_000


def test_the_wheel_passes_its_own_check(elsewhere):
    assert "passed" in run(["env/bin/molmeta", "doctor"], elsewhere).stdout


def test_what_screening_does_not_need_is_not_installed(elsewhere):
    names = [*EXTRAS, "deepchem", "snakemake"]
    code = f"import importlib.util as u; print([n for n in {names} if u.find_spec(n)])"
    assert run(["env/bin/python", "-c", code], elsewhere).stdout == "[]\n"


def test_the_packages_besides_torch_stay_within_their_size(elsewhere):
    (packages,) = elsewhere.glob("env/lib/python*/site-packages")
    files = [path for path in packages.rglob("*") if path.is_file()]
    others = [f for f in files if not f.relative_to(packages).parts[0].startswith(TORCH)]
    assert 0 < sum(path.stat().st_size for path in others) < LARGEST


def test_the_wheel_holds_what_it_reads(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "molmeta/py.typed",
        "molmeta/api/examples/assays.csv",
        "molmeta/api/examples/measured.csv",
        "molmeta/models/weights/LICENSE.txt",
        "molmeta/models/weights/model.safetensors",
        "molmeta/report/templates/hits.html.j2",
    } <= names
