"""A small copy of the bundled assays in a folder of its own, and the real Snakemake on it."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from paths import DATA, ROOT

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ROOT / "tests" / "e2e" / "config_small.yaml"
TABLES = {
    "train/CHEMBL262_Ki": 100,
    "train/CHEMBL219_Ki": 100,
    "valid/CHEMBL2047_EC50": 100,
    "test/CHEMBL4005_Ki": 150,
    "test/CHEMBL218_EC50": 100,
}
ONE_SIDED = "test/one_sided"


@dataclass(frozen=True)
class Line:
    """A working folder with its config."""

    folder: Path
    config: Path = SMALL
    patience: float = 900
    """Seconds after which a run is given up."""

    def command(self, *words: str) -> list[str]:
        start = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        return [*start, "--directory", str(self.folder), "--configfile", str(self.config),
                "--cores", "2", *words]  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder),
            "OMP_NUM_THREADS": "1",
            # Jobs run this copy of the package, even where another one is installed.
            "PYTHONPATH": str(ROOT),
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake as a user would who has not activated the environment."""
        return subprocess.run(
            self.command(*words),
            check=False,
            capture_output=True,
            text=True,
            timeout=self.patience,
            env=self.environment,
        )

    def planned(self, *words: str) -> dict[str, int]:
        """Return how many jobs of each rule a dry run plans."""
        done = self.run("--dry-run", *words)
        assert done.returncode == 0, done.stderr
        stats = re.search(
            r"^job +count\n[- ]+\n(.*?)^total", done.stderr + done.stdout, re.M | re.S
        )
        rows = stats.group(1).split("\n") if stats else []
        return {row.split()[0]: int(row.split()[1]) for row in rows if row.strip()}

    def with_config(self, name: str, changes: dict[str, str]) -> Line:
        """Return the same folder under a config in which pieces of text are changed, once each."""
        text = self.config.read_text()
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new, 1)
        path = self.folder / name
        path.write_text(text)
        return Line(self.folder, path)


def make(folder: Path) -> Line:
    """Fill a folder with tables and a library, cut down from those that ship."""
    for name, rows in TABLES.items():
        add(folder, name, rows, as_name=name)
    path = folder / "data" / "assays" / f"{ONE_SIDED}.csv"
    frame = pd.read_csv(folder / "data" / "assays" / "test" / "CHEMBL218_EC50.csv")
    frame.head(30).assign(active=1)[["smiles", "active"]].to_csv(path, index=False)
    library = folder / "data" / "libraries" / "nci_5k.smi"
    library.parent.mkdir(parents=True)
    lines = (DATA / "libraries" / "nci_5k.smi").read_text().splitlines()
    library.write_text("\n".join([*lines[:150], "no_molecule bad"]) + "\n")
    return Line(folder)


def add(folder: Path, source: str, rows: int, *, as_name: str) -> Path:
    """Draw rows of a bundled assay into a table of the folder."""
    path = folder / "data" / "assays" / f"{as_name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pd.read_csv(DATA / "assays" / f"{source}.csv")
    frame.sample(rows, random_state=0).to_csv(path, index=False)
    return path
