"""Pairs with published scores, by hand."""

import pandas as pd
import pytest

from molmeta.errors import TableError
from molmeta.evaluation.metrics import names
from molmeta.evaluation.published import COLUMNS, compare_published, read_groups, read_published

ROWS = [("a", "p", 0, 0.3), ("a", "p", 1, 0.5), ("b", "q", 0, 0.2), ("c", "c", 0, 0.9)]


def metrics():
    rows = [
        {
            **dict.fromkeys(names(), score), "model": "m", "seed": 0, "assay": assay,
            "target": "", "cluster": cluster, "support": 16, "repeat": repeat,
            "episode": f"{assay}{repeat}", "reason": "", "known": 0.0,
        }
        for assay, cluster, repeat, score in ROWS
    ]  # fmt: skip
    return pd.DataFrame(rows)


def published(tmp_path, text="X,a,16,0.1\nX,b,16,0.1\nX,d,16,0.7\nX,a,32,0.1\nX,b,16,\n"):
    path = tmp_path / "published.csv"
    path.write_text("method,task,support,delta_auprc\n" + text)
    return read_published(path)


def test_only_assays_that_both_have_are_compared(tmp_path):
    (row,) = compare_published(metrics(), published(tmp_path), None).to_dict("records")
    assert (row["n_assays"], row["n_clusters"], row["support"]) == (2, 2, 16)
    assert row["mean"] == pytest.approx((0.4 + 0.2) / 2)
    assert row["published"] == pytest.approx(0.1)
    assert row["difference"] == pytest.approx(0.2)
    assert row["low"] == pytest.approx(0.1)
    assert row["high"] == pytest.approx(0.3)


def test_columns_are_those_of_the_format(tmp_path):
    assert tuple(compare_published(metrics(), published(tmp_path), None).columns) == COLUMNS


def test_nothing_in_common_is_an_empty_table(tmp_path):
    assert compare_published(metrics(), published(tmp_path, "X,z,16,0.1\n"), None).empty


def test_repeated_rows_are_averaged(tmp_path):
    table = published(tmp_path, "X,a,16,0.1\nX,a,16,0.3\n")
    assert table["published"].tolist() == [pytest.approx(0.2)]


def test_a_table_without_scores_is_refused(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text("method,task,support\nX,a,16\n")
    with pytest.raises(TableError, match="delta_auprc"):
        read_published(path)


def test_groups_of_assays_are_scopes_of_their_own(tmp_path):
    path = tmp_path / "about.csv"
    path.write_text("task,panel\na,True\nb,False\nc,\n")
    found = compare_published(
        metrics(), published(tmp_path), None, groups=read_groups(path, "panel")
    )
    assert dict(zip(found["scope"], found["mean"], strict=True)) == {
        "all": pytest.approx(0.3), "panel: True": pytest.approx(0.4), "panel: False": 0.2,
    }  # fmt: skip


def test_a_table_without_the_group_is_refused(tmp_path):
    path = tmp_path / "about.csv"
    path.write_text("task\na\n")
    with pytest.raises(TableError, match="panel"):
        read_groups(path, "panel")
