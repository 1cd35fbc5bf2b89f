"""What training assays have found about each compound, looked up by the compound's structure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from molmeta.molecules.blocks import (
    Bits,
    Molecules,
    Vectors,
    csr,
    owner_of,
    ragged_index,
    tensor_of,
)
from molmeta.molecules.signatures import signatures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay
    from molmeta.assays.episodes import Episode

_torch: Any = torch
_ARRAYS = ("keys", "offsets", "assays", "values")
KEYED_BY = ("morgan3", "atom_pairs")
STEP = 1 / 50
SMALLEST_SPREAD, LARGEST = 0.3, 2.5
BLIND = "blind to"
"""Block with the number of the target whose measurements a molecule is not to be told."""


class Profiles(NamedTuple):
    """Which training assays have measured each of G molecules, and what they found.

    Attributes:
        offsets: entries of molecule i stand from offsets[i] to offsets[i + 1], shape (G + 1,).
        assays: place of the assay, int64, shape (E,).
        values: activity above the assay's mean, in its standard deviations, shape (E,).
    """

    offsets: Tensor
    assays: Tensor
    values: Tensor

    @property
    def counts(self) -> Tensor:
        """Training assays that measured each molecule, shape (G,)."""
        return self.offsets.diff()

    def sums(self, values: Tensor) -> Tensor:
        """Add up entries by molecule, shape (G,)."""
        total = values.new_zeros(len(self.offsets) - 1)
        return total.index_add(0, owner_of(self.offsets), values)

    def kept(self, kept: Tensor) -> Profiles:
        """Keep some of the entries, given as a mask of shape (E,)."""
        counts = self.sums(kept.to(self.values)).long()
        offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        return Profiles(offsets, self.assays[kept], self.values[kept])

    def products(self, others: Profiles) -> Tensor:
        """Inner products with the profiles of S others, shape (G, S)."""
        columns, places = _distinct(others.assays)
        if len(columns) == 0:
            return self.values.new_zeros(len(self.offsets) - 1, len(others.offsets) - 1)
        dense = self.values.new_zeros(len(columns), len(others.offsets) - 1)
        dense[places, owner_of(others.offsets)] = others.values
        found = torch.searchsorted(columns, self.assays).clamp(max=len(columns) - 1)
        known = torch.where(columns[found] == self.assays, self.values, 0.0)
        return csr(self.offsets, found, known, len(columns)) @ dense


class CompoundMemory(nn.Module):
    """Standardised activities of the training compounds, by a one-way key of their structure.

    The value of a compound in an assay is the mean of its label (1 or -1) less the assay's mean
    label, and its measured value less the assay's mean, over the assay's standard deviation;
    kept in 8 bits. The key is a sum of random 64-bit numbers, one for each bit of two
    fingerprints, so that looking up a million compounds costs no text and no hashing by hand.
    Stereoisomers share a key. It is filled once, before training, and never learnt. An episode of
    training is told nothing that its own target's assays have measured (`blinded`).

    Source:
        Petrone et al., Rethinking Molecular Similarity: Comparing Compounds on the Basis of
        Biological Activity, ACS Chem. Biol. 2012, 7, 1399 (activity profiles as descriptors);
        Zobrist, A New Hashing Method with Application for Game Playing, 1970 (keys).
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
        """Forget everything."""
        self.load_state_dict(CompoundMemory().state_dict())

    def fill(self, molecules: Molecules, assays: Sequence[Assay]) -> None:
        """Replace what is stored by what these assays have measured.

        Args:
            molecules: the molecule store's, with the blocks `KEYED_BY`.
            assays: their `rows` are rows of it; those without a target are targets of their own.
        """
        device = self.keys.device
        self._fill(Molecules({name: molecules.block(name, Bits) for name in KEYED_BY}), assays)
        self.target_of = target_numbers(assays)
        numbers = [self.target_of[assay.name] for assay in assays]
        self.targets = torch.tensor(numbers, dtype=torch.int64)
        self.to(device)

    def _fill(self, molecules: Molecules, assays: Sequence[Assay]) -> None:
        rows = np.concatenate([assay.rows for assay in assays])
        places = np.repeat(np.arange(len(assays)), [len(assay) for assay in assays])
        values = np.concatenate([_standardised(assay) for assay in assays])
        distinct, inverse = np.unique(rows, return_inverse=True)
        found = structure_keys(molecules.select(tensor_of(distinct).to(molecules.device)))
        keys, which = np.unique(found.cpu().numpy()[inverse], return_inverse=True)
        cells, inverse = np.unique(which * len(assays) + places, return_inverse=True)
        means = np.bincount(inverse, values) / np.bincount(inverse)
        counts = np.bincount(cells // len(assays), minlength=len(keys))
        self.keys = tensor_of(keys)
        self.offsets = tensor_of(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
        self.assays = tensor_of((cells % len(assays)).astype(np.int16))
        self.values = tensor_of(np.round(means / STEP).astype(np.int8))

    def look_up(self, molecules: Molecules) -> Profiles:
        """Return what is known of each molecule: nothing, where it was never measured."""
        offsets = self.offsets.long()
        entries, found = ragged_index(
            torch.cat([offsets, offsets[-1:]]), self.places(structure_keys(molecules))
        )
        assays, values = self.assays[entries].long(), self.values[entries].float() * STEP
        profiles = Profiles(found, assays, values)
        if BLIND not in molecules.blocks:
            return profiles
        hidden = molecules.block(BLIND, Vectors).values[:, 0].long()
        return profiles.kept(self.targets.to(assays.device)[assays] != hidden[owner_of(found)])

    def blinded(
        self, episodes: Sequence[Episode], molecules: Molecules
    ) -> tuple[list[Episode], Molecules]:
        """Give each episode molecules of its own, which are not told what its target has taught.

        A decoy is not told what the target of the assay that lent it has taught: else what is
        known of a compound would tell decoys from the episode's own.

        Returns:
            The episodes, their rows those of the molecules that come with them.
        """
        parts = [part for episode in episodes for part in (episode.support, episode.query)]
        ends = np.cumsum([len(part) for part in parts])
        places = np.split(np.arange(int(ends[-1])), ends[:-1])
        names = [name for episode in episodes for name in _sources(episode)]
        hidden = np.array([self.target_of[name] for name in names], np.float32)[:, None]
        rows = tensor_of(np.concatenate(parts)).to(molecules.device)
        own = molecules.select(rows)
        pairs = zip(episodes, places[::2], places[1::2], strict=True)
        return (
            [replace(episode, support=support, query=query) for episode, support, query in pairs],
            own.with_block(BLIND, Vectors(tensor_of(hidden).to(molecules.device))),
        )

    def places(self, keys: Tensor) -> Tensor:
        """Place of each key, shape (G,); where it is unknown, the place after the last."""
        if len(self.keys) == 0:
            return torch.zeros_like(keys)
        places = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return torch.where(self.keys[places] == keys, places, len(self.keys))

    def _load_from_state_dict(
        self,
        state_dict: Mapping[str, Any],
        prefix: str,
        *args: Any,  # noqa: ANN401 - torch's own
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Take arrays of whatever length the file holds, once they are seen to fit together."""
        found = {name: state_dict.get(prefix + name) for name in _ARRAYS}
        arrays = [tensor for tensor in found.values() if isinstance(tensor, Tensor)]
        if len(arrays) == len(_ARRAYS):
            _require_sound(*arrays)
            for name, tensor in zip(_ARRAYS, arrays, strict=True):
                setattr(self, name, torch.empty_like(tensor))
        whole: Any = super()
        whole._load_from_state_dict(state_dict, prefix, *args, **options)


def target_numbers(assays: Sequence[Assay]) -> dict[str, int]:
    """Return a number for the target of each assay, by the assay's name, from 0 on.

    An assay without a known target is a target of its own.
    """
    target_of = {assay.name: assay.target or f"assay {assay.name}" for assay in assays}
    number = {target: place for place, target in enumerate(sorted(set(target_of.values())))}
    return {name: number[target] for name, target in target_of.items()}


def structure_keys(molecules: Molecules) -> Tensor:
    """Return a 64-bit key of each molecule's structure without stereochemistry, shape (G,)."""
    numbers = [signatures(molecules.block(name, Bits), salt) for salt, name in enumerate(KEYED_BY)]
    return torch.stack(numbers).sum(0)


def _standardised(assay: Assay) -> NDArray[np.float64]:
    labels: NDArray[np.float64] = assay.labels.astype(np.float64) * 2 - 1
    labels -= labels.mean()
    known = np.isfinite(assay.values)
    if not known.any():
        return labels
    values = assay.values.astype(np.float64)
    spread = max(float(values[known].std()), SMALLEST_SPREAD)
    z = np.clip((values - values[known].mean()) / spread, -LARGEST, LARGEST)
    joined: NDArray[np.float64] = (labels + np.where(known, z, labels)) / 2
    return joined


def _sources(episode: Episode) -> list[str]:
    """The assay by which each molecule of support and query is there."""
    parts = zip((episode.support, episode.query), episode.lenders, strict=True)
    return [
        name for part, lent in parts for name in [episode.assay] * (len(part) - len(lent)) + [*lent]
    ]


def _distinct(items: Tensor) -> tuple[Tensor, Tensor]:
    return _torch.unique(items, return_inverse=True)


def _require_sound(keys: Tensor, offsets: Tensor, assays: Tensor, values: Tensor) -> None:
    ordered = bool((keys.diff() > 0).all()) and bool((offsets.diff() >= 0).all())
    ends = len(offsets) == len(keys) + 1 and int(offsets[0]) == 0
    if not (ordered and ends and int(offsets[-1]) == len(assays) == len(values)):
        raise ValueError("a memory of compounds whose arrays do not fit together")
    if len(assays) and int(assays.min()) < 0:
        raise ValueError("a memory of compounds with an assay below 0")
