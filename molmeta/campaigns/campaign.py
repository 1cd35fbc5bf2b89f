"""An assay with hidden labels, which measuring a compound reveals."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from molmeta.campaigns.acquisition import Assessment, predicted, prints_of
from molmeta.errors import EpisodeError
from molmeta.molecules.blocks import Bits, Molecules, tensor_of
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.similarity import FINGERPRINT, tanimoto

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from molmeta.learners.base import MetaLearner, Predictor


class Campaign:
    """N compounds with hidden labels, some of which were measured.

    Args:
        learner: adapted again to the measured compounds by every call of `adapted`.
        molecules: N molecules with the learner's blocks and fingerprints.
        labels: 1.0 active, 0.0 inactive, float32, shape (N,).

    Attributes:
        measured: whether each compound was measured, bool, shape (N,).
        bits: fingerprints.
    """

    def __init__(
        self, learner: MetaLearner, molecules: Molecules, labels: NDArray[np.float32]
    ) -> None:
        self.learner, self.labels = learner, labels
        self.bits = molecules.block(FINGERPRINT, Bits)
        with torch.no_grad():
            # Once for all rounds, as this part does not depend on the measured compounds.
            self._molecules = learner.prepare(molecules)
        self.measured = np.zeros(len(labels), dtype=np.bool_)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def open(self) -> NDArray[np.int64]:
        """Positions of the compounds that were not measured yet."""
        return np.flatnonzero(~self.measured)

    def with_label(self, label: int) -> NDArray[np.int64]:
        """Positions of the compounds that were measured active (1) or inactive (0)."""
        return np.flatnonzero(self.measured & (self.labels == label))

    @cached_property
    def prints(self) -> NDArray[np.uint8]:
        """Packed fingerprints, shape (N, size / 8)."""
        return prints_of(self.bits)

    def begin(self, start: NDArray[np.int64]) -> None:
        """Start again with only these compounds measured."""
        self.measured[:] = False
        self.measured[start] = True

    def measure(self, positions: NDArray[np.int64]) -> int:
        """Reveal the labels of compounds and return how many are active.

        Raises:
            EpisodeError: one of them was measured before.
        """
        if self.measured[positions].any():
            again = int(positions[self.measured[positions]][0])
            raise EpisodeError(
                f"campaign: a compound is measured twice; got position {again}, expected one of "
                f"the {len(self.open)} that were not measured yet. Choose another."
            )
        self.measured[positions] = True
        return int(self.labels[positions].sum())

    def adapted(self) -> Predictor:
        """The learner adapted to all measured compounds.

        Raises:
            EpisodeError: the learner cannot adapt to them, for example to a single class.
        """
        rows = np.flatnonzero(self.measured)
        with torch.no_grad():
            support = Labelled(self._at(rows), tensor_of(self.labels[rows]))
            return self.learner.adapt_library(support)

    def assess(
        self, positions: NDArray[np.int64], predictor: Predictor | None = None
    ) -> Assessment:
        """Predictions for some compounds; zeros without a predictor."""
        actives = self.with_label(1)
        similarity = self.similarity(positions, actives)
        if predictor is None:
            zeros = np.zeros(len(positions))
            return Assessment(zeros, zeros, similarity, 0.0)
        of_actives = predicted(predictor, self._at(actives))[0] if len(actives) else np.ones(1)
        predictions = predicted(predictor, self._at(positions))
        return Assessment(*predictions, similarity, float(of_actives.mean()))

    def similarity(
        self, positions: NDArray[np.int64], to: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Tanimoto similarity of compounds to the nearest of others, 0 without others."""
        if not len(to):
            return np.zeros(len(positions))
        others = self.bits.select(tensor_of(to))
        return nearest(self.bits.select(tensor_of(positions)), others)[0]

    def _at(self, positions: NDArray[np.int64]) -> Molecules:
        return self._molecules.select(tensor_of(positions))


def nearest(bits: Bits, references: Bits) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Similarity to the nearest of S references, and its row, for G fingerprints, shapes (G,)."""
    highest, rows = tanimoto(bits, references).max(dim=1)
    return highest.double().numpy(), rows.numpy()
