"""A learner with its recipe and history: one file, loaded without running code or needing a GPU."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import rdkit
import torch

from molmeta.assays.records import times_measured
from molmeta.errors import EpisodeError, MoleculeError
from molmeta.learners.base import Predictor, probability
from molmeta.models.prevalence import prior_shift
from molmeta.molecules.compounds import compound
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.store import featurize
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from molmeta.learners import MetaLearner
    from molmeta.models.recipes import Recipe
    from molmeta.molecules.blocks import Molecules


@dataclass(frozen=True)
class Model:
    """A learner that is ready to adapt.

    Attributes:
        learner: in evaluation mode.
        recipe: what it was built from.
        history: where it comes from: version, seed, training data, validation; plain values.
    """

    learner: MetaLearner
    recipe: Recipe
    history: Mapping[str, Any]

    @property
    def featurizers(self) -> tuple[str, ...]:
        """Blocks that molecules must bring."""
        return self.learner.featurizers

    @property
    def digest(self) -> str:
        """Changes when anything does that its predictions depend on."""
        text = json.dumps([__version__, rdkit.__version__, self.recipe.to_dict()])
        found = hashlib.sha256(text.encode())
        for name, tensor in self.learner.state_dict().items():
            found.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        return found.hexdigest()

    def adapt(
        self,
        smiles: Sequence[str],
        active: Sequence[int],
        *,
        values: Sequence[float] | None = None,
    ) -> AssayPredictor:
        """Learn one assay from its support.

        Args:
            smiles: S SMILES.
            active: 1 for active and 0 for inactive, S of them.
            values: what was measured, such as pIC50, S of them; a learner of values needs them.

        Raises:
            EpisodeError: unequal lengths, labels other than 0 and 1, or one class only.
            MoleculeError: a SMILES does not parse.

        Example:
            >>> from molmeta.models.named import baseline
            >>> predictor = baseline("similarity").adapt(["CCO", "c1ccccc1"], [1, 0])
            >>> predictor.predict(["CCO", "no molecule"]).round(1)
            array([0.7, nan])
        """
        _require_support(smiles, active)
        _require_as_many(smiles, active if values is None else values, "values")
        parsed = [compound(text).smiles for text in smiles]
        labels = torch.tensor([float(label) for label in active])
        measured = None if values is None else torch.tensor([float(value) for value in values])
        molecules = featurize(parsed, self.featurizers)
        share = float(labels.mean()) if len(labels) else 0.0
        return AssayPredictor(self, self._adapted(Labelled(molecules, labels, measured)), share)

    def known(self, smiles: Sequence[str]) -> NDArray[np.int64]:
        """Return how many training assays measured each compound, -1 where one does not parse.

        Known compounds are easier to predict than new ones. Zero where a learner keeps no record.
        """
        result = np.full(len(smiles), -1, np.int64)
        places, kept = _valid(smiles)
        if kept:
            counts = times_measured(self.learner, featurize(kept, self.featurizers))
            result[places] = counts.cpu().numpy()
        return result

    def _adapted(self, support: Labelled) -> Predictor:
        with torch.no_grad():
            return self.learner.adapt(support)


@dataclass(frozen=True)
class AssayPredictor:
    """What a model has learnt from one support; several can be used at the same time.

    Attributes:
        model: what was adapted.
        predictor: what came of it.
        share: share of actives in the support, at which its probabilities hold.
    """

    model: Model
    predictor: Predictor
    share: float

    def predict(
        self, smiles: Sequence[str], *, prevalence: float | None = None
    ) -> NDArray[np.float64]:
        """Return the probability of activity of each SMILES, NaN where one does not parse.

        Args:
            smiles: G SMILES.
            prevalence: share of actives among what is scored, such as 0.005 in a library; None
                leaves probabilities at the support's share.

        Raises:
            ConfigError: a prevalence that is no share, or a support of one class.
        """
        shift = prior_shift(prevalence, self.share)
        places, kept = _valid(smiles)
        result = np.full(len(smiles), np.nan)
        if kept:
            found = self.predict_molecules(featurize(kept, self.model.featurizers))
            result[places] = [shift(p) for p in found]
        return result

    def predict_molecules(self, molecules: Molecules) -> NDArray[np.float64]:
        """Return the probability of activity of G featurized molecules, or their values."""
        with torch.no_grad():
            found = self.predictor(molecules).double()
        valued = self.model.learner.target == "value"
        return (found if valued else probability(found)).cpu().numpy()


def _valid(smiles: Sequence[str]) -> tuple[list[int], list[str]]:
    """Return the places of those that parse, and their standardised SMILES."""
    parsed = [_parsed(text) for text in smiles]
    kept = [(place, text) for place, text in enumerate(parsed) if text is not None]
    return [place for place, _ in kept], [text for _, text in kept]


def _parsed(text: str) -> str | None:
    try:
        return compound(text).smiles
    except MoleculeError:
        return None


def _require_as_many(smiles: Sequence[str], others: Sequence[float], what: str) -> None:
    if len(smiles) != len(others):
        raise EpisodeError(
            f"support: unequal lengths; got {len(smiles)} SMILES and {len(others)} {what}, "
            "expected as many of one as of the other. Pair them again."
        )


def _require_support(smiles: Sequence[str], active: Sequence[int]) -> None:
    _require_as_many(smiles, active, "labels")
    wrong = [label for label in active if label not in (0, 1)]
    if wrong:
        raise EpisodeError(
            f"support: a label is neither 0 nor 1; got {wrong[0]!r}, expected 1 for active and "
            "0 for inactive. Set a threshold on measured values first."
        )
