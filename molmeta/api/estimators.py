"""Models as scikit-learn estimators, for its cross-validation, searches and pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn import base
from sklearn.utils import multiclass, validation

from molmeta.api._inputs import ModelLike, model_of
from molmeta.errors import ConfigError, EpisodeError
from molmeta.molecules.compounds import compound, smiles_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from molmeta.models.model import Among, AssayPredictor


class _FewShot(base.BaseEstimator):
    """What both estimators share: molecules as input."""

    model: ModelLike
    predictor_: AssayPredictor

    def _adapt(self, smiles: list[str], active: list[int], values: list[float] | None) -> None:
        self.support_ = (self.model, smiles, active, values)
        self.predictor_ = model_of(self.model).adapt(smiles, active, values=values)

    def __getstate__(self) -> dict[str, Any]:
        # The predictors of some learners are functions, which cannot be pickled.
        state = base.BaseEstimator.__getstate__(self)
        return {name: value for name, value in state.items() if name != "predictor_"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        base.BaseEstimator.__setstate__(self, state)
        if "support_" in state:
            model, smiles, active, values = state["support_"]
            self.predictor_ = model_of(model).adapt(smiles, active, values=values)

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - untyped
        tags = base.BaseEstimator.__sklearn_tags__(self)
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        return tags


class FewShotClassifier(base.ClassifierMixin, _FewShot):
    """A few-shot model that classifies molecules, as a scikit-learn classifier.

    `fit` adapts the model to measured compounds; it never changes the model itself. `X` holds
    SMILES or RDKit molecules: a list, an array, a pandas column or a table of one column.

    Args:
        model: a model, its file, the name of a baseline, or None for the pretrained model.
        among: "assay" compares compounds that were chosen as those of `fit`, as cross-validation
            does; "library" ranks a library, in which unmeasured compounds are presumed inactive.
        prevalence: share of actives among the compounds to predict; None keeps that of `fit`.

    Attributes:
        classes_: the two labels, shape (2,); the second counts as active.
        predictor_: the adapted model.

    Example:
        >>> import molmeta
        >>> smiles = ["CCO", "CCCO", "CCCCO", "c1ccccc1O", "Cc1ccccc1O", "CCc1ccccc1O"]
        >>> active = ["no", "no", "no", "yes", "yes", "yes"]
        >>> classifier = molmeta.FewShotClassifier("similarity").fit(smiles, active)
        >>> classifier.predict(["CCCCCO", "Oc1ccccc1CCC"])
        array(['no', 'yes'], dtype='<U3')
    """

    def __init__(
        self, model: ModelLike = None, *, among: Among = "assay", prevalence: float | None = None
    ) -> None:
        self.model = model
        self.among: Among = among
        self.prevalence = prevalence

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - untyped
        tags = base.ClassifierMixin.__sklearn_tags__(self)
        tags.classifier_tags.multi_class = False
        return tags

    def fit(self, X: Iterable[Any], y: ArrayLike) -> Self:  # noqa: N803 - scikit-learn's name
        """Adapt to S compounds with labels of two classes, shape (S,).

        Raises:
            EpisodeError: not two classes, unequal lengths, or a compound with both labels.
            MoleculeError: a SMILES does not parse.
        """
        smiles, labels = _molecules(X), validation.column_or_1d(y, warn=True)
        multiclass.check_classification_targets(labels)
        classes, active = np.unique(labels, return_inverse=True)
        if len(classes) != 2:
            raise EpisodeError(
                f"FewShotClassifier: needs two classes; got {len(classes)} class(es), expected "
                "active and inactive. Only binary classification is supported. For actives alone, "
                "use molmeta.load().adapt()."
            )
        self._adapt(smiles, active.tolist(), None)
        self.classes_ = classes
        return self

    def predict_proba(self, X: Iterable[Any]) -> NDArray[np.float64]:  # noqa: N803
        """Probability of both classes, shape (G, 2); NaN where a SMILES does not parse."""
        validation.check_is_fitted(self)
        active = self.predictor_.predict(
            _molecules(X), among=self.among, prevalence=self.prevalence
        )
        return np.column_stack([1 - active, active])

    def predict(self, X: Iterable[Any]) -> NDArray[Any]:  # noqa: N803
        """The more probable class, shape (G,); the first where a SMILES does not parse."""
        active = self.predict_proba(X)[:, 1] > 0.5
        return self.classes_[active.astype(int)]


class FewShotRegressor(base.RegressorMixin, _FewShot):
    """A few-shot model that predicts measured values, as a scikit-learn regressor.

    Args:
        model: a model of values (`target: value`) or its file; by default a Gaussian process on
            fingerprints, which is not meta-trained.

    Attributes:
        predictor_: the adapted model.

    Example:
        >>> import molmeta
        >>> smiles = ["CCO", "CCCO", "CCCCO", "c1ccccc1O", "Cc1ccccc1O", "CCc1ccccc1O"]
        >>> regressor = molmeta.FewShotRegressor().fit(smiles, [4.0, 4.1, 4.2, 7.0, 7.1, 7.2])
        >>> low, high = regressor.predict(["CCCCCO", "Oc1ccccc1CCC"])
        >>> bool(low < high)
        True
    """

    def __init__(self, model: ModelLike = "tanimoto_gp:target=value") -> None:
        self.model = model

    def fit(self, X: Iterable[Any], y: ArrayLike) -> Self:  # noqa: N803
        """Adapt to S compounds with values such as pIC50, shape (S,); compounds may be repeated.

        Raises:
            ConfigError: the model does not predict values.
            MoleculeError: a SMILES does not parse.
            ValueError: unequal lengths, or a value is missing or infinite.
        """
        smiles, values = _molecules(X), validation.column_or_1d(y, warn=True).astype(np.float64)
        validation.assert_all_finite(values, input_name="y")
        validation.check_consistent_length(smiles, values)
        model = model_of(self.model)
        if model.learner.target != "value":
            raise ConfigError(
                f"FewShotRegressor: {model} predicts classes; expected a model of values, such as "
                "'tanimoto_gp:target=value'. Train one with learner_options {target: value}."
            )
        # Repeats of a compound may be on both sides of the median; its mean is on one.
        # By InChIKey, as the check of labels compares them: tautomers have other SMILES.
        keys = [compound(text).inchikey for text in smiles]
        above = pd.Series(values).groupby(keys).transform("mean") > np.median(values)
        self._adapt(smiles, above.astype(int).tolist(), values.tolist())
        return self

    def predict(self, X: Iterable[Any]) -> NDArray[np.float64]:  # noqa: N803
        """Values in the unit of `fit`, shape (G,); NaN where a SMILES does not parse."""
        validation.check_is_fitted(self)
        return self.predictor_.predict(_molecules(X), among="assay")


def _molecules(given: Iterable[Any]) -> list[str]:
    """SMILES of a list, an array, a column, or a table of one column."""
    array: NDArray[Any] = np.asarray(given, dtype=object)
    return smiles_texts(array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array)
