"""What the report says of query compounds in the training data of a model."""

from types import SimpleNamespace

import pandas as pd

from molmeta.evaluation.statistics import ALL, NEW
from molmeta.report.training_overlap import badges, overlap_sentences, seen_shares
from molmeta.report.wording import scope_labels, share


def metrics(**known):
    rows = [
        {"model": model, "assay": assay, "known": value}
        for model, shares in known.items()
        for assay, value in zip("abc", shares, strict=True)
    ]
    return pd.DataFrame(rows)


def findings(*scopes, recorded=("pretrained",)):
    return SimpleNamespace(recorded=recorded, scopes=(ALL, *scopes))


def test_the_assays_that_a_model_saw_are_named():
    text = overlap_sentences(
        findings(NEW), metrics(pretrained=[0.5, 0.05, 0.2], similarity=[0] * 3)
    )
    assert f"The pretrained model saw {share(0.25)} of the query compounds" in text
    assert "2 of 3 assays: a and c." in text
    assert scope_labels(("pretrained",))[NEW] in text
    assert "similarity" not in text


def test_where_all_were_seen_no_assay_is_left():
    text = overlap_sentences(findings(), metrics(pretrained=[0.5, 0.9, 0.2]))
    assert "No assay is left" in text


def test_models_without_a_record_are_not_mentioned():
    assert overlap_sentences(findings(recorded=()), metrics(pretrained=[0, 0, 0])) == ""


def test_badges_name_models_that_saw_more_than_a_tenth():
    seen = seen_shares(metrics(pretrained=[0.5, 0.05, 0.2], similarity=[0] * 3))
    assert [len(badges(seen, assay)) for assay in "abc"] == [1, 0, 1]
