"""Makes `data/assays/` again from the wheel of MoleculeACE 3.0.0.

    python data/make_assays.py MoleculeACE-3.0.0-py3-none-any.whl data/assays

The wheel comes from `pip download --no-deps MoleculeACE==3.0.0`. Molecules and numbers stay as
they are given there; the split keeps every target, and every family of targets that shares
compounds, on one side.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path

import pandas as pd

from molmeta.runtime.outputs import written

TARGETS = {
    "train": {
        "CHEMBL214_Ki": "Serotonin 5-HT1A receptor",
        "CHEMBL219_Ki": "Dopamine D4 receptor",
        "CHEMBL234_Ki": "Dopamine D3 receptor",
        "CHEMBL231_Ki": "Histamine H1 receptor",
        "CHEMBL264_Ki": "Histamine H3 receptor",
        "CHEMBL228_Ki": "Serotonin transporter",
        "CHEMBL238_Ki": "Dopamine transporter",
        "CHEMBL233_Ki": "Mu opioid receptor",
        "CHEMBL236_Ki": "Delta opioid receptor",
        "CHEMBL237_Ki": "Kappa opioid receptor",
        "CHEMBL237_EC50": "Kappa opioid receptor",
        "CHEMBL287_Ki": "Sigma-1 receptor",
        "CHEMBL1862_Ki": "Tyrosine-protein kinase ABL1",
        "CHEMBL262_Ki": "Glycogen synthase kinase-3 beta",
        "CHEMBL2835_Ki": "Tyrosine-protein kinase JAK1",
        "CHEMBL2971_Ki": "Tyrosine-protein kinase JAK2",
        "CHEMBL4203_Ki": "Dual specificity protein kinase CLK4",
        "CHEMBL2147_Ki": "Protein kinase PIM1",
        "CHEMBL1871_Ki": "Androgen receptor",
        "CHEMBL2034_Ki": "Glucocorticoid receptor",
    },
    "valid": {
        "CHEMBL235_EC50": "PPAR gamma",
        "CHEMBL239_EC50": "PPAR alpha",
        "CHEMBL3979_EC50": "PPAR delta",
        "CHEMBL2047_EC50": "Bile acid receptor FXR",
    },
    "test": {
        "CHEMBL204_Ki": "Thrombin",
        "CHEMBL244_Ki": "Coagulation factor X",
        "CHEMBL218_EC50": "Cannabinoid CB1 receptor",
        "CHEMBL4616_EC50": "Ghrelin receptor",
        "CHEMBL4792_Ki": "Orexin receptor 2",
        "CHEMBL4005_Ki": "PI3-kinase p110-alpha subunit",
    },
}
FOLDER = "MoleculeACE/Data/benchmark_data"


def read_benchmark(wheel: Path, name: str) -> pd.DataFrame:
    """Return the table of one assay as the wheel holds it, text untouched."""
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(f"{FOLDER}/{name}.csv")
    return pd.read_csv(io.BytesIO(content), dtype=str)


def assay_table(benchmark: pd.DataFrame, name: str, target: str) -> pd.DataFrame:
    """Return the columns that `molmeta curate` reads."""
    chembl_id = name.partition("_")[0]
    table = benchmark[["smiles", "exp_mean [nM]"]].set_axis(["smiles", "value"], axis=1)
    return table.assign(unit="nM", target=f"{chembl_id} {target}")


def make(wheel: Path, folder: Path) -> None:
    """Write one CSV an assay below `folder`/train, valid and test."""
    for split, targets in TARGETS.items():
        for name, target in targets.items():
            table = assay_table(read_benchmark(wheel, name), name, target)
            with written(folder / split / f"{name}.csv") as path:
                table.to_csv(path, index=False, lineterminator="\n")


def main() -> None:
    """Read the two paths from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("folder", type=Path)
    paths = parser.parse_args()
    make(paths.wheel, paths.folder)


if __name__ == "__main__":
    main()
