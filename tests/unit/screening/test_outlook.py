"""Leave-pair-out on supports whose answer is known."""

import numpy as np
import pytest

from molmeta.models.named import baseline
from molmeta.screening.outlook import WORTH, Outlook, outlook

ALCOHOLS = ["C" * n + "O" for n in range(2, 10)]
PHENYLS = ["C" * n + "c1ccccc1" for n in range(2, 10)]
BOTH = ALCOHOLS + PHENYLS


def test_a_support_of_two_families_is_put_in_order():
    found = outlook(baseline("tanimoto_gp"), BOTH, [1] * 8 + [0] * 8)
    assert found.auroc == 1.0
    assert found.similarity == 1.0
    assert found.warning == ""


def test_labels_that_mean_nothing_are_warned_of():
    found = outlook(baseline("tanimoto_gp"), BOTH, [0, 1] * 8)
    assert found.auroc < WORTH
    assert "not to be trusted" in found.warning


@pytest.mark.parametrize("active", [[1] + [0] * 15, [1] * 15 + [0], [1] * 16])
def test_fewer_than_two_of_a_class_cannot_be_judged(active):
    found = outlook(baseline("similarity"), BOTH, active)
    assert np.isnan(found.auroc)
    assert "fewer than two" in found.warning


def test_it_is_the_mean_over_all_pairs():
    active = [1, 0, 1, 0, 1, 0, 0, 1]
    model = baseline("tanimoto_gp")
    found = []
    for i in np.flatnonzero(active):
        for j in np.flatnonzero(np.array(active) == 0):
            rest = [place for place in range(8) if place not in (i, j)]
            predictor = model.adapt([ALCOHOLS[p] for p in rest], [active[p] for p in rest])
            up, down = predictor.predict([ALCOHOLS[i], ALCOHOLS[j]])
            found.append(float(up > down) + 0.5 * float(up == down))
    assert outlook(model, ALCOHOLS, active).auroc == pytest.approx(np.mean(found))


def test_the_error_is_that_of_the_smaller_class():
    found = outlook(baseline("tanimoto_gp"), BOTH, [0, 1, 1, 1] * 4)
    assert found.error == pytest.approx((found.auroc * (1 - found.auroc) / 4) ** 0.5)


def test_the_same_seed_gives_the_same_pairs():
    judged = [outlook(baseline("similarity"), BOTH, [0, 1] * 8, pairs=9, seed=3) for _ in range(2)]
    assert judged[0] == judged[1]


def test_a_good_outlook_says_nothing():
    assert Outlook(0.9, 0.95, 0.1).warning == ""
