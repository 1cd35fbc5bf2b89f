import numpy as np
import pandas as pd
import pytest
from paths import DATA

from molmeta.errors import ConfigError
from molmeta.libraries.featurize import FeaturizePlan, featurize_library
from molmeta.libraries.source import LibrarySource
from molmeta.models.named import baseline
from molmeta.screening import scoring
from molmeta.screening.hits import Support
from molmeta.screening.plan import ScreenPlan
from molmeta.screening.prefilter import fitted
from molmeta.screening.screen import screen_to_files

SUPPORT = Support(
    ["CCOc1ccccc1", "CCNc1ccccc1C", "CC(=O)O", "CCCCN", "c1ccncc1", "OCC1CCCO1"], [1, 1, 0, 0, 0, 0]
)
NCI = DATA / "libraries" / "nci_5k.smi"
FEATURES = ("morgan", "torsions")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """3,000 compounds and 20 lines that are none."""
    path = tmp_path_factory.mktemp("library") / "library.smi"
    lines = NCI.read_text().splitlines()[:3000]
    path.write_text("\n".join([*lines, *["nonsense"] * 20]))
    return path


@pytest.fixture(scope="module")
def predictor():
    return baseline("tanimoto_gp").adapt(*SUPPORT)


def ranked(predictor, library, folder, share=None, **plan):
    folder.mkdir(exist_ok=True)
    plan = ScreenPlan(top=100, prefilter=share, **plan)
    output = folder / "hits.csv"
    return screen_to_files(predictor, SUPPORT, library, output=output, plan=plan), output


def test_the_best_of_a_share_are_the_best_of_the_library(predictor, library, tmp_path):
    whole, output = ranked(predictor, library, tmp_path)
    full = pd.read_csv(output)
    done, output = ranked(predictor, library, tmp_path, 0.1)
    found = pd.read_csv(output)
    assert len(set(full["smiles"][:50]) & set(found["smiles"])) >= 45
    # What both scored, they scored alike.
    both = full.merge(found, on=["id", "smiles"])
    assert (both["probability_x"] == both["probability_y"]).all()
    assert done.counts == whole.counts


def test_features_and_smiles_give_the_same_candidates(predictor, library, tmp_path):
    features = tmp_path / "library.arrow"
    featurize_library(library, features, FeaturizePlan(FEATURES))
    texts = [ranked(predictor, path, tmp_path, 0.05)[1].read_text() for path in (library, features)]
    assert texts[0] == texts[1]


def test_parts_give_the_same_candidates(predictor, library, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "CHUNKS", 1)
    expected = ranked(predictor, library, tmp_path, 0.05)[1].read_text()
    for k in (1, 2):
        ranked(predictor, library, tmp_path / "parts", 0.05, part=(k, 2))
    assert ranked(predictor, library, tmp_path / "parts", 0.05)[1].read_text() == expected


def test_the_cheap_score_ranks_as_the_model_does(predictor, library):
    source = LibrarySource(library, FEATURES)
    prefilter = fitted(source, predictor, 0.1)
    chunk = next(LibrarySource(library, FEATURES).prepared())
    cheap, scores = prefilter._scores(chunk), predictor.predict_molecules(chunk.molecules())
    ranks = np.argsort(np.argsort(cheap)), np.argsort(np.argsort(scores))
    assert np.corrcoef(*ranks)[0, 1] > 0.8


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ConfigError, match="'prefilter' must be a share"):
        ScreenPlan(prefilter=share)


@pytest.mark.parametrize("rest", [{"top": None}, {"left_out": np.zeros(3)}])
def test_a_prefilter_is_refused_where_all_scores_are_needed(rest):
    with pytest.raises(ConfigError, match="leaves compounds without a score"):
        ScreenPlan(prefilter=0.1, **rest)


def test_a_small_share_leaves_most_chunks_without_a_compound(predictor, library, tmp_path):
    features = tmp_path / "library.arrow"
    featurize_library(library, features, FeaturizePlan(FEATURES))
    texts = [ranked(predictor, path, tmp_path, 1e-4)[1].read_text() for path in (library, features)]
    assert texts[0] == texts[1]
    assert len(texts[0].splitlines()) == 2
