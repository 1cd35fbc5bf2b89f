"""An assay whose answers are known but uncovered only compound by compound; chooses nothing."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from molmeta.campaigns.acquisition import View, predicted, prints_of
from molmeta.errors import EpisodeError
from molmeta.molecules.blocks import Bits, tensor_of
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.similarity import FINGERPRINT, tanimoto

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from molmeta.learners.base import MetaLearner, Predictor
    from molmeta.molecules.blocks import Molecules


class Campaign:
    """N compounds with hidden labels, and which of them were measured so far.

    Args:
        learner: adapted anew to what is known, whenever it is asked.
        molecules: N of them, with the learner's blocks and fingerprints.
        labels: 1.0 active, 0.0 inactive, float32, shape (N,).

    Attributes:
        measured: bool, shape (N,).
        bits: the fingerprints.
    """

    def __init__(
        self, learner: MetaLearner, molecules: Molecules, labels: NDArray[np.float32]
    ) -> None:
        self.learner, self.labels = learner, labels
        self.bits = molecules.block(FINGERPRINT, Bits)
        with torch.no_grad():
            self._molecules = learner.prepare(molecules)
        self.measured = np.zeros(len(labels), dtype=np.bool_)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def open(self) -> NDArray[np.int64]:
        """Places that were not measured yet."""
        return np.flatnonzero(~self.measured)

    def known(self, label: int) -> NDArray[np.int64]:
        """Places that were measured and found active (1) or inactive (0)."""
        return np.flatnonzero(self.measured & (self.labels == label))

    @cached_property
    def prints(self) -> NDArray[np.uint8]:
        """The fingerprints packed, shape (N, size / 8)."""
        return prints_of(self.bits)

    def begin(self, start: NDArray[np.int64]) -> None:
        """Forget all that was measured but a start."""
        self.measured[:] = False
        self.measured[start] = True

    def measure(self, places: NDArray[np.int64]) -> int:
        """Uncover the labels of compounds and return how many are active.

        Raises:
            EpisodeError: one of them was measured before.
        """
        if self.measured[places].any():
            again = int(places[self.measured[places]][0])
            raise EpisodeError(
                f"campaign: a compound is measured twice; got place {again}, expected one of the "
                f"{len(self.open)} that are open. Choose another."
            )
        self.measured[places] = True
        return int(self.labels[places].sum())

    def adapted(self) -> Predictor:
        """Adapt the learner to all that is known.

        Raises:
            EpisodeError: the learner cannot do with what is known, such as one class only.
        """
        places = np.flatnonzero(self.measured)
        with torch.no_grad():
            return self.learner.adapt(Labelled(self._at(places), tensor_of(self.labels[places])))

    def view(self, places: NDArray[np.int64], predictor: Predictor | None = None) -> View:
        """Return what is known of some compounds; nothing is predicted without a predictor."""
        near = self.similarity(places, self.known(1))
        if predictor is None:
            return View(np.zeros(len(places)), np.zeros(len(places)), near, 0.0)
        actives = self.known(1)
        chances = predicted(predictor, self._at(actives))[0] if len(actives) else np.ones(1)
        return View(*predicted(predictor, self._at(places)), near, float(chances.mean()))

    def similarity(self, places: NDArray[np.int64], to: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the Tanimoto similarity of compounds to the nearest of others, 0 without any."""
        if not len(to):
            return np.zeros(len(places))
        others = self.bits.select(tensor_of(to))
        return nearest(self.bits.select(tensor_of(places)), others)[0]

    def _at(self, places: NDArray[np.int64]) -> Molecules:
        return self._molecules.select(tensor_of(places))


def nearest(bits: Bits, known: Bits) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the similarity to, and the row of, the nearest of S fingerprints, each shape (G,)."""
    highest, rows = tanimoto(bits, known).max(dim=1)
    return highest.double().numpy(), rows.numpy()
