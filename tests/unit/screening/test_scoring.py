import numpy as np
import pytest

from molmeta.libraries.lines import Record
from molmeta.libraries.prepare import prepare
from molmeta.screening.scoring import Best, scored


@pytest.mark.parametrize(
    ("size", "expected"), [(2, [(9,), (5,)]), (None, [(9,), (5,), (3,), (1,)])]
)
def test_the_best_are_the_greatest_in_descending_order(size, expected):
    best = Best(size)
    for number in (3, 9, 1, 5):
        best.offer((number,))
    assert best.descending() == expected


def test_the_least_is_known_once_there_is_no_room():
    best = Best(2)
    best.offer((3,))
    assert best.least is None
    best.offer((1,))
    assert best.least == (1,)


def chunk(*smiles):
    return prepare([Record(line, "", text) for line, text in enumerate(smiles, 1)], ("morgan",))


@pytest.mark.parametrize("scores", [[0.5, np.nan], [[0.5, 0.1], [0.5, np.inf]]])
def test_a_record_without_a_finite_score_is_rejected_in_the_order_of_the_library(scores):
    found = next(scored([chunk("CCO", "CCN", "nonsense")], lambda _: np.array(scores)))
    assert found.finite.tolist() == [True, False]
    assert [record.line for record in found.rejected] == [2, 3]


def test_a_chunk_without_a_molecule_is_not_scored():
    found = next(scored([chunk("nonsense")], lambda _: pytest.fail("was scored")))
    assert (found.n_read, len(found.rejected), len(found.finite)) == (1, 1, 0)
