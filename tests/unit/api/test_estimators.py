"""The estimators follow scikit-learn, as far as molecules as input allow."""

import pickle

import numpy as np
import pandas as pd
import pytest
from rdkit.Chem import MolFromSmiles
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks as checks
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

import molmeta
from molmeta.errors import ConfigError, EpisodeError

ACTIVE = ["c1ccccc1O", "c1ccccc1N", "Cc1ccccc1O", "Cc1ccccc1N", "CCc1ccccc1O", "CCc1ccccc1N"]
INACTIVE = ["CCO", "CCCO", "CCCCO", "CCN", "CCCN", "CCCCN"]
SMILES, LABELS = ACTIVE + INACTIVE, np.array([1] * 6 + [0] * 6)
VALUES = np.where(LABELS, 7.0, 4.0) + np.arange(12) / 100
CLASSIFIER, REGRESSOR = molmeta.FewShotClassifier("similarity"), molmeta.FewShotRegressor()
PIECES = ["N", "O", "S", "[Si]", "P", "B", "C(F)", "C(Cl)", "C(Br)", "C(=O)"]
"""Pieces of a molecule that spell the digits of a number."""


def spelled(numbers):
    """Return a molecule for each row: near numbers give chains of the same length."""
    return [
        "".join(
            "C" * int(np.clip(round(3 * x + 15), 1, 30))
            + "".join(PIECES[int(digit)] for digit in f"{int(abs(x) * 1000) % 1000:03d}")
            + "C"
            for x in row[:3]
        )
        for row in np.asarray(numbers, float)
    ]


class Spelled:
    """Gives the tests of scikit-learn, which fit tables of numbers, an estimator of molecules."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = BaseEstimator.__sklearn_tags__(self).input_tags
        return tags

    def fit(self, X, y):  # noqa: N803
        return super().fit(spelled(validate_data(self, X)), y)

    def _spelled(self, X):  # noqa: N803
        check_is_fitted(self)
        return spelled(validate_data(self, X, reset=False))


class SpelledClassifier(Spelled, molmeta.FewShotClassifier):
    def predict_proba(self, X):  # noqa: N803
        return super().predict_proba(self._spelled(X))


class SpelledRegressor(Spelled, molmeta.FewShotRegressor):
    def predict(self, X):  # noqa: N803
        return super().predict(self._spelled(X))


REFUSED = {
    SpelledClassifier: {
        "check_estimators_dtypes": "rows that rounding makes equal differ in label; a compound "
        "has one label"
    },
    SpelledRegressor: {
        "check_regressors_train": "asks for R2 above 0.5 on values that depend linearly on ten "
        "numbers, of which a spelled molecule keeps three"
    },
}
"""Checks of scikit-learn that fail, with the reason."""


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@checks.parametrize_with_checks(
    [SpelledClassifier("tanimoto_gp"), SpelledRegressor()],
    expected_failed_checks=lambda estimator: REFUSED[type(estimator)],
)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [CLASSIFIER, REGRESSOR], ids=["classifier", "regressor"])
def test_it_says_that_its_input_is_text(estimator):
    tags = get_tags(estimator).input_tags
    assert (tags.string, tags.one_d_array, tags.two_d_array) == (True, True, False)


@pytest.mark.parametrize(
    "given",
    [
        SMILES,
        np.array(SMILES),
        np.array(SMILES)[:, None],
        pd.Series(SMILES),
        pd.DataFrame({"smiles": SMILES}),
        [MolFromSmiles(text) for text in SMILES],
    ],
    ids=["list", "array", "column of an array", "series", "frame", "molecules"],
)
def test_molecules_may_come_in_any_form(given):
    expected = clone(CLASSIFIER).fit(SMILES, LABELS).predict_proba(SMILES)
    np.testing.assert_array_equal(
        clone(CLASSIFIER).fit(given, LABELS).predict_proba(given), expected
    )


def test_probabilities_are_those_of_the_model():
    predictor = molmeta.load("similarity").adapt(SMILES, LABELS)
    found = clone(CLASSIFIER).fit(SMILES, LABELS).predict_proba(["CCCCCO"])
    assert found[0, 1] == predictor.predict(["CCCCCO"], among="assay")[0]
    assert found.sum() == 1


def test_labels_may_be_words():
    words = np.where(LABELS, "hit", "dead")
    fitted = clone(CLASSIFIER).fit(SMILES, words)
    assert list(fitted.classes_) == ["dead", "hit"]
    assert list(fitted.predict(["CCCCCO", "Oc1ccccc1CCC"])) == ["dead", "hit"]


def test_it_is_cross_validated():
    scores = cross_val_score(CLASSIFIER, SMILES, LABELS, cv=3, scoring="roc_auc")
    assert scores.min() > 0.9


def test_values_are_cross_validated():
    found = cross_val_predict(REGRESSOR, pd.Series(SMILES), VALUES, cv=6)
    assert roc_auc_score(LABELS, found) > 0.9


def test_it_works_in_a_pipeline_and_in_a_search():
    unsalted = FunctionTransformer(lambda smiles: [text.removesuffix(".Cl") for text in smiles])
    search = GridSearchCV(
        make_pipeline(unsalted, molmeta.FewShotClassifier()),
        {"fewshotclassifier__model": ["similarity", "tanimoto_gp"]},
        cv=2,
    )
    search.fit([f"{text}.Cl" for text in SMILES], LABELS)
    assert set(search.best_params_.values()) <= {"similarity", "tanimoto_gp"}


def test_one_class_is_refused():
    with pytest.raises(EpisodeError, match="needs two classes; got 1"):
        clone(CLASSIFIER).fit(ACTIVE, [1] * 6)


def test_a_model_of_classes_is_no_regressor():
    with pytest.raises(ConfigError, match="predicts classes"):
        molmeta.FewShotRegressor("similarity").fit(SMILES, VALUES)


def test_what_does_not_parse_has_no_probability():
    assert np.isnan(clone(CLASSIFIER).fit(SMILES, LABELS).predict_proba(["nonsense"])).all()


def test_repeats_of_a_compound_may_differ():
    twice = molmeta.FewShotRegressor().fit([*SMILES, "OCCCC"], [*VALUES, 9.0])
    once = molmeta.FewShotRegressor().fit(SMILES, VALUES)
    assert twice.predict(["CCCCO"])[0] > once.predict(["CCCCO"])[0]


def test_a_fitted_estimator_can_be_stored():
    fitted = clone(CLASSIFIER).fit(SMILES, LABELS)
    stored = pickle.loads(pickle.dumps(fitted))  # noqa: S301 - our own
    np.testing.assert_array_equal(stored.predict_proba(SMILES), fitted.predict_proba(SMILES))


def test_folds_may_run_in_processes_of_their_own():
    scores = cross_val_score(CLASSIFIER, SMILES, LABELS, cv=2, scoring="roc_auc", n_jobs=2)
    assert np.isfinite(scores).all()
