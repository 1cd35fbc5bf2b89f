"""Ensembles: means of members, and which members answer."""

from dataclasses import replace

import pytest
import torch
from toy_assays import built, episode, logits

from molmeta.errors import ConfigError, EpisodeError, ModelError
from molmeta.learners.ensemble import Ensemble
from molmeta.models.files import load
from molmeta.runtime.tensorfiles import write_tensors

GP, SEARCH, LINEAR = (
    {"learner": "tanimoto_gp"},
    {"learner": "similarity"},
    {"learner": "logistic_regression"},
)


def of(*members, **options):
    return Ensemble(members=members, **options).eval()


def test_the_output_is_the_weighted_mean_of_the_members():
    support, query = episode()
    parts = [logits(built(n), support, query.molecules) for n in ("tanimoto_gp", "similarity")]
    found = logits(of({**GP, "weight": 3.0}, SEARCH), support, query.molecules)
    torch.testing.assert_close(found, 0.75 * parts[0] + 0.25 * parts[1])


def test_members_that_need_inactives_are_left_out_for_actives_alone():
    support, query = episode()
    actives = replace(support, labels=torch.ones_like(support.labels))
    alone = logits(of(GP), actives, query.molecules)
    torch.testing.assert_close(logits(of(GP, LINEAR), actives, query.molecules), alone)
    with pytest.raises(EpisodeError, match="one class only"):
        of(LINEAR).adapt(actives)


def test_a_library_is_left_to_members_that_presume_inactives():
    support, query = episode()
    both = of(GP, LINEAR).adapt_library(support)(query.molecules)
    alone = of(GP).adapt_library(support)(query.molecules)
    torch.testing.assert_close(both, alone)
    other = of(LINEAR, SEARCH).adapt_library(support)(query.molecules)
    torch.testing.assert_close(other, logits(of(LINEAR, SEARCH), support, query.molecules))


def test_an_uncertainty_is_that_of_the_members_that_have_one():
    support, query = episode()
    found = of(GP, LINEAR).adapt(support).uncertainty(query.molecules)
    expected = built("tanimoto_gp").adapt(support).uncertainty(query.molecules)
    torch.testing.assert_close(found, expected)
    spread = of(LINEAR, SEARCH).adapt(support).uncertainty(query.molecules)
    assert (spread > 0).all()


def test_values_are_predicted_by_members_that_can():
    with pytest.raises(ConfigError, match="members that predict values"):
        of(GP, SEARCH, target="value")
    assert of(GP, target="value").learners[0].target == "value"


@pytest.mark.parametrize(
    "members",
    [
        [], [GP] * 17, [{}], ["tanimoto_gp"], [{**GP, "weight": 0}], [{**GP, "weight": "much"}],
        [{**GP, "more": 1}], [{"learner": "ensemble"}], [{**GP, "weight": float("inf")}],
    ],
)  # fmt: skip
def test_members_in_another_form_are_refused(members):
    with pytest.raises(ConfigError, match="members are wrong"):
        Ensemble(members=members)


def test_options_of_members_are_checked():
    with pytest.raises(ConfigError, match="unknown option"):
        of({**GP, "learner_options": {"nois": 1}})


@pytest.mark.parametrize("members", [17 * [GP], [{"learner": "ensemble"}], 5, [[]]])
def test_a_file_cannot_ask_for_more(tmp_path, members):
    path = tmp_path / "model.safetensors"
    recipe = {"learner": "ensemble", "encoder": "", "learner_options": {"members": members},
              "encoder_options": {}}  # fmt: skip
    write_tensors(path, {}, {"kind": "model", "format": 2, "recipe": recipe, "history": {}})
    with pytest.raises(ModelError, match="does not fit its recipe"):
        load(path)
