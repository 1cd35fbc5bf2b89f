"""A learner with its recipe and history, ready to adapt to the measured compounds of an assay."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import rdkit
import torch

from molmeta.assays.records import profiles_of
from molmeta.errors import ConfigError, ModelError, MoleculeError, one_line, unknown_name
from molmeta.learners.base import Predictor, probability
from molmeta.models.labels import require_labels, require_one_label_each
from molmeta.models.prevalence import prior_shift
from molmeta.molecules.compounds import compound, smiles_texts, standard_smiles
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.store import featurize
from molmeta.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from rdkit.Chem import Mol

    from molmeta.learners import MetaLearner
    from molmeta.models.recipes import Recipe
    from molmeta.molecules.blocks import Molecules

# torch's types of its linear algebra are incomplete; Any says so once.
_linalg: Any = torch.linalg
Among = Literal["library", "assay"]
"""What a compound is compared with; see `AssayPredictor.predict`."""


class TrainingRecord(NamedTuple):
    """What the training assays of a model measured for G compounds.

    Attributes:
        n_assays: number of assays that measured each compound, shape (G,); -1 where a SMILES does
            not parse, and 0 for learners that keep no record.
        hit_rate: share of these assays in which the compound was above the mean, shape (G,), NaN
            without any. A compound that is active in most assays is a frequent hitter.
    """

    n_assays: NDArray[np.int64]
    hit_rate: NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Model:
    """A learner that is ready to adapt.

    Attributes:
        learner: in evaluation mode.
        recipe: what it was built from.
        history: version, seed, training data and validation scores, as plain values.
    """

    learner: MetaLearner
    recipe: Recipe
    history: Mapping[str, Any]

    def __repr__(self) -> str:
        assays = len(self.history.get("assays", ()))
        training = f"{assays} training assays" if assays else "not meta-trained"
        return f"Model('{self.recipe.learner}', {training})"

    @property
    def featurizers(self) -> tuple[str, ...]:
        """Names of the feature blocks that the learner reads."""
        return self.learner.featurizers

    @property
    def library_featurizers(self) -> tuple[str, ...]:
        """Names of the feature blocks that the learner reads from the compounds of a library."""
        return self.learner.library_featurizers

    @property
    def for_libraries(self) -> bool:
        """Whether it is made for finding actives in a library: its learner is, or it saw decoys."""
        training = self.history.get("training", {})
        return self.learner.for_libraries or training.get("prevalence") is not None

    @property
    def digest(self) -> str:
        """SHA-256 of everything that predictions depend on: versions, recipe and weights."""
        versions = json.dumps([__version__, rdkit.__version__, self.recipe.to_dict()])
        sha = hashlib.sha256(versions.encode())
        for name, tensor in self.learner.state_dict().items():
            sha.update(name.encode())
            # Without a copy, since a large model is hashed before each screen.
            sha.update(tensor.cpu().contiguous().numpy())
        return sha.hexdigest()

    def adapt(
        self,
        smiles: Iterable[str | Mol],
        active: Sequence[int],
        *,
        values: Sequence[float] | None = None,
    ) -> AssayPredictor:
        """Adapt to one assay from its support, the compounds measured so far.

        Args:
            smiles: S compounds, as SMILES or RDKit molecules.
            active: 1 for active and 0 for inactive, S of them.
            values: measured values such as pIC50, S of them; required by learners of values.

        Raises:
            EpisodeError: unequal lengths, labels other than 0 and 1, a compound with both
                labels, or a single class.
            MoleculeError: a SMILES does not parse.
            ModelError: the weights of the model make a linear system unsolvable.

        Example:
            >>> from molmeta.models.named import baseline
            >>> predictor = baseline("similarity").adapt(["CCO", "c1ccccc1"], [1, 0])
            >>> predictor.predict(["CCO", "no molecule"]).round(2)
            array([0.95,  nan])
        """
        texts = smiles_texts(smiles)
        require_labels(texts, active, values)
        parsed = [compound(text) for text in texts]
        require_one_label_each(parsed, active)
        labels = torch.tensor([float(label) for label in active])
        measured = None if values is None else torch.tensor([float(value) for value in values])
        molecules = featurize([item.smiles for item in parsed], self.featurizers)
        support = Labelled(molecules, labels, measured)
        try:
            with torch.no_grad():
                return AssayPredictor(self, self.learner.adapt_library(support), support)
        except _linalg.LinAlgError as error:
            raise ModelError(
                f"model '{self.recipe.learner}': cannot be adapted to this support; got "
                f"'{one_line(error)}', expected weights of a usual size. Use another --model."
            ) from error

    def known(self, smiles: Iterable[str | Mol | None]) -> NDArray[np.int64]:
        """Number of training assays that measured each compound, shape (G,).

        Compounds in the training data are easier to predict than new ones. The number is -1
        where a SMILES does not parse, and 0 for learners that keep no record.
        """
        return self.training_record(smiles).n_assays

    def training_record(self, smiles: Iterable[str | Mol | None]) -> TrainingRecord:
        """What the training assays measured for each of G compounds."""
        texts = smiles_texts(smiles)
        record = TrainingRecord(np.full(len(texts), -1, np.int64), np.full(len(texts), np.nan))
        rows, parsed = _parsed(texts)
        if parsed:
            profiles = profiles_of(self.learner, featurize(parsed, self.library_featurizers))
            record.n_assays[rows] = profiles.counts.cpu().numpy()
            record.hit_rate[rows] = profiles.share_above.double().cpu().numpy()
        return record


@dataclass(frozen=True, repr=False)
class AssayPredictor:
    """A model adapted to one support; several can be used at the same time.

    Attributes:
        model: the model, which adapting leaves as it is.
        predictor: from featurized molecules of a library to logits, or to values.
        support: the featurized support.
    """

    model: Model
    predictor: Predictor
    support: Labelled

    def __repr__(self) -> str:
        active = int(self.support.labels.sum())
        compounds = f"{len(self.support.labels)} compounds, {active} active"
        return f"AssayPredictor('{self.model.recipe.learner}', {compounds})"

    @property
    def share(self) -> float:
        """Share of actives for which probabilities in a library are calibrated."""
        return self.model.learner.library_share(self.support)

    @property
    def share_for_hits(self) -> float:
        """`share`, or 1 for actives alone, whose probabilities are not chances of a hit."""
        return self.share if bool((self.support.labels < 0.5).any()) else 1.0

    @cached_property
    def within_assay(self) -> Predictor:
        """From featurized molecules that belong to the assay's series to logits, or to values."""
        with torch.no_grad():
            return self.model.learner.adapt(self.support)

    def predict(
        self,
        smiles: str | Mol | Iterable[str | Mol | None],
        *,
        among: Among = "library",
        prevalence: float | None = None,
    ) -> NDArray[np.float64]:
        """Probability of activity of each compound, shape (G,).

        Args:
            smiles: G compounds, as SMILES or RDKit molecules; one that is not in a list counts
                as a list of one. None, NaN and text that does not parse give NaN.
            among: "library" compares a compound with a library, in which unmeasured compounds are
                presumed inactive. Resembling the actives raises its probability, however many
                inactive analogues were measured. "assay" compares compounds that were chosen as
                those of the support were, such as analogues of one series.
            prevalence: share of actives among these compounds, such as 0.005 in a library; None
                leaves the probabilities at the support's share.

        Raises:
            ConfigError: `among` is unknown, the prevalence is not between 0 and 1, or the support
                has one class and the model needs two to be calibrated.
        """
        shares = {"library": self.share, "assay": float(self.support.labels.mean())}
        if among not in shares:
            raise ConfigError(f"predict: {unknown_name('value of among', among, shares)}")
        shift = prior_shift(prevalence, shares[among])
        texts = smiles_texts(smiles)
        probabilities = np.full(len(texts), np.nan)
        rows, parsed = _parsed(texts)
        if parsed:
            model = self.model
            names = model.featurizers if among == "assay" else model.library_featurizers
            molecules = featurize(parsed, names)
            at_share = self.predict_molecules(molecules, among=among)
            probabilities[rows] = [shift(p) for p in at_share]
        return probabilities

    def predict_table(
        self,
        smiles: Iterable[str | Mol | None],
        *,
        among: Among = "library",
        prevalence: float | None = None,
    ) -> pd.DataFrame:
        """Predictions as a table that keeps the names of the compounds.

        The arguments are those of `predict`. The index of a pandas Series becomes that of the
        table.

        Returns:
            Columns `smiles` and `probability`, or `value` for learners of values. The rows are in
            the order of the compounds.

        Raises:
            ConfigError: as in `predict`.

        Example:
            >>> import molmeta, pandas as pd
            >>> predictor = molmeta.load("similarity").adapt(["CCO", "c1ccccc1O"], [0, 1])
            >>> named = pd.Series({"cresol": "Cc1ccccc1O", "propanol": "CCCO"})
            >>> predictor.predict_table(named)["probability"].idxmax()
            'cresol'
        """
        index = smiles.index if isinstance(smiles, pd.Series) else None
        texts = smiles_texts(smiles)
        predicted = self.predict(texts, among=among, prevalence=prevalence)
        column = "value" if self.model.learner.target == "value" else "probability"
        return pd.DataFrame({"smiles": texts, column: predicted}, index=index)

    def predict_molecules(
        self, molecules: Molecules, *, among: Among = "library"
    ) -> NDArray[np.float64]:
        """Probability of activity of G featurized molecules, or their values, shape (G,)."""
        predictor = self.predictor if among == "library" else self.within_assay
        with torch.no_grad():
            # Padded, because products of few rows round differently; the padding is cut off.
            outputs = predictor(molecules.padded()).double()[: len(molecules)]
        predicts_values = self.model.learner.target == "value"
        return (outputs if predicts_values else probability(outputs)).cpu().numpy()


def _parsed(texts: Sequence[str]) -> tuple[list[int], list[str]]:
    """Positions of the texts that parse, and their standardised SMILES."""
    rows: list[int] = []
    standardised: list[str] = []
    for row, text in enumerate(texts):
        try:
            standardised.append(standard_smiles(text))
        except MoleculeError:
            continue
        rows.append(row)
    return rows, standardised
