"""The page of hits in a real browser: what a reader can do with it, and what it must never do."""

from __future__ import annotations

import csv
import io
import shutil

import pytest

from molmeta.models.named import baseline
from molmeta.report.hits import page as hitspage
from molmeta.report.hits.page import ScreenFacts, hits_page
from molmeta.screening.annotations import annotator
from molmeta.screening.hits import ScoredCompound, Support, candidates_table
from molmeta.screening.supports import ScreenInputs, SupportReading

CHROMIUM = shutil.which("chromium")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
HOSTILE = "<img src=x onerror=alert(1)></li><script>alert(2)</script>\"'"
SUPPORT = Support(["CCOc1ccccc1", "CCNc1ccccc1", "CC(=O)O", "CCCCN"], [1, 1, 0, 0])
SCAFFOLD = "c1ccc2ccccc2c1"
LIBRARY = {
    "CCOc1ccc2ccccc2c1": "ether", "CCCCCN": "=HYPERLINK(1)", "c1ccncc1": HOSTILE,
    "Oc1cc2ccccc2cc1O": "catechol, the one", "CC(=O)OC": "ester", "CCNc1ccc2ccccc2c1": "amine",
}  # fmt: skip
WARNING = "the model ranks only 51 % of these pairs correctly"


UNSUITED = "it <i>orders</i> analogues of the measured compounds"


def inputs(library, **warnings):
    reading = SupportReading(SUPPORT, (7.5, 6.5, 5.0, float("nan")), "assay.csv", scale="pX")
    return ScreenInputs(reading, "similarity", library, "2026-01-31", **warnings)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    predictor = baseline("similarity").adapt(*SUPPORT)
    scores = predictor.predict(list(LIBRARY))
    hits = sorted(
        (
            ScoredCompound(float(p), -n, LIBRARY[s], s)
            for n, (s, p) in enumerate(zip(LIBRARY, scores, strict=True))
        ),
        reverse=True,
    )
    table = annotator(predictor.model)(candidates_table(hits, SUPPORT))
    facts = ScreenFacts(
        inputs("<b>library</b>.smi", warning=WARNING, unsuited=UNSUITED), 7, None, "ranked.csv"
    )
    path = tmp_path_factory.mktemp("hits") / "hits.html"
    hits_page(table, predictor, path, facts=facts)
    return path.as_uri()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def opened(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 900}, accept_downloads=True)
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
def grouped(opened):
    opened[0].reload(timeout=120_000)
    return opened[0]


@pytest.fixture
def page(grouped):
    grouped.uncheck("#group")
    return grouped


def names(page):
    return page.eval_on_selector_all(
        ".card:not([hidden]) .name", "found => found.map(one => one.textContent)"
    )


def numbers(page, field):
    read = "(found, field) => found.map(one => Number(one.dataset[field]))"
    return page.eval_on_selector_all(".card:not([hidden])", read, field)


def saved(page, button):
    with page.expect_download() as download:
        page.click(button)
    return download.value.path().read_text(encoding="utf-8")


def test_page_asks_for_nothing_and_complains_of_nothing(opened, address):
    page, heard = opened
    page.wait_for_timeout(200)
    assert set(heard["requests"]) == {address}
    assert heard["errors"] == []


def test_hostile_names_are_shown_as_text(opened):
    page, heard = opened
    assert HOSTILE in names(page)
    assert page.locator("#grid img, #grid script").count() == 0
    assert "<b>library</b>.smi" in page.inner_text("main")
    assert heard["dialogs"] == []


def test_hits_stand_best_first(page):
    scores = numbers(page, "score")
    assert len(scores) == len(LIBRARY)
    assert scores == sorted(scores, reverse=True)


def test_every_hit_is_drawn_with_its_smiles_for_those_who_cannot_see(page):
    labels = page.eval_on_selector_all(".card > .mol", "all => all.map(one => one.ariaLabel)")
    assert sorted(labels) == sorted(LIBRARY)


def test_hits_are_sorted_by_the_chosen_value(page):
    page.select_option("#sort", "weight")
    weights = numbers(page, "weight")
    assert weights == sorted(weights)


def test_turning_the_order_round_works_from_the_keyboard(page):
    before = names(page)
    page.locator("#turn").focus()
    page.keyboard.press("Enter")
    assert page.locator("#turn").get_attribute("aria-pressed") == "true"
    assert names(page) == before[::-1]


def test_search_leaves_matching_hits(page):
    page.fill("#find", "ETHER")
    assert names(page) == ["ether"]
    assert page.inner_text("#count") == "1 of 6 candidates"


def test_hits_with_alerts_can_be_hidden(page):
    page.check("#clean")
    assert "catechol, the one" not in names(page)
    assert "ether" in names(page)


def test_hits_outside_the_domain_can_be_hidden(page):
    page.check("#inside")
    assert set(numbers(page, "inside")) == {1}
    assert 0 < len(names(page)) < len(LIBRARY)


def test_scores_below_the_least_are_hidden(page):
    page.fill("#least", "0.5")
    assert min(numbers(page, "score")) >= 0.5
    assert 0 < len(names(page)) < len(LIBRARY)


def test_similarity_counts_actives_and_inactives(page):
    page.fill("#similar", "0.5")
    pairs = zip(numbers(page, "active"), numbers(page, "inactive"), strict=True)
    assert min(max(pair) for pair in pairs) >= 0.5


def test_scaffold_leaves_its_hits(page):
    page.select_option("#scaffold", SCAFFOLD)
    assert sorted(names(page)) == ["amine", "catechol, the one", "ether"]


def test_no_hit_left_is_said(page):
    page.fill("#find", "no such thing")
    assert page.is_visible("#empty")


def test_selected_hits_are_saved_as_csv_that_no_spreadsheet_runs(page):
    for name in ("catechol, the one", "=HYPERLINK(1)", HOSTILE):
        page.locator(".card", has_text=name).locator(".pick input").check()
    rows = list(csv.DictReader(io.StringIO(saved(page, "#save-csv"))))
    assert {row["id"] for row in rows} == {"catechol, the one", "'=HYPERLINK(1)", HOSTILE}
    assert {row["smiles"] for row in rows} == {"Oc1cc2ccccc2cc1O", "CCCCCN", "c1ccncc1"}


def test_selected_hits_are_saved_as_smiles(page):
    page.locator(".card", has_text="ester").locator(".pick input").check()
    assert saved(page, "#save-smiles") == "CC(=O)OC\tester\n"


def test_shown_hits_are_selected_at_once(page):
    page.fill("#find", "ether")
    page.click("#all")
    assert page.inner_text("#count") == "1 of 6 candidates, 1 selected"


def test_selected_hits_are_copied(browser, address):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(address, timeout=120_000)
    page.locator(".card", has_text="ester").locator(".pick input").check()
    page.click("#copy-smiles")
    page.get_by_text("1 copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "CC(=O)OC\tester\n"
    context.close()


def test_nothing_selected_is_said(page):
    page.click("#copy-csv")
    assert page.inner_text("#said") == "select candidates first"


def test_warning_of_the_outlook_stands_at_the_top(page):
    assert WARNING in page.locator(".warning").nth(1).inner_text()


def test_a_model_that_is_not_made_for_libraries_is_said_first(page):
    assert UNSUITED in page.locator("[role=alert]").first.inner_text()


def test_missing_prevalence_is_said_to_give_no_library_figure(page):
    assert "0.5 % of the library" in page.inner_text("main")


def test_expected_hits_are_said_to_be_no_sum_of_what_is_shown(page):
    caption = page.text_content("figcaption >> text=Expected hits")
    assert "lets all probabilities err together" in caption
    assert "need not equal the sum of the probabilities shown" in caption


def test_the_value_of_the_nearest_compound_is_shown(page):
    assert ", pX 7.5" in page.locator(".card details").first.text_content()


def test_the_title_says_what_to_expect(page):
    assert "hits expected in the top" in page.inner_text("h1")


def test_a_warning_is_about_analogues_and_the_expectation_about_the_library(page):
    alert = page.locator("[role=alert]").nth(1).inner_text()
    assert "Do not rely on the order of close analogues yet" in alert
    assert WARNING in alert
    library = page.inner_text("section[aria-labelledby=library-title]")
    assert "A random choice of" in library
    assert "rely" not in library


def test_measured_compounds_are_drawn(page):
    assert page.locator(".support .mol").count() == len(SUPPORT.smiles)


def test_known_compounds_are_marked_below_the_histogram(page):
    assert page.locator(".chart .active").count() == 2
    assert page.locator(".chart .inactive").count() == 2


def test_atoms_that_speak_for_activity_are_coloured(page):
    assert page.locator(".card", has_text="ether").locator(".mol .for").count() > 0


def ranks(page):
    return [int(text) for text in page.locator(".card:visible .pick b").all_text_contents()]


def scaffold_ranks(page):
    cards = page.locator(f'.card[data-scaffold="{SCAFFOLD}"]')
    return sorted(int(cards.nth(n).get_attribute("data-rank")) for n in range(cards.count()))


def test_the_best_candidate_of_a_scaffold_stands_for_the_others(grouped):
    first, *others = scaffold_ranks(grouped)
    assert ranks(grouped) == [rank for rank in range(1, 7) if rank not in others]
    grouped.click(f'.card[data-rank="{first}"] .more')
    assert [rank for rank in ranks(grouped) if rank in (first, *others)] == [first, *others]
    grouped.click(f'.card[data-rank="{first}"] .more')
    assert not set(others) & set(ranks(grouped))


def test_the_first_in_the_chosen_order_stands_for_its_scaffold(grouped):
    *others, last = scaffold_ranks(grouped)
    grouped.click("#turn")
    assert last in ranks(grouped)
    assert not set(others) & set(ranks(grouped))


def test_a_scaffold_of_one_candidate_has_nothing_to_open(grouped):
    assert grouped.locator(".more:visible").count() == 1


def test_hits_of_one_scaffold_are_drawn_alike(page):
    places = [
        page.locator(".card", has_text=name).locator("> .mol .bonds").get_attribute("d")
        for name in ("ether", "amine")
    ]
    assert places[0] == places[1]


def test_dark_scheme_is_dark(browser, address):
    page = browser.new_page(color_scheme="dark")
    page.goto(address, timeout=120_000)
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, color.removeprefix("rgb(").removesuffix(")").split(","))) < 60
    page.close()


def test_narrow_window_needs_no_sideways_scrolling(browser, address):
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.goto(address, timeout=120_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


def test_page_is_capped_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(hitspage, "SHOWN", 2)
    predictor = baseline("similarity").adapt(*SUPPORT)
    hits = [
        ScoredCompound(0.9, -1, "a", "CCO"),
        ScoredCompound(0.8, -2, "b", "CCN"),
        ScoredCompound(0.7, -3, "c", "CCC"),
    ]
    table = annotator(predictor.model)(candidates_table(hits, SUPPORT))
    facts = ScreenFacts(inputs("library.smi"), 3, 0.01, "ranked.csv")
    hits_page(table, predictor, tmp_path / "hits.html", facts=facts)
    text = (tmp_path / "hits.html").read_text()
    assert "This model compares analogues" not in text
    assert text.count('class="card"') == 2
    assert "This page shows the best 2 of 3 candidates; all are in ranked.csv." in text
