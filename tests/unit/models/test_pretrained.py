"""The pretrained model: that it is the one meant, that it says what it is, and that it works."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import molmeta
from molmeta.api.screen import run_screen
from molmeta.errors import ConfigError, ModelError
from molmeta.models import pretrained
from molmeta.models.named import baseline, named
from molmeta.models.pretrained import (
    ABOUT,
    FOLDER,
    load_pretrained,
    pretrained_encoder,
    publish,
)
from molmeta.models.prevalence import prior_shift
from molmeta.screening.plan import ScreenPlan

ROOT = Path(__file__).parents[3]
ACTIVES = ["CC(=O)Oc1ccccc1C(=O)O", "O=C(O)c1ccccc1O", "COC(=O)c1ccccc1O", "NC(=O)c1ccccc1O"]
INACTIVES = ["CCCCCCO", "CCCCCCCO", "CCCCCC(C)O", "CCCCCCCCO"]
LIKE_ACTIVE, LIKE_INACTIVE = "CCOC(=O)c1ccccc1O", "CCCCCCCCCO"
WORDS = dict.fromkeys(ABOUT, "words")


def test_it_loads_without_a_path_and_ranks():
    predictor = molmeta.load().adapt(ACTIVES + INACTIVES, [1] * 4 + [0] * 4)
    active, inactive = predictor.predict([LIKE_ACTIVE, LIKE_INACTIVE])
    assert active > 0.5 > inactive


def test_it_answers_actives_alone():
    predictor = molmeta.load().adapt(ACTIVES, [1] * 4)
    active, inactive = predictor.predict([LIKE_ACTIVE, LIKE_INACTIVE])
    assert active > inactive


def test_it_answers_a_support_of_one_active_in_twenty():
    alcohols = ["C" * n + "O" for n in range(1, 20)]
    predictor = molmeta.load().adapt([ACTIVES[0], *alcohols], [1] + [0] * 19)
    scores = predictor.predict([LIKE_ACTIVE, LIKE_INACTIVE, "not a molecule"])
    assert scores[0] > scores[1]
    assert scores[1] < 0.2
    assert np.isnan(scores[2])


def test_it_answers_five_hundred_molecules():
    chains = ["C" * n + "O" + "C" * m for n in range(1, 26) for m in range(1, 21)]
    active = [int(len(text) > 23) for text in chains]
    scores = molmeta.load().adapt(chains, active).predict(["C" * 30 + "O" + "C" * 8, "COC"])
    assert scores[0] > 0.5 > scores[1]


@pytest.mark.parametrize(("name", "megabytes"), [("model", 32), ("gine", 6)])
def test_the_files_are_small(name, megabytes):
    assert (FOLDER / f"{name}.safetensors").stat().st_size < megabytes * 1e6


def test_it_loads_within_two_seconds_and_adapts_to_64_within_a_fifth():
    load_pretrained.cache_clear()
    began = time.process_time()
    model = load_pretrained()
    loaded = time.process_time()
    learner = model.learner
    from molmeta.molecules.labelled import Labelled
    from molmeta.molecules.store import featurize

    chains = ["C" * n + "O" + "C" * m for n in range(1, 9) for m in range(1, 9)]
    labels = torch.tensor([float(n % 2) for n in range(64)])
    support = Labelled(featurize(chains, model.featurizers), labels)
    with torch.no_grad():
        learner.adapt(support)
        featurized = time.process_time()
        learner.adapt(support)
    assert loaded - began < 2
    assert time.process_time() - featurized < 0.2


def test_it_says_what_it_learnt_from():
    about = load_pretrained().history["about"]
    assert set(ABOUT) <= set(about)
    assert "CC BY-SA 3.0" in about["licence"]
    assert "FS-Mol" in about["attribution"]
    assert len(load_pretrained().history["assays"]) > 4000


def test_what_was_measured_before_is_known():
    known = load_pretrained().known(
        ["CC(=O)Oc1ccccc1C(=O)O", "C[Si](C)(C)CCCCCCCCCI", "no molecule"]
    )
    assert known[0] > 0
    assert list(known[1:]) == [0, -1]


def test_a_screen_counts_the_support_compounds_in_the_training_data():
    known = int((load_pretrained().known(ACTIVES + INACTIVES) > 0).sum())
    support = (ACTIVES + INACTIVES, [1] * 4 + [0] * 4)
    done = run_screen(support, [LIKE_ACTIVE], plan=ScreenPlan())
    assert done.inputs.n_in_training == known > 0


def test_it_goes_by_its_name_wherever_a_model_is_asked_for():
    assert named("pretrained") is molmeta.load()


def test_a_changed_file_is_refused(tmp_path):
    path = publish(baseline("similarity"), WORDS, folder=tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="does not match its checksum"):
        load_pretrained(tmp_path)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(
        ModelError, match=r"model\.safetensors: the pretrained model cannot be read"
    ):
        load_pretrained(tmp_path)


def test_what_is_shipped_is_read_back(tmp_path):
    publish(baseline("similarity"), WORDS, folder=tmp_path)
    assert load_pretrained(tmp_path).history["about"] == WORDS


@pytest.mark.parametrize("key", ABOUT)
def test_nothing_may_be_left_unsaid(tmp_path, key):
    with pytest.raises(ConfigError, match=key):
        publish(baseline("similarity"), {**WORDS, key: ""}, folder=tmp_path)


def test_probabilities_move_to_a_prevalence():
    predictor = molmeta.load().adapt(ACTIVES + INACTIVES, [1] * 4 + [0] * 4)
    (here,) = predictor.predict([LIKE_ACTIVE])
    (there,) = predictor.predict([LIKE_ACTIVE], prevalence=0.01)
    assert there == pytest.approx(prior_shift(0.01, predictor.share)(here))


def test_the_module_is_the_command_that_ships():
    assert "python -m molmeta.models.pretrained" in str(pretrained.__doc__)


def test_the_old_name_is_refused_with_the_new_one():
    with pytest.raises(ConfigError, match="'pretrained'"):
        named("shipped")


def test_activity_elsewhere_is_known_for_training_compounds_only():
    record = load_pretrained().training_record(
        ["CC(=O)Oc1ccccc1C(=O)O", "C[Si](C)(C)CCCCCCCCCI", "no molecule"]
    )
    assert 0 <= record.hit_rate[0] <= 1
    assert np.isnan(record.hit_rate[1:]).all()


def test_the_pretrained_graph_encoder_says_what_it_learnt_from_and_is_small():
    encoder = named("pretrained_gine")
    assert encoder is pretrained_encoder("gine")
    assert set(ABOUT) <= set(encoder.history["about"])
    assert "CC BY-SA 3.0" in encoder.history["about"]["licence"]
    assert encoder.featurizers == ("graph",)
    assert (FOLDER / "gine.safetensors").stat().st_size < 6e6


def test_an_encoder_that_is_not_pretrained_is_refused():
    with pytest.raises(ConfigError, match="no pretrained encoder 'gps'; expected the encoder"):
        pretrained_encoder("gps")


def test_each_pretrained_model_has_a_file_of_its_own(tmp_path):
    publish(baseline("similarity"), WORDS, folder=tmp_path, name="pretrained_gine")
    assert load_pretrained(tmp_path, "pretrained_gine").history["about"] == WORDS
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_pretrained(tmp_path, "pretrained")


def test_a_compound_is_predicted_among_others_as_alone():
    table = pd.read_csv(ROOT / "data" / "assays" / "test" / "CHEMBL204_Ki.csv")
    smiles = table["smiles"].tolist()[:240]
    predictor = molmeta.load().adapt(smiles[:40], [k % 2 for k in range(40)])
    together = predictor.predict(smiles[40:], among="assay")[:20]
    alone = [predictor.predict([text], among="assay")[0] for text in smiles[40:60]]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-9)
