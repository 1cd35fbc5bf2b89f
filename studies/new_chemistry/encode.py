"""Vectors of a trained graph encoder for the compounds of a table, for `vectors.py`.

python studies/new_chemistry/encode.py MODEL.safetensors COMPOUNDS.csv VECTORS.npz

COMPOUNDS has the columns inchikey and smiles. The model must not have been trained on them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from molmeta.learners._parents.embedding import in_chunks
from molmeta.learners.base import require_encoder
from molmeta.models.files import load
from molmeta.molecules.store import featurize


def main(model: Path, compounds: Path, output: Path) -> None:
    """Write the vectors, float16, shape (G, W)."""
    learner, table = load(model).learner, pd.read_csv(compounds)
    encoder = require_encoder(learner.encoder, learner)
    molecules = featurize(table["smiles"].tolist(), encoder.featurizers)
    vectors = in_chunks(encoder, molecules).to(torch.float16).numpy()
    np.savez(output, keys=table["inchikey"].to_numpy("S27"), x=vectors)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
