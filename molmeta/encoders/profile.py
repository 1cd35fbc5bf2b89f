"""Profile network: the fingerprint network with the activity records of each compound."""

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
    """The fingerprint network with the activity profile of each compound as a further input.

    The vector is a n / |n|, followed by b p R / sqrt(|p|^2 + 7). Here, n is the output of the
    network. Its input is the sum over on-bits plus a linear map of p A, mean(p) and log(1 + m).

    | symbol       | attribute      | meaning                                   | start value |
    | ------------ | -------------- | ----------------------------------------- | ----------- |
    | p            | `records`      | activity profile over the training assays |             |
    | m            |                | number of assays in the profile           |             |
    | A            | `activities`   | a vector for each training assay          | random      |
    |              | `from_records` | the linear map                            | random      |
    | R            |                | random signs, not trained                 |             |
    | log a, log b | `log_weights`  | weights of the two parts                  | 0, 0        |

    Inner products of the second part are approximately those of the profiles. A compound without
    records has zeros there. In training, no episode sees the records of its own target
    (`hide_own_targets` in `molmeta.assays.records`).

    Source:
        Achlioptas, J. Comput. Syst. Sci. 2003, 66, 671 (random signs). The 7 is the value that
        `profile_gp` reached in training on FS-Mol.

    Args:
        width: length of the network's part of the vector.
        hidden: width of the hidden layers.
        layers: hidden layers, at least one.
        dropout: dropout of the hidden layers.
        bit_dropout: share of on-bits and of records dropped in training.
        assays: largest number of training assays.
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

    @property
    def final(self) -> None:
        return None

    def forward(self, molecules: Molecules) -> Tensor:
        profiles = self.records.look_up(molecules)
        length = (profiles.sums(profiles.values**2) + SHRINK).sqrt()
        values = profiles.values / length.repeat_interleave(profiles.counts)
        matrix = csr(profiles.offsets, profiles.assays, values, len(self.activities))
        mean = profiles.sums(profiles.values) / profiles.counts.clamp(min=1)
        features = torch.stack([mean, profiles.counts.to(mean).log1p()], dim=1)
        summed = sparse_product(self.dropped(matrix), self.activities)
        inputs = torch.cat([summed, features], dim=1)
        network_weight, sketch_weight = self.log_weights.exp()
        hidden = self.summed(molecules) + self.from_records(inputs)
        vectors = F.normalize(self.network(hidden), dim=1)
        signs = _signs(len(self.activities), self.sketch, mean.device)
        sketch = sketch_weight * sparse_product(matrix, signs)
        return torch.cat([network_weight * vectors, sketch], dim=1)


@cache
def _signs(rows: int, columns: int, device: torch.device) -> Tensor:
    # numpy draws them, as torch would draw nothing while a model is built on the meta device.
    drawn = generator(0, "signs").integers(0, 2, size=(rows, columns), dtype=np.int8)
    return tensor_of((2 * drawn - 1) / np.float32(columns**0.5)).to(device)
