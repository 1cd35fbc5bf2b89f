"""The molecule store: incremental, the same however it came to be, and never trusted when read."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from zoo import DRUGS

from molmeta.errors import ModelError, MoleculeError
from molmeta.molecules.blocks import Bits, Graphs, Molecules, Vectors
from molmeta.molecules.compounds import compound
from molmeta.molecules.featurizers import FEATURIZERS
from molmeta.molecules.store import (
    CHUNK,
    Store,
    concatenated,
    featurize,
    load_store,
    save_store,
    update,
)

NAMES = ("graph", "morgan")
COMPOUNDS = {compound(text).inchikey: text for text in DRUGS}
KEYS = sorted(COMPOUNDS)


def some(n):
    return {key: COMPOUNDS[key] for key in KEYS[:n]}


def saved(store, path):
    save_store(store, path)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "molecules.safetensors"
    save_store(update(None, COMPOUNDS, NAMES), path)
    return path


def rewritten(path, header=None, **tensors):
    """The same file with other tensors; a tensor that is None is left out."""
    found = {**load_file(path), **tensors}
    kept = {name: tensor for name, tensor in found.items() if tensor is not None}
    known = {"kind": "molecule store", "format": 1, "featurizers": list(NAMES)}
    save_file(kept, path, {"molmeta": json.dumps({**known, **(header or {})})})


def test_a_store_is_read_as_it_was_written(path):
    found, made = load_store(path), update(None, COMPOUNDS, NAMES)
    assert found.keys.tolist() == made.keys.tolist()
    assert torch.equal(
        found.molecules.block("graph", Graphs).atoms, made.molecules.block("graph", Graphs).atoms
    )
    assert found.molecules.block("morgan", Bits).size == 2048


def test_compounds_stand_in_the_order_of_their_keys(path):
    assert [key.decode() for key in load_store(path).keys] == KEYS


def test_some_compounds_and_features_make_a_store_of_their_own(path):
    wanted = [KEYS[4], KEYS[1], KEYS[4]]
    found, made = load_store(path).selected(wanted, ["morgan"]), update(None, some(5), ["morgan"])
    assert found.keys.tolist() == [key.encode() for key in (KEYS[1], KEYS[4])]
    assert found.revisions == made.revisions
    assert found.digests.tolist() == made.digests[[1, 4]].tolist()
    rows = torch.tensor([1, 4])
    assert torch.equal(
        found.molecules.block("morgan", Bits).dense(),
        made.molecules.block("morgan", Bits).select(rows).dense(),
    )


def test_a_store_of_compounds_that_it_lacks_is_refused(path):
    with pytest.raises(ModelError, match="1 compounds are missing"):
        load_store(path).selected(["XXXXXXXXXXXXXX-XXXXXXXXXX-X"], NAMES)


def test_rows_are_found_by_key_in_any_order(path):
    assert load_store(path).rows([KEYS[3], KEYS[0], KEYS[3]]).tolist() == [3, 0, 3]


def test_each_row_holds_its_own_compound(path):
    store = load_store(path)
    alone = featurize([COMPOUNDS[KEYS[4]]], ["morgan"]).block("morgan", Bits)
    found = store.molecules.block("morgan", Bits).select(torch.tensor([4]))
    assert torch.equal(found.positions, alone.positions)


def test_a_missing_compound_is_named_and_counted(path):
    absent = ["ZZZZZZZZZZZZZZ-UHFFFAOYSA-N", "AAAAAAAAAAAAAA-UHFFFAOYSA-N"]
    with pytest.raises(ModelError, match="2 compounds are missing; got none for ZZZZZZZZZZZZZZ"):
        load_store(path).rows([KEYS[0], *absent])


def test_an_empty_store_misses_every_compound(tmp_path):
    store = update(None, {}, NAMES)
    save_store(store, tmp_path / "empty.safetensors")
    with pytest.raises(ModelError, match="1 compounds are missing"):
        load_store(tmp_path / "empty.safetensors").rows([KEYS[0]])


@pytest.mark.parametrize("first", [1, 5, 12])
def test_an_updated_store_is_byte_for_byte_the_one_made_at_once(tmp_path, first):
    path = tmp_path / "store.safetensors"
    save_store(update(None, some(first), NAMES), path)
    later = update(load_store(path), COMPOUNDS, NAMES)
    whole = saved(update(None, COMPOUNDS, NAMES), tmp_path / "whole.safetensors")
    assert saved(later, path) == whole


def test_the_order_of_the_featurizers_is_that_of_the_last_call(tmp_path):
    old = update(None, some(5), ("morgan", "graph"))
    later = saved(update(old, COMPOUNDS, NAMES), tmp_path / "later.safetensors")
    assert later == saved(update(None, COMPOUNDS, NAMES), tmp_path / "whole.safetensors")


def test_the_order_of_the_compounds_leaves_no_trace(tmp_path):
    backwards = update(None, dict(reversed(COMPOUNDS.items())), NAMES)
    one = saved(backwards, tmp_path / "one.safetensors")
    assert one == saved(update(None, COMPOUNDS, NAMES), tmp_path / "other.safetensors")


def test_only_new_compounds_are_featurized():
    done = []
    update(update(None, some(9), NAMES), COMPOUNDS, NAMES, progress=done.append)
    assert sum(done) == len(COMPOUNDS) - 9


def test_nothing_new_means_nothing_is_featurized():
    done = []
    update(update(None, COMPOUNDS, NAMES), some(4), NAMES, progress=done.append)
    assert done == []


def test_compounds_that_are_gone_from_the_tables_leave_the_store():
    store = update(update(None, COMPOUNDS, NAMES), some(4), NAMES)
    assert [key.decode() for key in store.keys] == KEYS[:4]


def test_another_featurizer_means_that_all_are_featurized_again():
    done = []
    update(update(None, COMPOUNDS, ("graph",)), COMPOUNDS, NAMES, progress=done.append)
    assert sum(done) == len(COMPOUNDS)


def test_another_revision_means_that_all_are_featurized_again():
    done = []
    old = replace(update(None, COMPOUNDS, NAMES), revisions={"graph": 1, "morgan": 0})
    update(old, COMPOUNDS, NAMES, progress=done.append)
    assert sum(done) == len(COMPOUNDS)


def test_a_store_records_the_revisions_of_its_featurizers(tmp_path):
    save_store(update(None, some(2), ("descriptors", "morgan")), tmp_path / "store.safetensors")
    revisions = load_store(tmp_path / "store.safetensors").revisions
    assert revisions == {"descriptors": FEATURIZERS["descriptors"].revision, "morgan": 1}


def test_a_store_without_revisions_has_the_first_of_each(path):
    rewritten(path)
    assert load_store(path).revisions == {"graph": 1, "morgan": 1}


def test_another_tautomer_of_a_known_compound_is_featurized_again():
    """Both forms of 2-pyridone have one InChIKey, but other graphs."""
    old, new = compound("Oc1ccccn1"), compound("O=c1cccc[nH]1")
    assert old.inchikey == new.inchikey
    first = update(None, {old.inchikey: old.smiles}, NAMES)
    found = update(first, {new.inchikey: new.smiles}, NAMES).molecules.block("graph", Graphs)
    alone = featurize([new.smiles], NAMES).block("graph", Graphs)
    assert torch.equal(found.atoms, alone.atoms)


def test_chunks_are_put_together_as_one():
    many = [text for _ in range(CHUNK // len(DRUGS) + 1) for text in DRUGS]
    assert len(many) > CHUNK
    found = featurize(many, ["morgan"]).block("morgan", Bits)
    alone = featurize(DRUGS, ["morgan"]).block("morgan", Bits)
    last = found.select(torch.arange(len(many) - len(DRUGS), len(many)))
    assert torch.equal(last.positions, alone.positions)
    assert torch.equal(last.offsets, alone.offsets)


@pytest.mark.slow
def test_several_cores_make_what_one_makes():
    many = [f"{'C' * (i % 40 + 1)}O" for i in range(2 * CHUNK + 5)]
    one, two = (featurize(many, NAMES, cores=cores) for cores in (1, 2))
    assert torch.equal(one.block("graph", Graphs).atoms, two.block("graph", Graphs).atoms)
    assert torch.equal(one.block("morgan", Bits).offsets, two.block("morgan", Bits).offsets)


def test_a_compound_that_does_not_parse_is_named():
    with pytest.raises(MoleculeError, match="got 'C1CC'"):
        featurize(["CCO", "C1CC"], NAMES)


def test_molecules_follow_each_other():
    parts = [featurize([text], NAMES) for text in DRUGS]
    found, whole = concatenated(parts), featurize(DRUGS, NAMES)
    assert torch.equal(
        found.block("graph", Graphs).edge_index, whole.block("graph", Graphs).edge_index
    )


def test_dense_vectors_are_kept(tmp_path):
    store = update(None, some(3), ("descriptors",))
    save_store(store, tmp_path / "dense.safetensors")
    found = load_store(tmp_path / "dense.safetensors").molecules.block("descriptors", Vectors)
    assert torch.equal(found.values, store.molecules.block("descriptors", Vectors).values)


def refused(path, match="molecule store"):
    with pytest.raises(ModelError, match=match) as caught:
        load_store(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    refused(tmp_path / "absent.safetensors")


def test_a_folder_is_refused(tmp_path):
    refused(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_a_truncated_file_is_refused(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(path)


def test_a_safetensors_file_of_something_else_is_refused(path):
    save_file({"weight": torch.zeros(3)}, path)
    refused(path)


def test_a_file_of_another_kind_is_refused(path):
    rewritten(path, {"kind": "model"})
    refused(path, "a file of another kind")


def test_a_file_of_another_format_is_refused(path):
    rewritten(path, {"format": 99})
    refused(path, "format 99")


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("the pickle was run",))


def test_a_pickle_under_the_name_of_a_store_is_refused_and_not_run(path):
    path.write_bytes(pickle.dumps(Bomb()))
    refused(path)


@pytest.mark.parametrize("text", ["no JSON", "[]", "3", "[" * 200_000])
def test_a_header_that_is_no_object_is_refused(path, text):
    save_file(load_file(path), path, {"molmeta": text})
    refused(path)


@pytest.mark.parametrize("names", [None, 3, [], ["graph", "absent"], [["graph"]], "graph"])
def test_a_header_with_other_blocks_is_refused(path, names):
    rewritten(path, {"featurizers": names})
    refused(path)


HUGE = 2**62
LAST = len(COMPOUNDS)

HOSTILE = {
    "an unknown atom category": ("graph.atoms", lambda t: t + 200),
    "an unknown bond category": ("graph.bonds", lambda t: t + 200),
    "atoms as floats": ("graph.atoms", lambda t: t.float()),
    "atoms of another width": ("graph.atoms", lambda t: t[:, :5].contiguous()),
    "atoms in one line": ("graph.atoms", lambda t: t.flatten()),
    "no atoms": ("graph.atoms", lambda t: t[:0]),
    "atom offsets that go back": ("graph.atom_offsets", lambda t: t.flip(0)),
    "atom offsets far out": ("graph.atom_offsets", lambda t: replaced(t, 1, HUGE)),
    "atom offsets below zero": ("graph.atom_offsets", lambda t: replaced(t, 1, -HUGE)),
    "an atom offset too few": ("graph.atom_offsets", lambda t: t[:-1]),
    "atom offsets as floats": ("graph.atom_offsets", lambda t: t.double()),
    "atom offsets without a shape": ("graph.atom_offsets", lambda t: t[0]),
    "bond offsets far out": ("graph.bond_offsets", lambda t: replaced(t, 1, HUGE)),
    "bond offsets that end late": ("graph.bond_offsets", lambda t: replaced(t, LAST, HUGE)),
    "bonds to atoms that are not there": ("graph.ends", lambda t: t + 50),
    "bonds to atoms below zero": ("graph.ends", lambda t: t - 50),
    "bonds of three atoms": ("graph.ends", lambda t: torch.cat([t, t[:, :1]], dim=1)),
    "bonds as floats": ("graph.ends", lambda t: t.float()),
    "bits out of range": ("morgan.positions", lambda t: t + 2000),
    "bits below zero": ("morgan.positions", lambda t: t - 3000),
    "bits that are no numbers": ("morgan.positions", lambda t: t.float() * torch.nan),
    "bits in a table": ("morgan.positions", lambda t: t.unsqueeze(1).repeat(1, 2)),
    "bit offsets far out": ("morgan.offsets", lambda t: replaced(t, 2, HUGE)),
    "keys too few": ("key", lambda t: t[:-1]),
    "keys too short": ("key", lambda t: t[:, :-1].contiguous()),
    "keys as floats": ("key", lambda t: t.float()),
    "digests too few": ("smiles", lambda t: t[:-1]),
    "a block left out": ("morgan.offsets", lambda _: None),
    "no keys": ("key", lambda _: None),
}


def replaced(tensor, place, value):
    tensor = tensor.clone()
    tensor[place] = value
    return tensor


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_store_is_refused_that_holds(path, name):
    part, change = HOSTILE[name]
    rewritten(path, **{part: change(load_file(path)[part])})
    refused(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_that_are_not_finite_are_refused(path, value):
    whole = len(COMPOUNDS)
    values = torch.full((whole, 3), value)
    rewritten(path, {"featurizers": ["dense"]}, **{"dense.values": values})
    refused(path)


def test_a_store_of_strange_keys_finds_none_of_them():
    keys = np.array(["B", "A"], "S27")
    store = Store(keys, np.zeros(2, np.int64), Molecules({}), {})
    with pytest.raises(ModelError, match="missing"):
        store.rows(["C"])
