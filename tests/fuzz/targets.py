"""What reads the generated inputs: the functions behind the commands, in this process."""

from __future__ import annotations

import logging
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from zoo import DRUGS

import molmeta
from molmeta.assays.screens import read_screens
from molmeta.campaigns.plates import read_controls
from molmeta.errors import MolMetaError
from molmeta.libraries.lines import Record
from molmeta.libraries.prepare import prepare
from molmeta.libraries.reading import read_library
from molmeta.models.named import baseline
from molmeta.molecules.compounds import Rejected, compounds
from molmeta.report.drawings import molecule
from molmeta.screening.annotations import annotator
from tests.fuzz import binaries, configs, libraries, smiles, tables
from tests.fuzz.cases import Case

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from molmeta.models.model import AssayPredictor

SUPPORT = (DRUGS[:8], [1, 0] * 4)
THOROUGH = 10
"""One SMILES in this many also passes through every later step, which is slower."""


def run(case: Case) -> str:
    """Return "done" or "refused"; every other outcome is an exception.

    Raises:
        AssertionError: an error is not one line, or two steps disagree about an input.
    """
    logging.disable(logging.CRITICAL)
    try:
        return KINDS[case.kind][1](case)
    except MolMetaError as error:
        said = str(error)
    finally:
        logging.disable(logging.NOTSET)
    assert said, "an empty message"
    assert said.isprintable(), f"not one line: {said!r}"
    return "refused"


def run_smiles(case: Case) -> str:
    text = "".join(case.pieces)
    (outcome,) = compounds([text])
    prepared = prepare([Record(1, "a", text)], ("morgan",))
    refused = isinstance(outcome, Rejected)
    assert refused == bool(prepared.rejected), "curation and screening disagree"
    if case.options["thorough"]:
        _screened(text, refused=refused)
    return "refused" if refused else "done"


def _screened(text: str, *, refused: bool) -> None:
    predictor = _adapted()
    probability = predictor.predict([text, "CCO"])
    assert np.isnan(probability[0]) == refused, "curation and prediction disagree"
    assert not np.isnan(probability[1]), "one compound spoils another"
    prepare([Record(1, "a", text)], ("graph", "descriptors", "torsions", "pharmacophores"))
    annotator(predictor.model)(pd.DataFrame({"smiles": [text], "nearest_active_similarity": [0.1]}))
    molecule(text)


@cache
def _adapted() -> AssayPredictor:
    return baseline("similarity").adapt(*SUPPORT)


def run_table(case: Case) -> str:
    with _file(f"a{case.options['suffix']}", tables.content_of(case)) as path:
        TABLE_READERS[case.options["reader"]](path, case.options["options"])
    return "done"


def _screen_with(path: Path, options: dict[str, Any]) -> None:
    molmeta.screen(path, DRUGS, model="similarity", **options)


TABLE_READERS: dict[str, Callable[[Path, dict[str, Any]], object]] = {
    "curate": lambda path, _: molmeta.curate(path),
    "support": _screen_with,
    "screens": lambda path, _: read_screens([path]),
    "controls": lambda path, _: read_controls(path),
}


def run_library(case: Case) -> str:
    with _file(f"a{case.options['suffix']}", libraries.content_of(case)) as path:
        if case.options["screen"]:
            molmeta.screen(SUPPORT, path, model="similarity", force=True)
        else:
            for chunk in read_library(path):
                prepare(chunk, ("morgan",))
    return "done"


def run_binary(case: Case) -> str:
    suffix = binaries.SUFFIX.get(case.options["base"], ".safetensors")
    with _file(f"a{suffix}", binaries.content_of(case)) as path:
        binaries.read_binary(case, path)
    return "done"


def run_config(case: Case) -> str:
    configs.read_config(configs.content_of(case).decode())
    return "done"


def smiles_case(rng: Random) -> Case:
    options = {"thorough": rng.randrange(THOROUGH) == 0}
    return Case("smiles", list(smiles.any_smiles(rng)), options)


KINDS: dict[str, tuple[Callable[[Random], Case], Callable[[Case], str]]] = {
    "smiles": (smiles_case, run_smiles),
    "table": (tables.table_case, run_table),
    "library": (libraries.library_case, run_library),
    "binary": (binaries.binary_case, run_binary),
    "config": (configs.config_case, run_config),
}


class _file:  # noqa: N801 - used like a function
    """A file with this content for the duration of the block, alone in its folder."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name, self.content = name, content

    def __enter__(self) -> Path:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / self.name
        path.write_bytes(self.content)
        return path

    def __exit__(self, *_: object) -> None:
        self.folder.cleanup()
