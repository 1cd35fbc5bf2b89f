"""What a screen says of actives: the same as `predict`, without what was measured already."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import molmeta

ACTIVES = ["CCOc1ccc2nc(S(N)(=O)=O)sc2c1", "NS(=O)(=O)c1nc2ccccc2s1", "NS(=O)(=O)c1ccc(C)cc1"]
INACTIVES = ["CC(C)Cc1ccc(C(C)C(=O)O)cc1", "CC(=O)Nc1ccc(O)cc1", "CN1CCC[C@H]1c1cccnc1"]
SUPPORT = (ACTIVES + INACTIVES, [1, 1, 1, 0, 0, 0])
LIBRARY = ["NS(=O)(=O)c1ccc(Cl)cc1", "CCCCCCO", "c1ccc2ccccc2c1", "O=C1CCc2ccccc2N1"]


def test_a_prevalence_moves_scores_as_predict_does():
    ranked = molmeta.screen(SUPPORT, LIBRARY, prevalence=0.01)
    predictor = molmeta.load().adapt(*SUPPORT)
    expected = predictor.predict(list(ranked["smiles"]), prevalence=0.01)
    assert ranked["probability"].to_numpy() == pytest.approx(expected, rel=1e-4)


def test_compounds_of_the_support_do_not_count_as_hits(caplog):
    caplog.set_level(logging.INFO)
    ranked = molmeta.screen(SUPPORT, [*LIBRARY * 3, *ACTIVES])
    assert ranked["measured"].eq("yes").sum() == len(ACTIVES)
    assert "3 candidates are compounds of the support" in caplog.text
    (expected,) = [line for line in caplog.messages if line.startswith("expected hits among")]
    assert float(expected.split(": ")[1].split()[0]) < 1


def test_of_actives_alone_no_hits_are_expected(caplog):
    caplog.set_level(logging.INFO)
    ranked = molmeta.screen((ACTIVES, [1, 1, 1]), LIBRARY * 3)
    assert np.isfinite(ranked["probability"]).all()
    assert "not chances of a hit" in caplog.text
    assert "expected hits" not in caplog.text
