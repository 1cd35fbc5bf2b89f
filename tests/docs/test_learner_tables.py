"""The tables of learners are those of the classes, and a learner is one file."""

import importlib
import sys

import pytest
import yaml
from paths import ROOT
from typer.testing import CliRunner

from molmeta import cli, encoders, learners

SOURCE = '''"""Nearest neighbour: the label of the most similar molecule."""

from molmeta.encoders.base import Paper
from molmeta.learners.similarity import Similarity


class NearestNeighbour(Similarity):
    papers = (Paper("Fix, Evelyn; Hodges, Joseph", 1951, "Discriminatory Analysis", "USAF"),)
    use_when = "everything else is too much"
    order_invariant = actives_only = False
'''
NAME, CLASS_NAMES = "nearest_neighbour", set(learners.names())


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(ROOT / "studies"))
    yield importlib.import_module("learner_tables")
    sys.path.remove(str(ROOT / "studies"))


@pytest.fixture
def one_file(tmp_path, monkeypatch):
    """A learner of one file outside the package, and nothing else."""
    (tmp_path / f"{NAME}.py").write_text(SOURCE)
    monkeypatch.setattr(learners, "__path__", [*learners.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    yield NAME
    sys.modules.pop(f"molmeta.learners.{NAME}", None)
    vars(learners).pop(NAME, None)


def row(text):
    return next(line for line in text.splitlines() if line.startswith(f"| `{NAME}` |"))


@pytest.mark.parametrize("name", ["docs/learners.md", "CITATION.cff"])
def test_what_is_generated_is_up_to_date(script, name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert script.FILES[name](text) == text


def test_a_learner_of_one_file_has_a_name(one_file):
    assert set(learners.names()) == {one_file, *CLASS_NAMES}


def test_a_learner_of_one_file_is_listed_with_its_idea(one_file):
    listed = CliRunner().invoke(cli.build(), ["learners"], prog_name="molmeta").stdout
    idea = "Nearest neighbour: the label of the most similar molecule."
    assert f"{one_file:<22}{idea}" in listed.splitlines()


@pytest.mark.usefixtures("one_file")
def test_a_learner_of_one_file_is_in_the_table_of_the_page(script):
    found = row(script.page((ROOT / "docs" / "learners.md").read_text()))
    assert found.endswith("| no | no | no | no | no | everything else is too much | not run |")


def test_the_paper_of_a_learner_of_one_file_is_cited(script, one_file):
    text = script.citation((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    found = {one["title"]: one for one in yaml.safe_load(text)["references"]}
    assert found["Discriminatory Analysis"] == {
        "type": "conference-paper",
        "title": "Discriminatory Analysis",
        "authors": [
            {"family-names": "Fix", "given-names": "Evelyn"},
            {"family-names": "Hodges", "given-names": "Joseph"},
        ],
        "year": 1951,
        "collection-title": "USAF",
        "notes": f"Learner {one_file}.",
    }


def test_results_of_the_page_stay(script):
    text = (ROOT / "docs" / "learners.md").read_text()
    before = text.replace(".262 / .311 |\n", ".999 / .999 |\n", 1)
    assert script.page(before) == before


@pytest.mark.parametrize("name", sorted(CLASS_NAMES))
def test_every_learner_of_the_package_has_a_paper_and_a_use(name):
    assert learners.get(name).papers
    assert learners.get(name).use_when


@pytest.mark.parametrize("kind", [learners, encoders], ids=["learners", "encoders"])
def test_a_paper_of_several_is_written_the_same_everywhere(kind):
    papers = {paper for name in kind.names() for paper in kind.get(name).papers}
    assert len({paper.title for paper in papers}) == len(papers)


def test_no_learner_is_transductive_as_the_page_says():
    assert not [name for name in learners.names() if learners.get(name).transductive]
