"""Molecules that featurizers and encoders meet sooner or later, and a few that are alike."""

from functools import cache

import numpy as np

from molmeta.assays.assay import Assay
from molmeta.assays.training_data import TrainingData
from molmeta.molecules.compounds import compound
from molmeta.molecules.featurizers import FEATURIZERS
from molmeta.molecules.store import featurize

PEPTIDE = "N" + "CC(=O)N" * 74 + "CC(=O)O"
"""A chain of 75 glycines, 301 atoms."""

ZOO = {
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "caffeine": "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "ion": "C[N+](C)(C)CC(=O)[O-]",
    "charged": "[NH4+]",
    "salt": compound("[Na+].CC(=O)[O-]").smiles,
    "right": "C[C@H](N)C(=O)O",
    "left": "C[C@@H](N)C(=O)O",
    "opposite": "C/C=C/C(=O)O",
    "together": "C/C=C\\C(=O)O",
    "isotope": "[2H]C([2H])([2H])O",
    "macrocycle": "O=C1CCCCCCCCCCCCCCO1",
    "metal": "[NH3][Pt]([NH3])(Cl)Cl",
    "single_atom": "C",
    "xenon": "[Xe]",
    "peptide": PEPTIDE,
    "iodine": "Ic1ccc(Br)cc1Cl",
}
BLOCKS = tuple(FEATURIZERS)
"""All featurizers, those of plugins too, so that any encoder can be tested on the zoo."""


@cache
def zoo():
    """The whole zoo with all blocks, in the order of ZOO."""
    return featurize(list(ZOO.values()), BLOCKS)


def all_measured(molecules):
    """Training data with one assay that measured every molecule."""
    rows = np.arange(len(molecules))
    labels, values = (rows % 2).astype(np.float32), np.full(len(rows), np.nan, np.float32)
    return TrainingData(molecules, [Assay("all", "", "", ("C",) * len(rows), rows, labels, values)])


@cache
def drugs():
    """Twelve small molecules with graphs and fingerprints."""
    return featurize(DRUGS, ("graph", "morgan"))


DRUGS = [
    "CC(=O)Oc1ccccc1C(=O)O", "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "CC(=O)Nc1ccc(O)cc1",
    "CC(C)Cc1ccc(C(C)C(=O)O)cc1", "CN1CCCC1c1cccnc1", "C[C@H](N)C(=O)O", "C/C=C/C(=O)O",
    "c1ccc2ccccc2c1", "OCC1OC(O)C(O)C(O)C1O", "Clc1ccccc1", "C", "O=C(O)c1ccccc1O",
]  # fmt: skip
