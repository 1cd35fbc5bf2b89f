"""A training run of seconds: 48 real molecules, three assays to learn from and one to choose on."""

from functools import cache

import numpy as np

from molmeta.assays.assay import Assay
from molmeta.learners.profile_gp import ProfileGP
from molmeta.models.recipes import Recipe
from molmeta.molecules.compounds import compounds
from molmeta.molecules.store import update
from molmeta.training.task import Task, TrainingOptions

TAILS = ("C", "CC", "CO", "FC", "NCC", "ClCC")
RINGS = (
    "c1ccccc1", "c1ccncc1", "C1CCCCC1", "c1ccsc1", "C1CCNCC1", "c1ccoc1", "C1COCCN1", "c1cnccn1",
)  # fmt: skip
OPTIONS = {
    "steps": 6,
    "episodes": 2,
    "supports": (8,),
    "n_query": 8,
    "learning_rate": 0.01,
    "validate_every": 2,
    "validation_supports": (8,),
    "validation_repeats": 1,
    "checkpoint_seconds": 0.0,
}
FEATURIZERS = ("graph", "morgan", *ProfileGP.needs)
FINGERPRINTS = {"width": 8, "hidden": 8}
GRAPHS = {"width": 8, "layers": 1}
SMALL = {"mann": {"controller": 8, "slots": 12, "slot_width": 4, "reads": 2}}
SMALL["incontext"] = {"width": 8, "layers": 1, "heads": 2}
SMALL["multitask"] = {"assays": 3}


@cache
def store():
    molecules = compounds([tail + ring for tail in TAILS for ring in RINGS])
    return update(None, {compound.inchikey: compound.smiles for compound in molecules}, FEATURIZERS)


@cache
def smiles():
    molecules = compounds([tail + ring for tail in TAILS for ring in RINGS])
    by_key = {compound.inchikey: compound.smiles for compound in molecules}
    return tuple(by_key[key.decode()] for key in store().keys)


def assay(name, *rings):
    """An assay in which the molecules with one of these rings are active."""
    actives = {
        compound.smiles for compound in compounds([tail + ring for tail in TAILS for ring in rings])
    }
    labels = np.array([text in actives for text in smiles()], np.float32)
    rows = np.arange(len(labels), dtype=np.int64)
    return Assay(name, "", name, smiles(), rows, labels, np.full(len(labels), np.nan, np.float32))


@cache
def assays():
    return (
        assay("aromatic", RINGS[0], RINGS[1], RINGS[3], RINGS[7]),
        assay("nitrogen", RINGS[1], RINGS[4], RINGS[6], RINGS[7]),
        assay("oxygen", RINGS[5], RINGS[6], RINGS[2]),
        assay("five", RINGS[3], RINGS[5], RINGS[0]),
    )


def recipe(learner="protonet", encoder="fingerprint", **options):
    chosen = {"fingerprint": FINGERPRINTS, "gine": GRAPHS}[encoder]
    return Recipe(learner, encoder, SMALL.get(learner, {}), {**chosen, **options})


def task(chosen=None, *, seed=0, init=(), valid=None, **options):
    *training_assays, held_out = assays()
    training = TrainingOptions(**{**OPTIONS, **options})
    valid = [held_out] if valid is None else valid
    return Task(chosen or recipe(), training, seed, training_assays, valid, store().molecules, init)
