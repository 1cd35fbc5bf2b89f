"""The page and its tables, made from small evaluations."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import altair as alt
import numpy as np
import pandas as pd
import pytest
from drop_in import dropped_in
from report_inputs import HOSTILE, SMALL, make, metrics_frame

from molmeta.errors import OutputError, TableError
from molmeta.report import charts, drawings, svg
from molmeta.report.answer import answer
from molmeta.report.assay_rows import assay_rows
from molmeta.report.calibration import calibration
from molmeta.report.evidence import Sources, read
from molmeta.report.findings import find
from molmeta.report.page import report
from molmeta.report.palette import styles
from molmeta.report.sections import sections
from molmeta.report.sections.left_out import losses
from molmeta.report.wording import listed, number, p_value, share, signed
from molmeta.version import __version__


@pytest.fixture(scope="module", autouse=True)
def _date():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "86400")
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    sources = make(folder, SMALL)
    report(sources, folder / "report.html")
    return sources, folder


@pytest.fixture(scope="module")
def page(made):
    return (made[1] / "report.html").read_text(encoding="utf-8")


def answered(sources):
    evidence = read(sources)
    return answer(find(evidence), evidence)


@pytest.fixture(scope="module")
def small(made):
    return answered(made[0])


@pytest.fixture(scope="module")
def lost(tmp_path_factory):
    return answered(make(tmp_path_factory.mktemp("lost"), replace(SMALL, gain=0.1)))


def parquet(tmp_path, frame):
    path = tmp_path / "metrics.parquet"
    frame.to_parquet(path)
    return Sources(metrics=[path])


def frame(plan=SMALL):
    return metrics_frame(plan, ["A", "B"], np.random.default_rng(0))


def test_title_names_the_best_model_and_its_gain(small):
    assert re.match(r"ProtoNet ranks compounds best: \+0\.\d{3} ΔAUPRC over sim", small.title)


def test_title_says_when_no_meta_learner_wins(lost):
    assert "no meta-learner beats" in lost.title


def test_a_caveat_says_when_no_meta_learner_wins_anywhere(lost):
    assert lost.caveats[0].startswith("No meta-learner beats all baselines at any support size")


def test_no_such_warning_where_a_meta_learner_wins(small):
    assert not any("No meta-learner" in text for text in small.caveats)


def test_clean_number_stands_beside_the_gain(small):
    assert "On the 3 assays not in this run's training data" in small.lead[2]


def test_an_evaluation_without_leaks_says_so(made, tmp_path):
    table = pd.read_csv(made[0].audit).assign(clean=True, panel="")
    table.to_csv(tmp_path / "audit.csv", index=False)
    found = answered(replace(made[0], audit=tmp_path / "audit.csv"))
    assert found.lead[2].startswith("None of the evaluated assays is in this run's")


def test_missing_audit_is_a_warning(made):
    found = answered(replace(made[0], audit=None))
    assert any("No leakage audit" in text for text in found.caveats)


def test_few_clusters_are_a_warning(small):
    assert any("only 4 independent clusters" in text for text in small.caveats)


def test_a_model_without_some_assays_is_a_warning_and_not_the_best(tmp_path):
    table = frame()
    lucky = table["model"].eq("mann") & table["assay"].eq("B")
    table.loc[table["model"].eq("mann"), "delta_auprc"] = 0.9
    found = answered(parquet(tmp_path, table[~lucky]))
    assert found.rows[0].best != "mann"
    assert any("MANN has 1 of 2 at 16" in text for text in found.caveats)


def test_page_of_metrics_alone_can_be_made(tmp_path):
    report(parquet(tmp_path, frame()), tmp_path / "report.html")
    assert "No leakage audit" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_page_of_baselines_alone_can_be_made(tmp_path):
    table = frame(replace(SMALL, models=("similarity", "tanimoto_gp")))
    report(parquet(tmp_path, table), tmp_path / "report.html")
    assert "no meta-learner was evaluated" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_baselines_with_options_are_baselines(tmp_path):
    table = frame(replace(SMALL, models=("pretrained", "similarity:mode=mean")))
    sources = parquet(tmp_path, table)
    findings = find(read(sources))
    assert findings.baselines == ("similarity:mode=mean",)
    assert findings.similarity == "similarity:mode=mean"
    assert set(findings.paired["baseline"]) == {"similarity:mode=mean"}
    assert "not evaluated on the same episodes" not in " ".join(answered(sources).lead)
    report(sources, tmp_path / "report.html")


def test_page_of_one_model_on_one_assay_can_be_made(tmp_path):
    table = frame(replace(SMALL, models=("protonet",), supports=(8,), repeats=1))
    report(parquet(tmp_path, table[table["assay"] == "A"]), tmp_path / "report.html")
    assert (tmp_path / "report.html").exists()


def test_one_model_is_compared_with_nothing(tmp_path):
    table = frame(replace(SMALL, models=("pretrained",))).assign(known=0.3)
    found = answered(parquet(tmp_path, table))
    assert found.title.startswith("Pretrained model has a mean ΔAUPRC of")
    assert not any("baseline" in text for text in (*found.lead, *found.caveats))


def test_a_baseline_alone_needs_no_audit_and_no_similarity_search(tmp_path):
    table = frame(replace(SMALL, models=("similarity",), repeats=4))
    found = answered(parquet(tmp_path, table))
    assert (found.lead, found.caveats) == ((), ())


def test_training_data_of_this_run_and_of_a_model_are_told_apart(made):
    evidence = read(made[0])
    known = np.where(evidence.metrics["model"].eq("protonet"), 0.3, 0.0)
    evidence = replace(evidence, metrics=evidence.metrics.assign(known=known))
    findings = find(evidence)
    rows = assay_rows(evidence, findings, styles(findings.models))
    assert [row.facts.clean for row in rows] == [True, False, True, True]
    assert {tuple(row.seen) for row in rows} == {(f"{share(0.3)} seen by ProtoNet",)}


def test_the_best_of_an_assay_is_marked_even_if_it_is_a_baseline(tmp_path):
    table = frame()
    table.loc[table["model"].eq("random_forest"), "delta_auprc"] = 0.9
    evidence = read(parquet(tmp_path, table))
    findings = find(evidence)
    rows = assay_rows(evidence, findings, styles(findings.models))
    assert all(row.best == [{"random_forest"}] * 2 for row in rows)


def test_sections_come_in_the_order_of_the_page():
    assert list(sections()) == [
        "answer", "models", "assays", "left_out", "training", "provenance", "glossary",
    ]  # fmt: skip


SEEDS = """
from molmeta.report.sections.base import Section

def build(inputs):
    return {"n": inputs.evidence.metrics["seed"].nunique()} if inputs.findings.learners else None

SECTION = Section("Seeds", 35, build)
"""


@pytest.mark.parametrize(
    ("models", "shown"), [(("mann", "similarity"), True), (("similarity",), False)]
)
def test_a_new_section_is_one_file_and_its_template(tmp_path, models, shown):
    (tmp_path / "seeds.html.j2").write_text("<h2>{{ n }} seeds</h2>")
    with dropped_in("molmeta.report.sections", tmp_path / "seeds.py", SEEDS):
        table = frame(replace(SMALL, models=models))
        report(parquet(tmp_path, table), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert ('<a href="#seeds">Seeds</a><a href="#left_out">' in page) == shown
    assert ("<h2>2 seeds</h2>" in page) == shown


def test_the_page_gives_its_date_and_version(page):
    assert f"2 January 1970 · molmeta {__version__}" in page


def test_configuration_and_checksums_are_folded(page):
    folded = "".join(re.findall(r"<details>.*?</details>", page, re.DOTALL))
    assert "supports: [16, 32, 64]" in folded
    assert "SHA-256" in folded
    assert "<details open" not in page


def test_hostile_names_never_become_markup(page):
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "<b>a comment" not in page


def test_hostile_assay_stands_as_text(page):
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;../x" in page


def test_hostile_model_stays_text_in_charts(tmp_path):
    table = frame().replace({"model": {"mann": HOSTILE}})
    report(parquet(tmp_path, table), tmp_path / "report.html")
    assert "<script>alert" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_page_refers_to_nothing_outside(page):
    found = re.findall(r"<\w[^<>]*\s(?:src|href)=[\"']?([^\"'\s>]+)", page)
    assert found
    assert all(target.startswith(("#", "data:,")) for target in found)
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_a_table_is_shown_under_the_name_of_its_file(tmp_path):
    sources = make(tmp_path, SMALL)
    path = sources.dropped[0].with_name("my%20%3Cassays%3E.dropped.csv")
    sources.dropped[0].rename(path)
    assert set(read(replace(sources, dropped=[path])).dropped["table"]) == {"my <assays>"}


def test_ids_are_unique(page):
    ids = re.findall(r"\sid=\"([^\"]+)\"", page)
    assert len(ids) == len(set(ids))


def test_every_reference_inside_a_chart_has_its_target(page):
    ids = set(re.findall(r"\sid=\"([^\"]+)\"", page))
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= ids


def test_same_inputs_give_the_same_page(made, page, tmp_path):
    report(made[0], tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_tables_lie_beside_the_page(made):
    summary = pd.read_csv(made[1] / "report" / "summary.csv")
    assert list(summary.columns[:4]) == ["scope", "model", "support", "metric"]
    paired = pd.read_csv(made[1] / "report" / "paired.csv")
    assert set(paired["baseline"]) == {
        "similarity",
        "tanimoto_gp",
        "logistic_regression",
        "random_forest",
    }
    assert len(pd.read_csv(made[1] / "report" / "assays.csv")) == 7 * (4 * 2 - 1)


def test_numbers_of_the_page_are_those_of_the_tables(made, page):
    summary = pd.read_csv(made[1] / "report" / "summary.csv")
    rows = summary[summary["metric"].eq("delta_auprc") & summary["scope"].eq("all")]
    assert all(f">{number(value)}</span>" in page for value in rows["mean"])


def test_dropped_rows_are_counted_by_reason(made):
    found = losses(read(made[0])).reasons
    assert {row["reason"]: row["n"] for row in found} == {
        "SMILES cannot be parsed": 2,
        "qualifier cannot be decided": 1,
    }


def test_unusable_assays_are_named_with_their_status(made):
    found = losses(read(made[0]))
    assert [(row["assay"], row["status"]) for row in found.unusable] == [
        ("TINY", "5 compounds, 32 needed")
    ]


def test_undrawn_episodes_are_named_with_their_reason(made):
    found = losses(read(made[0])).undrawn
    assert [(row["support"], row["n_assays"]) for row in found] == [(32, 1)]


def test_an_assay_called_na_keeps_its_name(tmp_path):
    sources = make(tmp_path, replace(SMALL, hostile="NA"))
    assert "NA" in set(read(sources).audit["assay"])


def options(path):
    return re.findall(r'<option value="(\w+)">', path.read_text(encoding="utf-8"))


def test_metrics_of_values_stand_in_the_report_of_a_model_that_predicts_values(tmp_path):
    table = frame()
    table.loc[table["model"].eq("protonet"), ["r2", "rmse", "spearman"]] = 0.25
    report(parquet(tmp_path, table), tmp_path / "report.html")
    assert {"delta_auprc", "r2", "rmse", "spearman"} <= set(options(tmp_path / "report.html"))


def test_metrics_of_values_are_left_out_where_only_classes_are_predicted(tmp_path):
    report(parquet(tmp_path, frame()), tmp_path / "report.html")
    assert "delta_auprc" in options(tmp_path / "report.html")
    assert "r2" not in options(tmp_path / "report.html")


def test_a_table_from_before_values_were_predicted_can_be_read(tmp_path):
    found = read(parquet(tmp_path, frame().drop(columns=["r2", "rmse", "spearman"])))
    assert found.metrics[["r2", "rmse", "spearman"]].isna().all(axis=None)


def test_missing_column_is_named(tmp_path):
    with pytest.raises(TableError, match="cluster"):
        read(parquet(tmp_path, frame().drop(columns="cluster")))


def test_damaged_table_is_refused(tmp_path):
    path = tmp_path / "metrics.parquet"
    path.write_bytes(b"PAR1 nonsense")
    with pytest.raises(TableError, match="cannot be read"):
        read(Sources(metrics=[path]))


def test_absent_table_is_refused(tmp_path):
    with pytest.raises(TableError, match="cannot be read"):
        read(Sources(metrics=[tmp_path / "none.parquet"]))


def test_no_metrics_are_refused():
    with pytest.raises(TableError, match="nothing to report"):
        read(Sources(metrics=[]))


def test_metrics_without_a_drawn_episode_are_refused(tmp_path):
    with pytest.raises(TableError, match="no episode was evaluated"):
        find(read(parquet(tmp_path, frame().assign(reason="too small"))))


def test_unwritable_place_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        report(parquet(tmp_path, frame()), tmp_path / "file" / "report.html")


def test_molecule_is_drawn_small():
    drawing = drawings.molecule("CC(=O)Oc1ccccc1C(=O)O")
    assert drawing is not None
    assert len(drawing) < 2500
    assert 'class="bonds"' in drawing


@pytest.mark.parametrize("smiles", ["C1CC", "", "C" * 200])
def test_molecule_that_cannot_be_drawn_is_none(smiles):
    assert drawings.molecule(smiles) is None


def test_chart_escapes_what_it_is_told():
    rows = [{"model": HOSTILE, "support": s, "mean": 0.1, "low": 0.0, "high": 0.2} for s in (8, 16)]
    drawn = charts.curves(rows, styles([HOSTILE]), axis="<b>", title=HOSTILE, key="k")
    assert "<script" not in drawn
    assert "<b>" not in drawn


def test_clip_paths_of_two_charts_do_not_clash():
    line = alt.Chart(alt.NamedData(name="rows")).mark_line(clip=True).encode(x="x:Q", y="y:Q")
    rows = [{"x": 0, "y": 0}, {"x": 1, "y": 1}]
    both = "".join(svg.drawn(svg.compiled(line.to_dict()), rows, title="", key=key) for key in "ab")
    ids = re.findall(r"\sid=\"([^\"]+)\"", both)
    assert len(ids) == len(set(ids)) > 0
    assert set(re.findall(r"url\(#([^)]+)\)", both)) == set(ids)


def test_every_model_has_its_own_look():
    models = [f"m{n}" for n in range(25)] + ["similarity", "random_forest"]
    looks = styles(models).values()
    assert len({(look.color, look.dash) for look in looks}) == len(models)


def test_every_colour_stands_out_from_white():
    for look in styles([f"m{n}" for n in range(10)] + ["similarity", "random_forest"]).values():
        channels = [int(look.color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
        assert 1.05 / (luminance + 0.05) >= 3


def test_numbers_read_well():
    assert (number(-0.1234), signed(0.05), number(math.nan)) == (
        "\N{MINUS SIGN}0.123",
        "+0.050",
        "\N{EN DASH}",
    )
    assert (number(-0.0001), signed(-0.0001)) == ("0.000", "0.000")
    assert (p_value(0.0001), p_value(0.5), p_value(math.nan)) == ("p < 0.001", "p = 0.50", "")
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"


def episode(n=400, *, true=lambda p: p):
    """Predictions of one episode whose actives are drawn at `true` of their probability."""
    rng = np.random.default_rng(0)
    p = rng.random(n)
    return pd.DataFrame(
        {"assay": "A", "model": "protonet", "role": "query", "rank": range(n), "smiles": "C"}
        | {"active": rng.random(n) < true(p), "probability": p}
    )


def points(made, examples):
    return calibration(replace(read(made[0]), examples=examples))


def test_calibration_of_true_probabilities_is_the_diagonal(made):
    found = points(made, episode())
    assert (found["model"], found["n"], found["n_assays"]) == ("protonet", 400, 1)
    assert all(row["low"] <= row["predicted"] <= row["high"] for row in found["rows"])


def test_calibration_shows_confidence_that_is_too_high(made):
    rows = points(made, episode(true=lambda p: 0.3 + 0.4 * p))["rows"]
    assert rows[0]["low"] > rows[0]["predicted"]
    assert rows[-1]["high"] < rows[-1]["predicted"]


def test_calibration_of_a_few_predictions_is_left_out(made):
    assert points(made, episode(50)) is None


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """The page of one model that records its training data, without an audit."""
    folder = tmp_path_factory.mktemp("single")
    one = frame().query("model == 'protonet'")
    one.to_parquet(folder / "metrics.parquet")
    episode().to_parquet(folder / "examples.parquet")
    sources = Sources(metrics=[folder / "metrics.parquet"], examples=folder / "examples.parquet")
    report(sources, folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "words",
    ["is bold", "dashed grey lines are baselines", "unknown share", "No row was dropped"],
)  # fmt: skip
def test_the_page_of_one_model_says_nothing_of_what_it_lacks(single, words):
    assert words not in single


def test_the_page_of_one_model_has_its_calibration_and_enrichment(single):
    assert "Calibration of ProtoNet" in single
    assert "400 predictions of one episode of 1 assay" in single
    assert single.count("<h4>Enrichment ") == 2
    assert re.search(r"<li>ProtoNet: AUROC [\d.]+, EF 1 % [\d.]+, EF 5 % [\d.]+</li>", single)


def test_the_version_on_the_page_is_one(single):
    assert set(re.findall(r"molmeta</th><td>([\d.]+)|molmeta ([\d.]+\d)", single)) <= {
        (__version__, ""),
        ("", __version__),
    }
