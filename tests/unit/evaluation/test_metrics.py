"""A metric is one decorated function: the table, its statistics and the report follow from it."""

import numpy as np
import pytest
from drop_in import dropped_in
from report_inputs import SMALL, make
from toy_store import PLAN, assays, store

from molmeta.errors import ConfigError
from molmeta.evaluation import evaluate, metrics
from molmeta.evaluation.metrics.base import REGISTERED, metric
from molmeta.evaluation.statistics import summarise
from molmeta.learners.similarity import Similarity
from molmeta.report.page import report

PRECISION_AT_10 = """
import numpy as np
from molmeta.evaluation.metrics.base import metric

@metric("ranking", "Precision at 10", "Share of actives among the best ten.", digits=1)
def precision10(labels, scores):
    return labels[np.argsort(-scores)[:10]].mean()
"""


@pytest.fixture
def precision10(tmp_path):
    with dropped_in("molmeta.evaluation.metrics", tmp_path / "early.py", PRECISION_AT_10):
        yield
    REGISTERED.pop("precision10", None)


def evaluated():
    return evaluate.evaluate(Similarity(), assays(), store(), plan=PLAN, model="m", seed=0)


def test_names_are_ordered_by_kind():
    assert metrics.names() == (
        *("delta_auprc", "auprc", "auroc", "bedroc20", "ef1", "ef5"),
        *("brier", "log_loss", "calibration_error", "r2", "rmse", "spearman"),
    )


def test_names_can_be_those_of_one_kind():
    assert metrics.names("value") == ("r2", "rmse", "spearman")


def test_lower_is_better_for_errors_only():
    lower = {name for name in metrics.names() if not metrics.get(name).higher_is_better}
    assert lower == {"brier", "log_loss", "calibration_error", "rmse"}


def test_a_name_cannot_be_registered_twice():
    def auroc(labels, scores):
        return labels @ scores

    with pytest.raises(ConfigError, match="auroc"):
        metric("ranking", "AUROC", "")(auroc)


@pytest.mark.usefixtures("precision10")
def test_a_new_metric_is_a_column_of_the_evaluation():
    assert "precision10" in evaluate.columns()
    assert evaluated()["precision10"].between(0, 1).all()


@pytest.mark.usefixtures("precision10")
def test_a_new_metric_is_summarised():
    table = summarise(evaluated())
    assert np.isfinite(table.loc[table["metric"].eq("precision10"), "mean"]).all()


@pytest.mark.usefixtures("precision10")
def test_a_new_metric_is_in_the_report_with_its_meaning(tmp_path):
    report(make(tmp_path, SMALL), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<option value="precision10">Precision at 10</option>' in page
    assert "<dt>Precision at 10</dt><dd>Share of actives among the best ten.</dd>" in page
