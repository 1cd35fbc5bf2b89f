"""What the page says of compounds that a model has met before."""

from types import SimpleNamespace

import pandas as pd

from molmeta.evaluation.statistics import ALL, NEW
from molmeta.report.known_compounds import acquainted
from molmeta.report.wording import share


def metrics(**known):
    rows = [
        {"model": model, "assay": assay, "known": value}
        for model, shares in known.items()
        for assay, value in zip("abc", shares, strict=True)
    ]
    return pd.DataFrame(rows)


def findings(*scopes):
    return SimpleNamespace(models=("pretrained", "similarity"), scopes=(ALL, *scopes))


def test_the_assays_that_a_model_knew_are_named():
    said = acquainted(findings(NEW), metrics(pretrained=[0.5, 0.05, 0.2], similarity=[0, 0, 0]))
    assert f"Pretrained model had met {share(0.25)} of the query compounds" in said
    assert "in 2 of 3 assays: a and c." in said
    assert "tables of new compounds are without these" in said
    assert "Similarity" not in said


def test_where_all_were_known_nothing_is_said_to_be_left():
    said = acquainted(findings(), metrics(pretrained=[0.5, 0.9, 0.2], similarity=[0, 0, 0]))
    assert "No assay is left without them" in said


def test_models_without_a_record_are_not_spoken_of():
    assert acquainted(findings(), metrics(pretrained=[0, 0, 0], similarity=[0, 0, 0])) == ""
