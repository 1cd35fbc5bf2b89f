"""The page in a real browser: what a reader can do with it, and what it must never do."""

from __future__ import annotations

import shutil

import pytest
from report_inputs import HOSTILE, Plan, make

from molmeta.report.page import report

CHROMIUM = shutil.which("chromium")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    report(
        make(folder, Plan(n_assays=4, supports=(16, 32), repeats=2, gain=2.0)),
        folder / "report.html",
    )
    return (folder / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def opened(browser, address):
    """The page, and everything it asked for or complained about."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    heard = {"requests": [], "errors": [], "dialogs": []}
    page.on("request", lambda request: heard["requests"].append(request.url))
    page.on("console", lambda message: heard["errors"].append(message.text))
    page.on("pageerror", lambda error: heard["errors"].append(str(error)))
    page.on("dialog", lambda dialog: (heard["dialogs"].append(dialog.message), dialog.dismiss()))
    page.set_default_timeout(60_000)
    page.goto(address, timeout=120_000)
    yield page, heard
    page.close()


@pytest.fixture
def page(opened):
    page = opened[0]
    page.reload(timeout=120_000)
    return page


def names(page):
    return page.eval_on_selector_all(
        "tbody.assay:not([hidden]) .open", "found => found.map(one => one.textContent)"
    )


def test_page_asks_for_nothing_and_complains_of_nothing(opened, address):
    page, heard = opened
    page.click(".open >> nth=0")
    page.wait_for_timeout(300)
    assert set(heard["requests"]) == {address}
    assert heard["errors"] == []


def test_hostile_assay_name_is_shown_as_text(opened):
    page, heard = opened
    assert HOSTILE in names(page)
    assert heard["dialogs"] == []


def test_injected_scripts_would_not_run(page):
    ran = page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            return window.ran === true;
        }"""
    )
    assert not ran


def test_answer_and_charts_are_visible(page):
    assert page.inner_text("h1").startswith("ProtoNet ranks compounds best")
    for place, count in enumerate((7, 6)):
        marks = page.locator(".hero svg.chart").nth(place).locator(".mark-line path")
        assert marks.count() == count
        assert marks.first.is_visible()


def test_assays_are_sorted_by_a_pressed_column(page):
    header = page.locator("#assay-table thead th", has_text="ProtoNet")
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    column = "rows => rows.map(row => Number(row.querySelector('td.score').dataset.value))"
    values = page.eval_on_selector_all("tr.row", column)
    assert values == sorted(values, reverse=True)


def test_pressing_again_turns_the_order_round(page):
    button = page.locator("#assay-table thead button").first
    before = names(page)
    button.click()
    assert page.locator("#assay-table thead th").first.get_attribute("aria-sort") == "descending"
    assert names(page) == before[::-1]


def test_sorting_works_from_the_keyboard(page):
    page.locator("#assay-table thead button", has_text="Compounds").focus()
    page.keyboard.press("Enter")
    header = page.locator("#assay-table thead th", has_text="Compounds")
    assert header.get_attribute("aria-sort") == "descending"


def test_search_leaves_matching_assays(page):
    page.fill("#search", "chembl1002")
    assert names(page) == ["CHEMBL1002"]
    assert page.inner_text("#count") == "1 of 4 assays"


def test_assays_in_the_training_data_can_be_left_out(page):
    page.check("[data-filter=clean]")
    assert "CHEMBL1001" not in names(page)
    assert len(names(page)) == 3


def test_another_support_size_shows_other_scores(page):
    first = page.locator("tr.row td.score").first
    before = first.inner_text()
    page.select_option("#support", label="32")
    assert first.inner_text() != before


def test_an_assay_opens_its_charts_and_molecules(page):
    row = page.locator("tbody.assay").nth(1)
    detail = row.locator(".detail")
    assert not detail.is_visible()
    row.locator(".open").click()
    assert row.locator(".open").get_attribute("aria-expanded") == "true"
    assert detail.locator("svg.chart").nth(0).locator(".mark-line path").first.is_visible()
    assert detail.locator("svg.chart").nth(1).is_visible()
    assert detail.locator("svg.mol .bonds").first.is_visible()


def test_leaked_assay_says_what_leaked(page):
    row = page.locator("tbody.assay", has_text="CHEMBL1001")
    row.locator(".open").click()
    assert row.locator("tr.row .badge.leak").is_visible()
    assert "43\u00a0% are in this run's training assays" in row.locator(".detail").inner_text()


def test_another_metric_shows_its_table(page):
    page.select_option("[data-controls=summary][data-field=choice]", "auroc")
    shown = page.locator(".view.on[data-kind=summary] caption")
    assert shown.inner_text() == "AUROC: All assays"


def test_clean_scope_shows_its_table(page):
    page.check("input[name=summary-scope][value=clean]")
    shown = page.locator(".view.on[data-kind=summary] caption")
    assert shown.inner_text() == "ΔAUPRC: Not in this run's training data"


def test_a_pressed_model_comes_to_the_front(page):
    page.locator(".keys button", has_text="MAML").click()
    page.mouse.move(0, 0)
    opacity = "found => getComputedStyle(found).opacity"
    lines = page.locator(".hero svg.chart").first.locator(".mark-line path")
    assert sorted({lines.nth(n).evaluate(opacity) for n in range(7)}) == ["0.1", "1"]


def test_all_models_and_baselines_of_the_table_are_visible(page):
    right = page.locator("#assay-scroll").bounding_box()
    last = page.locator("#assay-table thead th").last.bounding_box()
    assert last["x"] + last["width"] <= right["x"] + right["width"]
    assert not page.locator("#more-models").is_visible()


def test_models_beyond_the_edge_of_the_table_are_announced(browser, address):
    page = browser.new_page(viewport={"width": 700, "height": 900})
    page.goto(address, timeout=120_000)
    assert page.locator("#more-models").is_visible()
    page.locator("#assay-scroll").evaluate("table => table.scrollTo(9999, 0)")
    page.wait_for_timeout(300)
    assert not page.locator("#more-models").is_visible()
    page.close()


def test_the_best_score_of_each_assay_is_bold(page):
    rows = "rows => rows.map(row => row.querySelectorAll('td.score.best').length)"
    assert set(page.eval_on_selector_all("tr.row", rows)) == {1}


@pytest.mark.parametrize("width", [360, 768])
def test_narrow_window_needs_no_sideways_scrolling(browser, address, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(address, timeout=120_000)
    page.locator(".open").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".detail").first.bounding_box()["width"] <= width
    page.close()


def test_print_shows_whole_tables_without_controls(browser, address):
    page = browser.new_page(viewport={"width": 720, "height": 1000})
    page.goto(address, timeout=120_000)
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert not page.locator("#search").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    page.close()


def test_without_scripts_everything_stands_open(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address, timeout=120_000)
    assert page.locator(".detail").nth(2).is_visible()
    assert page.locator("tr.row td.score").first.inner_text() != ""
    context.close()
