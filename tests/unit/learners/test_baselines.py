"""Baselines against plain loops, scipy and scikit-learn, and on supports that break solvers."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import LogisticRegression as Reference
from tabular_weights import NAMES as TABULAR

from molmeta import learners
from molmeta.errors import ConfigError
from molmeta.learners.logistic_regression import LogisticRegression
from molmeta.learners.random_forest import RandomForest
from molmeta.learners.similarity import Similarity
from molmeta.learners.tanimoto_gp import TanimotoGP, spectrum
from molmeta.molecules.blocks import Bits, Molecules, Vectors
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.similarity import product, tanimoto

SIZE, UNSEEN = 2048, 95
BASELINES = [
    name for name in learners.names() if not learners.get(name).meta_trained and name not in TABULAR
]


def bits(sets):
    lengths = torch.tensor([0, *map(len, sets)])
    positions = torch.tensor([p for one in sets for p in sorted(one)], dtype=torch.int32)
    return Bits(positions, lengths.cumsum(0), SIZE)


def molecules(sets):
    return Molecules({"morgan": bits(sets)})


def drawn(seed, n):
    rng = np.random.default_rng(seed)
    return [
        set(rng.choice(UNSEEN, size=rng.integers(5, 20), replace=False).tolist()) for _ in range(n)
    ]


def support(sets, labels):
    return Labelled(molecules(sets), torch.tensor(labels, dtype=torch.float32))


KNOWN = drawn(0, 20)
LABELS = [1, 0, 0, 1, 0] * 4
SMOOTH = [0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0]
QUERY = drawn(1, 30)
GRID = np.geomspace(0.1, 10, 21)


def logits(learner, sets=KNOWN, labels=LABELS, query=QUERY):
    return learner.adapt(support(sets, labels))(molecules(query)).double().numpy()


def plain_tanimoto(a, b):
    return len(a & b) / len(a | b) if a | b else 0.0


def plain_kernel(rows, columns):
    return np.array([[plain_tanimoto(a, b) for b in columns] for a in rows])


def nearest(label):
    found = plain_kernel(QUERY, KNOWN)
    return found[:, np.array(LABELS) == label].max(axis=1)


def test_tanimoto_equals_a_loop_over_sets():
    found = tanimoto(bits(QUERY), bits(KNOWN)).numpy()
    assert found == pytest.approx(plain_kernel(QUERY, KNOWN), abs=1e-7)


def test_tanimoto_to_a_fingerprint_without_bits_is_zero():
    found = tanimoto(bits([set(), {1}]), bits([set(), {1}]))
    assert found.tolist() == [[0, 0], [0, 1]]


def test_a_product_equals_that_of_dense_fingerprints():
    columns = torch.randn(SIZE, 3, dtype=torch.float64, generator=torch.manual_seed(0))
    expected = bits(QUERY).dense(torch.float64) @ columns
    torch.testing.assert_close(product(bits(QUERY), columns), expected)


@pytest.mark.parametrize("name", BASELINES)
def test_molecules_that_repeat_with_both_labels_give_finite_logits(name):
    learner = learners.get(name)()
    assert np.isfinite(logits(learner, [KNOWN[0]] * 6, [1, 0, 1, 0, 1, 0])).all()


@pytest.mark.parametrize("name", BASELINES)
def test_fingerprints_without_bits_give_finite_logits(name):
    learner = learners.get(name)()
    assert np.isfinite(logits(learner, [set()] * 4, [1, 0, 1, 0], [set(), {1}])).all()


@pytest.mark.parametrize("name", BASELINES)
def test_more_molecules_than_bits_give_finite_logits(name):
    sets = [{n % 3, n % 5} for n in range(60)]
    assert np.isfinite(logits(learners.get(name)(), sets, [0, 1] * 30, sets)).all()


@pytest.mark.parametrize("name", BASELINES)
def test_what_looks_like_the_actives_scores_higher(name):
    sets = [{1, 2, 3}, {1, 2, 4}, {1, 3, 4}, {11, 12, 13}, {11, 12, 14}, {11, 13, 14}]
    active, inactive = logits(learners.get(name)(), sets, [1, 1, 1, 0, 0, 0], [{2, 3, 4}, {12, 13}])
    assert active > inactive


def test_similarity_ranks_by_the_nearest_active():
    expected = nearest(1)
    found = logits(Similarity())
    assert found - found[0] == pytest.approx(3.0 * (expected - expected[0]), abs=1e-5)


def test_similarity_by_mean_ranks_by_the_mean_over_actives():
    expected = plain_kernel(QUERY, KNOWN)[:, np.array(LABELS) == 1].mean(axis=1)
    found = logits(Similarity(mode="mean", steepness=2.0))
    assert found - found[0] == pytest.approx(2.0 * (expected - expected[0]), abs=1e-5)


def test_similarity_by_difference_subtracts_the_nearest_inactive():
    expected = nearest(1) - nearest(0)
    found = logits(Similarity(mode="difference", steepness=1.0))
    assert found - found[0] == pytest.approx(expected - expected[0], abs=1e-5)


def test_similarity_says_the_share_of_actives_of_a_molecule_like_the_support():
    """Two actives at 0.5 to each other and two inactives at 0: the mean score is 0.25, and a
    query at 0.25 to both gets the logit of the support's share, 0.5, so 0.
    """
    sets = [{1, 2, 3}, {1, 2, 4}, {20}, {21}]
    assert logits(Similarity(), sets, [1, 1, 0, 0], [{1, 30}]) == pytest.approx([0], abs=1e-6)


def test_similarity_refuses_an_unknown_mode():
    with pytest.raises(ConfigError, match="mode is unknown; got 'maximum', expected one of max"):
        Similarity(mode="maximum")


@pytest.mark.parametrize("steepness", [0.0, -1.0, float("nan")])
def test_similarity_refuses_to_turn_the_ranking_round(steepness):
    with pytest.raises(ConfigError, match="steepness"):
        Similarity(steepness=steepness)


def process(noise):
    return TanimotoGP(least_noise=noise, most_noise=noise, steps=1)


def plain_process(labels, ratio, kernel=None, mean=None):
    """Mean, inverse covariance at scale 1, weights, and the scale of highest density."""
    y = 2.0 * np.array(labels) - 1
    mean = y.mean() if mean is None else mean
    kernel = plain_kernel(KNOWN, KNOWN) if kernel is None else kernel
    inverse = np.linalg.inv(kernel + ratio * np.eye(len(y)))
    centred = y - mean
    return mean, inverse, inverse @ centred, centred @ inverse @ centred / len(y)


def likelihood(labels, ratio):
    y, kernel = 2.0 * np.array(labels) - 1, plain_kernel(KNOWN, KNOWN)
    mean, _, _, scale = plain_process(labels, ratio)
    covariance = scale * (kernel + ratio * np.eye(len(y)))
    return stats.multivariate_normal(np.full(len(y), mean), covariance).logpdf(y)


def best_place(labels):
    return max(range(21), key=lambda place: likelihood(labels, GRID[place]))


@pytest.mark.parametrize("labels", [LABELS, SMOOTH])
def test_the_process_takes_the_noise_of_highest_marginal_likelihood(labels):
    best = GRID[best_place(labels)]
    expected = logits(process(best), labels=labels)
    assert logits(TanimotoGP(), labels=labels) == pytest.approx(expected, abs=1e-5)


def test_labels_that_follow_the_structure_have_their_best_noise_inside_the_grid():
    """Else the test above would hold for a process that always took an end."""
    assert 0 < best_place(SMOOTH) < 20


def plain_logits(cross, kernel):
    mean, inverse, weights, scale = plain_process(LABELS, 0.5, kernel)
    variance = scale * (1 - np.einsum("qs,st,qt->q", cross, inverse, cross) + 0.5)
    p = stats.norm.cdf((mean + cross @ weights) / np.sqrt(variance))
    return np.log(p / (1 - p))


def test_the_process_predicts_as_the_textbook_does():
    expected = plain_logits(plain_kernel(QUERY, KNOWN), plain_kernel(KNOWN, KNOWN))
    assert logits(process(0.5)) == pytest.approx(expected, abs=1e-5)


def test_the_process_takes_the_mean_similarity_of_several_fingerprints():
    known, query = drawn(2, 20), drawn(3, 30)
    learner = TanimotoGP(fingerprints="morgan+torsions", least_noise=0.5, most_noise=0.5, steps=1)
    given = Molecules({"morgan": bits(KNOWN), "torsions": bits(known)})
    asked = Molecules({"morgan": bits(QUERY), "torsions": bits(query)})
    found = learner.adapt(Labelled(given, torch.tensor(LABELS, dtype=torch.float32)))(asked)
    cross = (plain_kernel(QUERY, KNOWN) + plain_kernel(query, known)) / 2
    among = (plain_kernel(KNOWN, KNOWN) + plain_kernel(known, known)) / 2
    assert learner.featurizers == ("morgan", "torsions")
    assert found.double().numpy() == pytest.approx(plain_logits(cross, among), abs=1e-5)


def test_the_process_stays_finite_with_the_least_noise():
    sets, labels = [KNOWN[0]] * 10 + KNOWN[1:3], [1, 0] * 6
    learner = process(1e-6)
    assert np.isfinite(logits(learner, sets, labels, [KNOWN[0], *QUERY])).all()


def test_an_eigenvalue_below_zero_counts_as_zero():
    """Eigenvalues 1.1 + 1.1 and 1.1 - 1.1, here lowered by a rounding of 1e-3 to -1e-3."""
    values, _ = spectrum(torch.tensor([[1.1, 1.101], [1.101, 1.1]], dtype=torch.float64))
    assert values.tolist() == pytest.approx([0, 2.201])


def test_the_process_far_from_everything_says_the_mean_label():
    """Mean label -0.2; far away y has variance v (1 + r) around it."""
    _, _, _, scale = plain_process(LABELS, 0.5)
    p = stats.norm.cdf(-0.2 / np.sqrt(scale * 1.5))
    found = logits(process(0.5), query=[{UNSEEN}])
    assert found == pytest.approx([np.log(p / (1 - p))], abs=1e-5)


@pytest.mark.parametrize("labels", [LABELS, [1] * 20])
def test_the_process_in_a_library_presumes_that_what_is_far_from_everything_is_inactive(labels):
    _, _, _, scale = plain_process(labels, 0.5, mean=-1)
    p = stats.norm.cdf(-1 / np.sqrt(scale * 1.5))
    found = process(0.5).adapt_library(support(KNOWN, labels))(molecules([{UNSEEN}]))
    assert found.tolist() == pytest.approx([np.log(p / (1 - p))], abs=1e-5)


def test_the_process_ranks_by_kernel_ridge_regression_if_asked_to():
    _, _, weights, _ = plain_process(LABELS, 0.5, mean=-1)
    p = stats.norm.cdf(plain_kernel(QUERY, KNOWN) @ weights - 1)
    learner = TanimotoGP(least_noise=0.5, most_noise=0.5, steps=1, rank="mean")
    found = learner.adapt_library(support(KNOWN, LABELS))(molecules(QUERY))
    assert found.double().numpy() == pytest.approx(np.log(p / (1 - p)), abs=1e-5)


def test_the_process_refuses_an_unknown_rank():
    with pytest.raises(ConfigError, match="mean"):
        TanimotoGP(rank="men")


@pytest.mark.parametrize(
    "options",
    [
        {"least_noise": 1e-7},
        {"least_noise": 20.0},
        {"most_noise": 0.01},
        {"most_noise": float("inf")},
        {"most_noise": float("nan")},
        {"steps": 0},
    ],
)
def test_the_process_refuses_noise_that_cannot_be_searched(options):
    with pytest.raises(ConfigError, match="tanimoto_gp: noise cannot be searched; got"):
        TanimotoGP(**options)


@pytest.mark.parametrize("c", [0.01, 0.1, 1.0, 10.0])
def test_logistic_regression_equals_a_fit_on_all_bits(c):
    dense = bits(KNOWN).dense(torch.float64).numpy()
    fit = Reference(C=c, tol=1e-8, max_iter=5000).fit(dense, LABELS)
    expected = fit.decision_function(bits(QUERY).dense(torch.float64).numpy())
    assert logits(LogisticRegression(c=c)) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("c", [0, -1.0, float("nan")])
def test_logistic_regression_refuses_data_without_weight(c):
    with pytest.raises(ConfigError, match=f"c is out of range; got {c}"):
        LogisticRegression(c=c)


def test_a_forest_in_which_all_trees_agree_is_finite():
    sets = [{1, 2}] * 10 + [{3, 4}] * 10
    found = logits(RandomForest(n_estimators=10), sets, [1] * 10 + [0] * 10, [{1, 2}])
    assert found == pytest.approx([np.log(11)], abs=1e-5)


def test_a_forest_of_another_seed_is_another_forest():
    assert not np.array_equal(logits(RandomForest()), logits(RandomForest(seed=1)))


def test_a_forest_leaves_the_global_random_state_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    logits(RandomForest())
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize(
    "option",
    [
        {"n_estimators": 0},
        {"min_samples_leaf": 0},
        {"max_depth": 0},
        {"max_features": "most"},
        {"max_features": 0.0},
        {"max_features": 1.5},
    ],
)
def test_a_forest_refuses_what_is_out_of_range(option):
    (name,) = option
    with pytest.raises(ConfigError, match=f"random_forest: {name} is out of range; got"):
        RandomForest(**option)


def described(values, labels=None):
    """Molecules with vectors of two components, and perhaps labels."""
    block = Vectors(torch.tensor(values, dtype=torch.float32))
    described = Molecules({"mine": block})
    return described if labels is None else Labelled(described, torch.tensor(labels))


@pytest.mark.parametrize("learner", [LogisticRegression, RandomForest])
def test_vectors_are_learned_from_like_fingerprints(learner):
    one = learner(features="mine")
    assert one.featurizers == ("mine",)
    values = [[0.0, 5.0], [0.0, 6.0], [0.0, 7.0], [0.0, 1e4], [0.0, 2e4], [0.0, 3e4]]
    predict = one.adapt(described(values, [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]))
    low, high = predict(described([[0.0, 6.5], [0.0, 1.5e4]])).tolist()
    assert low > 0 > high


def test_logistic_regression_takes_vectors_as_scikit_learn_does_when_standardised():
    rng = np.random.default_rng(0)
    values, labels = rng.normal(size=(20, 3)), np.array([0.0, 1.0] * 10)
    found = LogisticRegression(features="mine", c=1.0).adapt(described(values, labels))
    logs = np.sign(values) * np.log1p(abs(values))
    standard = (logs - logs.mean(0)) / logs.std(0)
    expected = Reference(C=1.0, tol=1e-6).fit(standard, labels).decision_function(standard)
    np.testing.assert_allclose(found(described(values)).numpy(), expected, atol=1e-3)


def test_a_component_that_is_equal_in_the_support_does_not_count():
    one = LogisticRegression(features="mine")
    predict = one.adapt(described([[3.0, 1.0], [3.0, 2.0]], [0.0, 1.0]))
    first, second = predict(described([[3.0, 1.5], [1e6, 1.5]])).tolist()
    assert first == second


@pytest.mark.parametrize("learner", [LogisticRegression, RandomForest])
def test_features_that_are_missing_are_named(learner):
    with pytest.raises(ConfigError, match="features 'mine': cannot be used here; got molecules"):
        learner(features="mine").adapt(support(KNOWN, LABELS))


@pytest.mark.parametrize("learner", [LogisticRegression, RandomForest])
def test_another_fingerprint_can_be_named(learner):
    renamed = Labelled(Molecules({"other": bits(KNOWN)}), torch.tensor(LABELS).float())
    found = learner(features="other").adapt(renamed)(Molecules({"other": bits(QUERY)}))
    expected = learner().adapt(support(KNOWN, LABELS))(molecules(QUERY))
    torch.testing.assert_close(found, expected)
