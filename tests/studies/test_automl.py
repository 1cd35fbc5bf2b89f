"""Studies of automatic choices: what is measured, and which settings a portfolio holds."""

from __future__ import annotations

import copy
import importlib

import numpy as np
import pandas as pd
import pytest
import torch
from paths import ROOT

from molmeta.automl.candidates import members_for
from molmeta.automl.describe import FEATURES
from molmeta.automl.spread import SIZES, Spread
from molmeta.models.pretrained import load_pretrained
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.store import featurize

ACTIVE = ["c1ccccc1O", "c1ccccc1N", "Cc1ccccc1O", "Cc1ccccc1N"]
INACTIVE = ["CCO", "CCCO", "CCN", "CCCN"]
QUERY = ["CCc1ccccc1O", "CCCCO", "Clc1ccncc1"]


@pytest.fixture
def studies(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "studies" / "automl"))
    return importlib.import_module


def test_set_aside_assays_use_the_graph_network_without_the_fingerprint_networks(studies):
    measure = studies("measure")
    models = {"pretrained": members_for()["pretrained"].build("activity")}
    assays = load_pretrained().history["assays"]
    blind = measure.blinded(models, {name: n for n, name in enumerate(assays)})["pretrained"]
    molecules = featurize(ACTIVE + INACTIVE + QUERY, blind.featurizers)
    labels = torch.tensor([1.0] * len(ACTIVE) + [0.0] * len(INACTIVE))
    support = Labelled(molecules.select(torch.arange(len(labels))), labels)
    query = molecules.select(torch.arange(len(labels), len(molecules)))

    def outputs_without(*parts):
        learner = copy.deepcopy(blind)
        with torch.no_grad():
            for part in parts:
                for weights in learner.encoder.parts[part].parameters():
                    weights.zero_()
            return learner.adapt(support)(query).numpy()

    np.testing.assert_array_equal(outputs_without(0, 1), outputs_without())
    assert not np.allclose(outputs_without(2), outputs_without())


def test_a_portfolio_holds_settings_that_are_good_on_different_assays(studies):
    portfolio = studies("portfolio")
    scores = np.zeros((3, 24))
    scores[0] = 0.3
    scores[1] = 0.29
    scores[2, ::2] = 0.5
    assert portfolio.complementary(scores, 2, n_judges=2) == [0, 2]
    assert portfolio.complementary(scores, 9, n_judges=2)[:2] == [0, 2]
    assert len(portfolio.complementary(scores, 9, n_judges=2)) == 3


def test_intervals_come_from_predictions_with_a_held_out_score_as_in_use(studies):
    fit, n = studies("fit"), 200
    rng = np.random.default_rng(0)
    judged = np.arange(n) % 2 == 0
    table = pd.DataFrame({name: rng.normal(size=n) for name in FEATURES}).assign(
        assay=np.arange(n).astype(str), target=np.arange(n).astype(str), fold="train", weight=1.0,
        support=rng.choice(SIZES, n), labels=[np.zeros(150)] * n,
    )  # fmt: skip
    scored = pd.DataFrame({
        "episode": np.arange(n), "candidate": "a", "held_out": np.where(judged, 0.2, np.nan),
        "delta_auprc": rng.normal(0.3, np.where(judged, 0.01, 0.5)),
    })  # fmt: skip
    content, _ = fit.section(table, scored, {"a": {"a": 1.0}}, "a", ("delta_auprc",))
    spread = Spread(**content["candidates"]["a"]["spreads"]["delta_auprc"])
    low, high = spread.interval(0.3, 64, 100)
    assert high - low < 0.1
