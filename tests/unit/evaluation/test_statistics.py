"""Intervals and comparisons against plain loops and hand calculations."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from molmeta.evaluation.metrics import names
from molmeta.evaluation.statistics import (
    ALL,
    CLEAN,
    NEW,
    OUTSIDE_PANELS,
    RESAMPLES,
    assay_scores,
    audit_by_assay,
    compare,
    holm,
    interval,
    scopes,
    signed_rank,
    summarise,
)


def rows(model: str, scores: dict[str, list[float]], *, seed: int = 0, support: int = 16):
    """One row a repeat; clusters are the assays."""
    return pd.DataFrame(
        {
            "model": model,
            "seed": seed,
            "assay": assay,
            "target": "",
            "cluster": assay,
            "support": support,
            "repeat": repeat,
            "episode": f"{assay}{repeat}",
            "reason": "",
            **dict.fromkeys(names(), value),
        }
        for assay, values in scores.items()
        for repeat, value in enumerate(values)
    )


def audit(**columns: list) -> pd.DataFrame:
    n = len(columns["assay"])
    plain = {
        "split": ["test"] * n,
        "cluster": columns["assay"],
        "panel": [""] * n,
        "clean": [True] * n,
    }
    return pd.DataFrame(plain | columns)


def test_interval_equals_a_plain_loop_over_resampled_clusters():
    values, clusters = [0.1, 0.4, 0.2, 0.9], ["a", "a", "b", "c"]
    members = {"a": [0.1, 0.4], "b": [0.2], "c": [0.9]}
    drawn = np.random.default_rng(3).multinomial(3, [1 / 3] * 3, size=RESAMPLES)
    means = []
    for counts in drawn:
        taken = [v for name, n in zip("abc", counts, strict=True) for v in members[name] * n]
        means.append(sum(taken) / len(taken))
    found = interval(values, clusters, seed=3)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))


def test_interval_counts_assays_and_clusters():
    found = interval([0.1, 0.4, 0.2], ["a", "a", "b"])
    assert (found.n_assays, found.n_clusters) == (3, 2)


def test_interval_of_one_cluster_is_not_known():
    found = interval([0.1, 0.4], ["a", "a"])
    assert found.mean == pytest.approx(0.25)
    assert math.isnan(found.low)


def test_interval_of_nothing_has_no_mean():
    assert math.isnan(interval([math.nan], ["a"]).mean)


def test_interval_leaves_missing_scores_out():
    assert interval([0.1, math.nan, 0.3], ["a", "b", "c"]).mean == pytest.approx(0.2)


def test_interval_is_wider_when_assays_hang_together():
    values = [0.0] * 10 + [1.0] * 10
    alone = interval(values, [str(n) for n in range(20)])
    together = interval(values, [str(n // 5) for n in range(20)])
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    clusters = [str(n) for n in range(40)]
    found = [interval(rng.normal(0.2, 0.1, 40), clusters) for _ in range(150)]
    held = np.mean([one.low <= 0.2 <= one.high for one in found])
    assert 0.88 <= held <= 0.99


def test_interval_is_the_same_for_the_same_seed():
    values, clusters = [0.1, 0.4, 0.2], ["a", "b", "c"]
    assert interval(values, clusters, seed=5) == interval(values, clusters, seed=5)


def test_signed_rank_counts_a_cluster_once():
    values = [0.2, 0.4, -0.1, 0.5, 0.6]
    expected = stats.wilcoxon([0.3, -0.1, 0.5, 0.6]).pvalue
    assert signed_rank(values, ["a", "a", "b", "c", "d"]) == pytest.approx(expected)


def test_signed_rank_of_no_difference_is_one():
    assert signed_rank([0.0, 0.0, 0.0], ["a", "b", "c"]) == 1.0


def test_signed_rank_of_one_cluster_is_not_known():
    assert math.isnan(signed_rank([0.1, 0.2], ["a", "a"]))


def test_holm_equals_the_textbook_steps():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_leaves_missing_values_missing_and_uncounted():
    found = holm([0.01, math.nan, 0.04])
    assert found[0] == pytest.approx(0.02)
    assert math.isnan(found[1])


def test_assay_scores_are_means_over_seeds_and_repeats():
    table = pd.concat([rows("m", {"a": [0.1, 0.3]}), rows("m", {"a": [0.2, 0.6]}, seed=1)])
    assert assay_scores(table)["delta_auprc"].tolist() == pytest.approx([0.3])


def test_undrawn_episodes_are_left_out_of_the_mean():
    table = rows("m", {"a": [0.1, 0.3], "b": [9.0, 9.0]})
    table.loc[table["assay"] == "b", "reason"] = "too small"
    found = summarise(table, names=["delta_auprc"])
    assert found["mean"].tolist() == pytest.approx([0.2])


def test_summary_gives_the_spread_between_seeds():
    table = pd.concat(
        [rows("m", {"a": [0.1], "b": [0.3]}), rows("m", {"a": [0.4], "b": [0.4]}, seed=1)]
    )
    found = summarise(table, names=["delta_auprc"]).iloc[0]
    assert found["n_seeds"] == 2
    assert found["seed_sd"] == pytest.approx(np.std([0.2, 0.4], ddof=1))


def test_summary_weighs_every_assay_alike():
    table = rows("m", {"a": [0.1] * 9, "b": [0.5]})
    assert summarise(table, names=["delta_auprc"])["mean"].tolist() == pytest.approx([0.3])


def test_comparison_uses_shared_episodes_only():
    ours = rows("m", {"a": [0.5, 0.9], "b": [0.4]})
    table = pd.concat([ours, rows("similarity", {"a": [0.2], "b": [0.3]})])
    found = compare(table).set_index(["model", "baseline"]).loc[("m", "similarity")]
    assert found["difference"] == pytest.approx((0.3 + 0.1) / 2)
    assert found["n_episodes"] == 2


def test_comparison_with_other_episodes_is_empty():
    other = rows("similarity", {"a": [0.2]}).assign(episode="another draw")
    assert compare(pd.concat([rows("m", {"a": [0.5]}), other])).empty


def test_comparison_states_the_share_of_assays_won():
    table = pd.concat(
        [
            rows("m", {"a": [0.5], "b": [0.1], "c": [0.6], "d": [0.7]}),
            rows("similarity", {"a": [0.2], "b": [0.3], "c": [0.2], "d": [0.2]}),
        ]
    )
    assert compare(table)["share_better"].tolist() == [0.75]


def test_p_is_adjusted_for_meta_learners_and_not_for_baselines():
    scores = {name: [0.1 * n] for n, name in enumerate("abcdefg", start=1)}
    lower = {name: [values[0] - 0.02 * n] for n, (name, values) in enumerate(scores.items(), 1)}
    table = pd.concat(
        [
            rows("m", scores),
            rows("k", scores),
            rows("similarity", lower),
            rows("random_forest", lower),
        ]
    )
    found = compare(table)
    ours = found["model"].isin(["m", "k"])
    assert found.loc[ours, "p_holm"].tolist() == pytest.approx((found.loc[ours, "p"] * 4).tolist())
    assert found.loc[~ours, "p_holm"].isna().all()


def test_without_an_audit_there_is_one_scope():
    assert list(scopes(rows("m", {"a": [0.1]}), None)) == [ALL]


def test_clean_scope_holds_clean_assays_only():
    table = rows("m", {"a": [0.1], "b": [0.2]})
    found = scopes(table, audit(assay=["a", "b"], clean=[True, False]))
    assert found[CLEAN]["assay"].tolist() == ["a"]


def test_an_assay_that_the_audit_lacks_is_not_clean():
    table = rows("m", {"a": [0.1], "b": [0.2]})
    assert scopes(table, audit(assay=["a"]))[CLEAN]["assay"].tolist() == ["a"]


@pytest.mark.parametrize("seen", [None, audit(assay=["a", "b"])])
def test_assays_that_a_model_knows_are_left_out_of_the_scope_of_new_compounds(seen):
    pretrained = rows("pretrained", {"a": [0.1], "b": [0.2]}).assign(known=[0.05, 0.5])
    table = pd.concat([pretrained, rows("m", {"a": [0.1], "b": [0.2]}).assign(known=0.0)])
    found = scopes(table, seen)[NEW]
    assert found["assay"].tolist() == ["a", "a"]


def test_where_no_model_knows_a_compound_there_is_no_scope_of_new_ones():
    table = rows("m", {"a": [0.1], "b": [0.2]}).assign(known=0.0)
    assert NEW not in scopes(table, audit(assay=["a", "b"]))


def test_scope_outside_panels_exists_only_with_panels():
    table = rows("m", {"a": [0.1], "b": [0.2]})
    assert OUTSIDE_PANELS not in scopes(table, audit(assay=["a", "b"]))
    found = scopes(table, audit(assay=["a", "b"], panel=["p", ""]))
    assert found[OUTSIDE_PANELS]["assay"].tolist() == ["b"]


def test_clusters_of_the_audit_replace_those_of_the_metrics():
    table = rows("m", {"a": [0.1], "b": [0.2]})
    found = scopes(table, audit(assay=["a", "b"], cluster=["p", "p"]))
    assert found[ALL]["cluster"].tolist() == ["p", "p"]


def test_audit_of_the_held_out_fold_wins_over_training():
    table = audit(assay=["a", "a"], split=["train", "test"], panel=["x", "y"])
    assert audit_by_assay(table)["panel"].tolist() == ["y"]
