"""The estimators follow scikit-learn, as far as molecules as input allow."""

import numpy as np
import pandas as pd
import pytest
from rdkit.Chem import MolFromSmiles
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks as checks

import molmeta
from molmeta.errors import ConfigError, EpisodeError

ACTIVE = ["c1ccccc1O", "c1ccccc1N", "Cc1ccccc1O", "Cc1ccccc1N", "CCc1ccccc1O", "CCc1ccccc1N"]
INACTIVE = ["CCO", "CCCO", "CCCCO", "CCN", "CCCN", "CCCCN"]
SMILES, LABELS = ACTIVE + INACTIVE, np.array([1] * 6 + [0] * 6)
VALUES = np.where(LABELS, 7.0, 4.0) + np.arange(12) / 100
CLASSIFIER, REGRESSOR = molmeta.FewShotClassifier("similarity"), molmeta.FewShotRegressor()
CHECKS = (
    checks.check_no_attributes_set_in_init,
    checks.check_parameters_default_constructible,
    checks.check_get_params_invariance,
    checks.check_set_params,
    checks.check_estimator_cloneable,
    checks.check_estimator_repr,
    checks.check_estimator_tags_renamed,
    checks.check_valid_tag_types,
    checks.check_mixin_order,
)
"""Those of `check_estimator` that pass no numbers to `fit`."""


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("estimator", [CLASSIFIER, REGRESSOR], ids=["classifier", "regressor"])
def test_scikit_learn_accepts_it(estimator, check):
    check(type(estimator).__name__, clone(estimator))


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
