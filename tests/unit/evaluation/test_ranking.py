"""Ranking metrics against scikit-learn, RDKit and plain loops; ties against all their orders."""

import itertools
import math

import numpy as np
import pytest
from rdkit.ML.Scoring import Scoring
from scipy.special import expit, logit
from sklearn import metrics as reference

from molmeta.errors import EpisodeError
from molmeta.evaluation import metrics
from molmeta.evaluation.metrics import probabilities, ranking

RANKING = {
    "delta_auprc": ranking.delta_auprc,
    "auprc": ranking.auprc,
    "auroc": ranking.auroc,
    "bedroc20": ranking.bedroc20,
    "ef1": ranking.ef1,
    "ef5": ranking.ef5,
}
TIED_LABELS = [1, 0, 0, 1, 0, 1, 0]
TIED_SCORES = [3.0, 3.0, 3.0, 2.0, 2.0, 1.0, 0.0]


def drawn(seed, n=200, decimals=6, share=0.3):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < share).astype(np.float32)
    return labels, np.round(rng.normal(size=n) + labels, decimals)


def orders_of_ties(labels, scores):
    """Labels in every ranking that agrees with the scores."""
    groups = [
        [label for label, score in zip(labels, scores, strict=True) if score == value]
        for value in sorted(set(scores), reverse=True)
    ]
    for orders in itertools.product(*map(itertools.permutations, groups)):
        yield [label for order in orders for label in order]


def plain_enrichment(ranked, percent):
    top = math.ceil(percent * len(ranked) / 100)
    return (sum(ranked[:top]) / top) / (sum(ranked) / len(ranked))


def rdkit_bedroc(ranked):
    return Scoring.CalcBEDROC([[label] for label in ranked], 0, 20.0)


@pytest.mark.parametrize("decimals", [6, 1, 0])
@pytest.mark.parametrize("seed", range(5))
def test_auprc_equals_scikit_learn(seed, decimals):
    labels, scores = drawn(seed, decimals=decimals)
    expected = reference.average_precision_score(labels, scores)
    assert ranking.auprc(labels, scores) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("decimals", [6, 1, 0])
@pytest.mark.parametrize("seed", range(5))
def test_auroc_equals_scikit_learn(seed, decimals):
    labels, scores = drawn(seed, decimals=decimals)
    expected = reference.roc_auc_score(labels, scores)
    assert ranking.auroc(labels, scores) == pytest.approx(expected, abs=1e-12)


def test_delta_auprc_is_auprc_less_the_share_of_actives():
    labels, scores = drawn(0)
    expected = reference.average_precision_score(labels, scores) - labels.mean()
    assert ranking.delta_auprc(labels, scores) == pytest.approx(expected, abs=1e-7)


def test_delta_auprc_of_a_constant_score_is_zero():
    assert ranking.delta_auprc([1, 0, 0, 0], np.zeros(4)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_bedroc_equals_rdkit_where_nothing_ties(seed):
    labels, scores = drawn(seed)
    ranked = labels[np.argsort(-scores)]
    assert ranking.bedroc20(labels, scores) == pytest.approx(rdkit_bedroc(ranked), abs=1e-9)


def test_bedroc_of_ties_is_the_mean_over_their_orders():
    expected = np.mean([rdkit_bedroc(r) for r in orders_of_ties(TIED_LABELS, TIED_SCORES)])
    assert ranking.bedroc20(TIED_LABELS, TIED_SCORES) == pytest.approx(expected, abs=1e-9)


def test_bedroc_is_one_when_all_actives_come_first():
    assert ranking.bedroc20([1, 1, 0, 0, 0], [5.0, 4.0, 3.0, 2.0, 1.0]) == pytest.approx(1)


def test_bedroc_is_zero_when_all_actives_come_last():
    assert ranking.bedroc20([1, 1, 0, 0, 0], [1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(0)


@pytest.mark.parametrize("percent", [1, 5, 30])
@pytest.mark.parametrize("n", [7, 100, 101, 700])
def test_enrichment_equals_a_count_in_the_top(n, percent):
    labels, scores = drawn(n, n=n, share=0.5)
    ranked = list(labels[np.argsort(-scores)])
    expected = plain_enrichment(ranked, percent)
    assert ranking.enrichment_factor(labels, scores, percent=percent) == pytest.approx(expected)


@pytest.mark.parametrize("percent", [5, 20, 30, 60])
def test_enrichment_of_ties_is_the_mean_over_their_orders(percent):
    orders = orders_of_ties(TIED_LABELS, TIED_SCORES)
    expected = np.mean([plain_enrichment(ranked, percent) for ranked in orders])
    found = ranking.enrichment_factor(TIED_LABELS, TIED_SCORES, percent=percent)
    assert found == pytest.approx(expected)


def test_enrichment_takes_seven_of_seven_hundred():
    """In floating point 0.01 * 700 lies above 7, and rounding up would take 8."""
    labels, scores = np.zeros(700), -np.arange(700.0)
    labels[7:14] = 1
    assert ranking.enrichment_factor(labels, scores, percent=1) == 0


def test_brier_equals_scikit_learn():
    labels, logits = drawn(0)
    assert probabilities.brier(labels, logits) == pytest.approx(
        reference.brier_score_loss(labels, expit(logits))
    )


def test_log_loss_equals_scikit_learn():
    labels, logits = drawn(0)
    expected = reference.log_loss(labels, expit(logits))
    assert probabilities.log_loss(labels, logits) == pytest.approx(expected)


def test_log_loss_of_a_confident_error_is_finite():
    assert probabilities.log_loss([1.0], [-1000.0]) == 1000


def test_calibration_error_equals_a_loop_over_bins():
    """Three bins hold compounds: 0.1-0.2 with 0.15 for 0 of 1, 0.4-0.5 with 0.45 for 1 of 2, and
    0.9-1 with 1.0 for 1 of 1, so (1 * 0.15 + 2 * 0.05 + 1 * 0) / 4 = 0.0625.
    """
    result = probabilities.calibration_error([0, 1, 0, 1], logit([0.15, 0.42, 0.48, 1.0]))
    assert result == pytest.approx(0.0625)


def test_errors_of_neighbouring_bins_do_not_cancel():
    """0.05 too high and 0.85 too low, so 0.45 on average."""
    assert probabilities.calibration_error([0, 1], logit([0.05, 0.15])) == pytest.approx(0.45)


def test_calibration_error_of_the_true_share_is_zero():
    assert probabilities.calibration_error([1, 0, 0, 0], logit([0.25] * 4)) == pytest.approx(0)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("name", RANKING)
def test_one_class_is_refused(name, label):
    with pytest.raises(EpisodeError, match=r"one class only; got \d active of 2"):
        RANKING[name]([label, label], [1.0, 2.0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", RANKING)
def test_a_score_that_is_not_finite_is_refused(name, value):
    with pytest.raises(EpisodeError, match="not finite; got 1 "):
        RANKING[name]([0, 1], [0.0, value])


def test_one_score_too_few_is_refused():
    with pytest.raises(EpisodeError, match="differ in shape"):
        ranking.auroc([0, 1, 1], [0.0, 1.0])


def test_class_metrics_are_those_of_rankings_and_probabilities():
    assert tuple(metrics.class_metrics(*drawn(0))) == metrics.names("ranking", "probability")


def test_class_metrics_rank_logits_whose_probabilities_round_to_one():
    assert metrics.class_metrics([0, 1], [50.0, 60.0])["auroc"] == 1
