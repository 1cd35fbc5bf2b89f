"""Activity profile network: what is known of a compound beside its structure."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.assays.records import KEY_FINGERPRINTS, ActivityRecords
from molmeta.encoders.base import Paper
from molmeta.encoders.fingerprint import Fingerprint, sparse_product
from molmeta.molecules.blocks import csr, tensor_of
from molmeta.runtime.seeds import generator

if TYPE_CHECKING:
    from molmeta.assays.training_data import TrainingData
    from molmeta.molecules.blocks import Molecules

SHRINK = 7.0
RANK = 128
"""Columns of A."""


class Profile(Fingerprint):
    """The fingerprint network, told what the training assays have found about the compound.

    With p the standardised activities of a compound in the training assays that measured it, the
    vector is a n / |n| beside b p R / sqrt(|p|^2 + 7): n what the network makes of the sum over
    on-bits and of p A, the mean of p and log(1 + the number of these assays); R of random signs,
    so that inner products of the second part are nearly those of the profiles; A, a and b
    learnt. A compound that none has measured has zeros there. In training no episode sees what
    its own target's assays have found (`ActivityRecords.hide_own_targets`).

    Source:
        Petrone et al., ACS Chem. Biol. 2012, 7, 1399 (activity profiles as descriptors);
        Achlioptas, J. Comput. Syst. Sci. 2003, 66, 671 (random signs); the 7 is what `profile_gp`
        learnt on FS-Mol.

    Args:
        width: length of the network's part.
        hidden: width of the layer between.
        layers: hidden layers, at least one.
        dropout: share of hidden units dropped in training.
        bit_dropout: share of on-bits, and of what the network is told, dropped in training.
        assays: training assays there is room for.
        sketch: columns of R.
    """

    papers = (
        Paper(
            authors=(
                "Petrone, Paula M.; Simms, Benjamin; Nigsch, Florian; Lounkine, Eugen; "
                "Kutchukian, Peter; Cornett, Allen; Deng, Zhan; Davies, John W.; Jenkins, Jeremy "
                "L.; Glick, Meir"
            ),
            year=2012,
            title=(
                "Rethinking Molecular Similarity: Comparing Compounds on the Basis of Biological "
                "Activity"
            ),
            venue="ACS Chemical Biology",
            kind="article",
        ),
    )

    def __init__(
        self,
        *,
        width: int = 256,
        hidden: int = 512,
        layers: int = 1,
        dropout: float = 0.4,
        bit_dropout: float = 0.2,
        assays: int = 8192,
        sketch: int = 1024,
    ) -> None:
        super().__init__(
            width=width, hidden=hidden, layers=layers, dropout=dropout, bit_dropout=bit_dropout
        )
        self.width = width + sketch
        self.records = ActivityRecords()
        self.activities = nn.Parameter(torch.randn(assays, RANK) * RANK**-0.5)
        self.from_records = nn.Linear(RANK + 2, hidden)
        self.log_weights = nn.Parameter(torch.zeros(2))
        self.sketch = sketch

    @property
    def featurizers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*super().featurizers, *KEY_FINGERPRINTS)))

    def fit(self, data: TrainingData) -> None:
        self.records.fill(data)

    def forward(self, molecules: Molecules) -> Tensor:
        known = self.records.look_up(molecules)
        length = (known.sums(known.values**2) + SHRINK).sqrt()
        values = known.values / length.repeat_interleave(known.counts)
        profiles = csr(known.offsets, known.assays, values, len(self.activities))
        mean = known.sums(known.values) / known.counts.clamp(min=1)
        features = torch.stack([mean, known.counts.to(mean).log1p()], dim=1)
        told = torch.cat([sparse_product(self.seen(profiles), self.activities), features], dim=1)
        network, kept = self.log_weights.exp()
        vectors = F.normalize(self.network(self.summed(molecules) + self.from_records(told)), dim=1)
        signs = _signs(len(self.activities), self.sketch, mean.device)
        return torch.cat([network * vectors, kept * sparse_product(profiles, signs)], dim=1)


@cache
def _signs(rows: int, columns: int, device: torch.device) -> Tensor:
    # Drawn by numpy: torch would draw nothing where a model is built to be filled from its file.
    drawn = generator(0, "signs").integers(0, 2, size=(rows, columns), dtype=np.int8)
    return tensor_of((2 * drawn - 1) / np.float32(columns**0.5)).to(device)
