"""A kind of feature block is one file: featurizing, storing and selecting follow from it."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from drop_in import dropped_in

from molmeta.errors import ConfigError, ModelError
from molmeta.libraries.lines import Record
from molmeta.libraries.prepare import prepare
from molmeta.molecules import kinds
from molmeta.molecules.blocks import Bits, Graphs, Vectors
from molmeta.molecules.compounds import compound
from molmeta.molecules.featurizers import FEATURIZERS, featurizer
from molmeta.molecules.store import featurize, load_store, save_store, update
from molmeta.screening.known import KnownCompounds

SMILES = ["CCO", "C", "CCCl"]
ELEMENTS = '''
"""Atomic numbers of each molecule."""
from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from molmeta.molecules.kinds.base import Block, offsets_of


@dataclass(frozen=True)
class Elements(Block):
    arrays: ClassVar[dict] = {"numbers": "number_offsets"}

    numbers: torch.Tensor
    number_offsets: torch.Tensor

    @classmethod
    def pack(cls, rows, size):
        numbers = np.concatenate([np.zeros(0, np.uint8), *rows]).astype(np.uint8)
        return {"numbers": numbers, "number_offsets": offsets_of([len(row) for row in rows])}

    def valid(self):
        return self.numbers.dtype == torch.uint8
'''


@pytest.fixture
def elements(tmp_path):
    """A featurizer `numbers` of a kind that only its file knows."""
    with dropped_in("molmeta.molecules.kinds", tmp_path / "elements.py", ELEMENTS):

        @featurizer("elements")
        def numbers(mol):
            return [atom.GetAtomicNum() for atom in mol.GetAtoms()]

        yield kinds.get("elements")
    FEATURIZERS.pop("numbers")


def test_kinds_are_the_files_of_the_folder():
    assert [kinds.get(name) for name in kinds.names()] == [Bits, Graphs, Vectors]


def test_an_unknown_kind_is_refused():
    with pytest.raises(ConfigError, match="grids"):
        featurizer("grids")


def test_a_new_kind_is_featurized(elements):
    block = featurize(SMILES, ["numbers"]).block("numbers", elements)
    assert block.numbers.tolist() == [6, 6, 8, 6, 6, 6, 17]


def test_a_new_kind_selects_its_rows(elements):
    block = featurize(SMILES, ["numbers"]).select(torch.tensor([2, 1])).block("numbers", elements)
    assert (block.numbers.tolist(), block.number_offsets.tolist()) == ([6, 6, 17, 6], [0, 3, 4])


def test_a_new_kind_is_stored_next_to_others(elements, tmp_path):
    compounds = {compound(text).inchikey: text for text in SMILES}
    store = update(None, compounds, ("morgan", "numbers"))
    save_store(store, tmp_path / "store.safetensors")
    read = load_store(tmp_path / "store.safetensors").molecules.block("numbers", elements)
    assert torch.equal(read.numbers, store.molecules.block("numbers", elements).numbers)


def test_a_new_kind_is_checked_when_it_is_read(elements, tmp_path):
    compounds = {compound(text).inchikey: text for text in SMILES}
    store = update(None, compounds, ("numbers",))
    block = store.molecules.block("numbers", elements)
    object.__setattr__(block, "numbers", block.numbers.float())
    save_store(store, tmp_path / "store.safetensors")
    with pytest.raises(ModelError):
        load_store(tmp_path / "store.safetensors")


def test_a_new_kind_recognises_known_compounds(elements):
    assert elements.arrays
    records = [Record(n, "", text) for n, text in enumerate(["CCN", "OCC", "CCO"])]
    chunk = prepare(records, ["numbers"])
    known = KnownCompounds(["CCO"], ["numbers"])
    assert known.rows(chunk.records, chunk.molecules()) == [1, 2]


@pytest.mark.parametrize("kind", [Bits, Graphs, Vectors])
def test_names_of_arrays_tell_the_kind(kind):
    assert kinds.with_parts(kind.parts()) is kind


def test_arrays_of_no_kind_are_refused():
    with pytest.raises(KeyError):
        kinds.with_parts(["numbers", "colours"])


def test_codes_of_vectors_depend_on_the_component():
    block = Vectors(torch.tensor([[1.0, 2.0], [2.0, 1.0]]))
    codes, offsets = block.codes()
    assert offsets.tolist() == [0, 2, 4]
    assert np.unique(codes).size == 4


def test_featurizing_needs_no_torch():
    code = (
        "import sys; from molmeta.molecules.featurizers import featurize, FEATURIZERS;"
        "featurize(['CCO'], list(FEATURIZERS)); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
