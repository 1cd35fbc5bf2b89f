"""Activity records: what the training assays measured for each compound, found by its structure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from molmeta.errors import ConfigError
from molmeta.molecules.blocks import Bits, Molecules, csr, owner_of, ragged_index, tensor_of
from molmeta.molecules.signatures import signatures
from molmeta.molecules.tensors import offsets_by_owner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay
    from molmeta.assays.episodes import Episode
    from molmeta.assays.training_data import TrainingData

_torch: Any = torch
_ARRAYS = ("keys", "offsets", "assays", "values")
KEY_FINGERPRINTS = ("morgan3", "atom_pairs")
"""Fingerprints whose bits make up the key of a compound."""
STEP = 1 / 50
"""Activities are stored as whole multiples of this, in 8 bits."""
MOST_ASSAYS = 1 << 15
"""Their numbers are stored in 16 bits."""
MIN_SPREAD, MAX_Z = 0.3, 2.5
"""Smallest standard deviation to divide by, and where standardised values are clipped."""


class Profiles(NamedTuple):
    """Activity profiles of G molecules over the training assays, as a ragged array of E entries.

    Attributes:
        offsets: molecule i has the entries offsets[i] to offsets[i + 1], int64, shape (G + 1,).
        assays: index of the training assay of each entry, int64, shape (E,).
        values: standardised activity, float32, shape (E,); see `ActivityRecords`.
    """

    offsets: Tensor
    assays: Tensor
    values: Tensor

    @property
    def counts(self) -> Tensor:
        """Number of training assays that measured each molecule, int64, shape (G,)."""
        return self.offsets.diff()

    @property
    def share_above(self) -> Tensor:
        """Share of each molecule's assays in which it is above the mean, NaN without any, (G,)."""
        return self.sums((self.values > 0).to(self.values)) / self.counts

    def sums(self, values: Tensor) -> Tensor:
        """Sum of one number per entry over the entries of each molecule, shape (G,)."""
        total = values.new_zeros(len(self.offsets) - 1)
        return total.index_add(0, owner_of(self.offsets), values)

    def where(self, mask: Tensor) -> Profiles:
        """The same profiles with only the entries where `mask`, shape (E,), is true."""
        owners = owner_of(self.offsets)[mask]
        offsets = offsets_by_owner(owners, len(self.offsets) - 1)
        return Profiles(offsets, self.assays[mask], self.values[mask])

    def products(self, others: Profiles) -> Tensor:
        """Inner products with the profiles of S other molecules, shape (G, S)."""
        # Only assays that measured one of the S others matter: a dense matrix over all assays
        # would be a hundred times as large.
        columns, column_of_entry = _torch.unique(others.assays, return_inverse=True)
        if len(columns) == 0:
            return self.values.new_zeros(len(self.offsets) - 1, len(others.offsets) - 1)
        dense = self.values.new_zeros(len(columns), len(others.offsets) - 1)
        dense[column_of_entry, owner_of(others.offsets)] = others.values
        column = torch.searchsorted(columns, self.assays).clamp(max=len(columns) - 1)
        shared = torch.where(columns[column] == self.assays, self.values, 0.0)
        return csr(self.offsets, column, shared, len(columns)) @ dense


class ActivityRecords(nn.Module):
    """Standardised activities of the training compounds, keyed by a hash of their structure.

    The activity of a compound in an assay is the mean of two numbers. The first is its label (1 or
    -1) minus the mean label of the assay. The second is its value minus the mean value, divided by
    the standard deviation. Without a value, the first number counts alone.

    The key is a sum of random 64-bit numbers, one for each on-bit of two fingerprints. Looking up
    a million compounds therefore needs neither text nor a hash table. Stereoisomers share a key.

    `fill` runs once, before training; nothing here is trained. In training, the measurements of
    an episode's own target are hidden from it (`hide_own_targets`).

    Source:
        Petrone et al., ACS Chem. Biol. 2012, 7, 1399 (activity profiles as descriptors); Zobrist,
        A New Hashing Method with Application for Game Playing, 1970 (keys).
    """

    keys: Tensor
    offsets: Tensor
    assays: Tensor
    values: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("keys", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("offsets", torch.zeros(1, dtype=torch.int32))
        self.register_buffer("assays", torch.zeros(0, dtype=torch.int16))
        self.register_buffer("values", torch.zeros(0, dtype=torch.int8))
        self.targets = torch.zeros(0, dtype=torch.int64)
        self.target_of = dict[str, int]()

    def __len__(self) -> int:
        return len(self.keys)

    def clear(self) -> None:
        """Delete all records."""
        self.load_state_dict(ActivityRecords().state_dict())

    def fill(self, data: TrainingData) -> None:
        """Replace all records by what the training assays measured.

        Args:
            data: its molecules have the blocks `KEY_FINGERPRINTS`. An assay whose target is
                unknown counts as a target of its own.
        """
        device = self.keys.device
        self._fill(data)
        self.target_of = target_numbers(data.assays)
        self.targets = torch.tensor([self.target_of[assay.name] for assay in data.assays])
        self.to(device)

    def _fill(self, data: TrainingData) -> None:
        n_assays, sizes = len(data.assays), [len(assay) for assay in data.assays]
        if n_assays > MOST_ASSAYS:
            raise ConfigError(
                f"activity records: there are too many training assays; got {n_assays}, expected "
                f"at most {MOST_ASSAYS}. Train on fewer, or set 'profiles: false'."
            )
        rows = np.concatenate([assay.rows for assay in data.assays])
        activities = np.concatenate([_standardised(assay) for assay in data.assays])
        molecules = data.molecules.only(KEY_FINGERPRINTS)
        distinct = molecules.select(tensor_of(data.rows).to(molecules.device))
        # Each distinct compound is hashed once; its key is then copied to all its measurements.
        hashed = structure_keys(distinct).cpu().numpy()[np.searchsorted(data.rows, rows)]
        keys, key_of = np.unique(hashed, return_inverse=True)
        # One cell per key and assay, numbered row by row as in a CSR matrix. Stereoisomers that
        # one assay measured fall into one cell, which keeps their mean.
        cell_of = key_of * n_assays + np.repeat(np.arange(n_assays), sizes)
        cells, cell_of = np.unique(cell_of, return_inverse=True)
        means = np.bincount(cell_of, activities) / np.bincount(cell_of)
        counts = np.bincount(cells // n_assays, minlength=len(keys))
        self.keys = tensor_of(keys)
        self.offsets = tensor_of(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
        self.assays = tensor_of((cells % n_assays).astype(np.int16))
        self.values = tensor_of(np.round(means / STEP).astype(np.int8))

    def look_up(self, molecules: Molecules) -> Profiles:
        """Return the activity profile of each molecule, empty for one without records."""
        offsets = self.offsets.long()
        # A key without records points at one more row, appended here, which is empty.
        rows = torch.cat([offsets, offsets[-1:]])
        entries, ends = ragged_index(rows, self.positions(structure_keys(molecules)))
        assays, values = self.assays[entries].long(), self.values[entries].float() * STEP
        profiles = Profiles(ends, assays, values)
        if molecules.hidden_targets is None:
            return profiles
        hidden = molecules.hidden_targets[owner_of(ends)]
        return profiles.where(self.targets.to(assays.device)[assays] != hidden)

    def hide_own_targets(
        self, episodes: Sequence[Episode], molecules: Molecules
    ) -> tuple[list[Episode], Molecules]:
        """Give each episode a copy of its molecules that hides the records of its own target.

        The records of a decoy hide the target of the assay that the decoy comes from. Otherwise
        the number of records would give decoys away.

        Returns:
            The episodes, with rows of the returned molecules, and these molecules.
        """
        parts = [part for episode in episodes for part in (episode.support, episode.query)]
        ends = np.cumsum([len(part) for part in parts])
        rows = np.split(np.arange(int(ends[-1])), ends[:-1])
        names = [name for episode in episodes for name in _assay_of_each(episode)]
        hidden = torch.tensor([self.target_of[name] for name in names], device=molecules.device)
        copies = molecules.select(tensor_of(np.concatenate(parts)).to(molecules.device))
        return (
            [
                replace(episode, support=support, query=query)
                for episode, support, query in zip(episodes, rows[::2], rows[1::2], strict=True)
            ],
            replace(copies, hidden_targets=hidden),
        )

    def positions(self, keys: Tensor) -> Tensor:
        """Index of each key, shape (G,); of a key without records, the number of keys."""
        if len(self.keys) == 0:
            return torch.zeros_like(keys)
        positions = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return torch.where(self.keys[positions] == keys, positions, len(self.keys))

    def _load_from_state_dict(
        self,
        state_dict: Mapping[str, Any],
        prefix: str,
        *args: Any,  # noqa: ANN401 - torch's own
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Accept arrays of any length, after checking that they fit together."""
        saved = {name: state_dict.get(prefix + name) for name in _ARRAYS}
        arrays = [tensor for tensor in saved.values() if isinstance(tensor, Tensor)]
        if len(arrays) == len(_ARRAYS):
            _require_consistent(*arrays)
            for name, tensor in zip(_ARRAYS, arrays, strict=True):
                setattr(self, name, torch.empty_like(tensor))
        parent: Any = super()
        parent._load_from_state_dict(state_dict, prefix, *args, **options)


def records_in(module: nn.Module) -> list[ActivityRecords]:
    """Return the activity records inside a learner or encoder; most have none."""
    return [part for part in module.modules() if isinstance(part, ActivityRecords)]


def profiles_of(module: nn.Module, molecules: Molecules) -> Profiles:
    """Return the activity profile of each molecule, empty for a module without records."""
    for records in records_in(module):
        return records.look_up(molecules)
    whole = torch.zeros(len(molecules) + 1, dtype=torch.int64, device=molecules.device)
    return Profiles(whole, whole[:0], whole[:0].float())


def times_measured(module: nn.Module, molecules: Molecules) -> Tensor:
    """Return how many training assays measured each molecule, int64, shape (G,).

    Zeros for a module without activity records.
    """
    return profiles_of(module, molecules).counts


def hide_own_targets(
    module: nn.Module, episodes: Sequence[Episode], molecules: Molecules
) -> tuple[Sequence[Episode], Molecules]:
    """Return episodes and molecules in which no episode sees the records of its own target.

    Both are returned unchanged if the module has no activity records.
    """
    # All records of a module are filled with the same data and number the targets alike.
    for records in records_in(module):
        if records.target_of:
            return records.hide_own_targets(episodes, molecules)
    return episodes, molecules


def target_numbers(assays: Sequence[Assay]) -> dict[str, int]:
    """Return the number of the target of each assay, from 0, by the name of the assay.

    An assay whose target is unknown counts as a target of its own.
    """
    target_of = {assay.name: assay.target or f"assay {assay.name}" for assay in assays}
    numbers = {target: number for number, target in enumerate(sorted(set(target_of.values())))}
    return {name: numbers[target] for name, target in target_of.items()}


def structure_keys(molecules: Molecules) -> Tensor:
    """Return a 64-bit key of each molecule's structure without stereochemistry, shape (G,)."""
    hashes = [
        signatures(molecules.block(name, Bits), salt) for salt, name in enumerate(KEY_FINGERPRINTS)
    ]
    return torch.stack(hashes).sum(0)


def _standardised(assay: Assay) -> NDArray[np.float64]:
    labels: NDArray[np.float64] = assay.labels.astype(np.float64) * 2 - 1
    labels -= labels.mean()
    has_value = np.isfinite(assay.values)
    if not has_value.any():
        return labels
    values = assay.values.astype(np.float64)
    spread = max(float(values[has_value].std()), MIN_SPREAD)
    z = np.clip((values - values[has_value].mean()) / spread, -MAX_Z, MAX_Z)
    activities: NDArray[np.float64] = (labels + np.where(has_value, z, labels)) / 2
    return activities


def _assay_of_each(episode: Episode) -> list[str]:
    """Name of the assay that each molecule of support and query comes from."""
    parts = zip((episode.support, episode.query), episode.decoy_assays, strict=True)
    return [
        name
        for part, of_decoys in parts
        for name in [episode.assay] * (len(part) - len(of_decoys)) + [*of_decoys]
    ]


def _require_consistent(keys: Tensor, offsets: Tensor, assays: Tensor, values: Tensor) -> None:
    ordered = bool((keys.diff() > 0).all()) and bool((offsets.diff() >= 0).all())
    ends = len(offsets) == len(keys) + 1 and int(offsets[0]) == 0
    if not (ordered and ends and int(offsets[-1]) == len(assays) == len(values)):
        raise ValueError("activity records whose arrays do not fit together")
    if len(assays) and int(assays.min()) < 0:
        raise ValueError("activity records with an assay number below 0")
