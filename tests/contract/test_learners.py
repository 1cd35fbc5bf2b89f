"""What every learner in the folder must hold to; a new file is tested without an edit here."""

import pytest
import safetensors.torch
import torch
from toy_assays import CLOSE, built, drawn, episode, logits, world

from molmeta import learners
from molmeta.errors import EpisodeError
from molmeta.molecules.labelled import Labelled

NAMES = learners.names()
BASELINES = [name for name in NAMES if not learners.get(name).meta_trained]


def permuted(support, order):
    return Labelled(support.molecules.select(order), support.labels[order])


def all_of(support, label):
    return Labelled(support.molecules, torch.full_like(support.labels, label))


@pytest.mark.parametrize("name", NAMES)
def test_a_predictor_gives_one_finite_logit_a_molecule(name):
    support, query = episode()
    found = logits(built(name), support, query.molecules)
    assert found.shape == (16,)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_predictor_gives_float32(name):
    support, query = episode()
    assert logits(built(name), support, query.molecules).dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
def test_no_molecules_give_no_logits(name):
    support, query = episode()
    nothing = query.molecules.select(torch.tensor([], dtype=torch.int64))
    assert logits(built(name), support, nothing).shape == (0,)


@pytest.mark.parametrize("share", [1 / 16, 15 / 16])
@pytest.mark.parametrize("name", NAMES)
def test_one_molecule_of_a_class_gives_finite_logits(name, share):
    support, query = episode(share=share)
    assert torch.isfinite(logits(built(name), support, query.molecules)).all()


@pytest.mark.parametrize("name", NAMES)
def test_one_molecule_of_each_class_gives_finite_logits(name):
    support, query = episode(n_support=2)
    assert torch.isfinite(logits(built(name), support, query.molecules)).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_support_of_inactives_alone_is_refused(name):
    support, _ = episode()
    with pytest.raises(EpisodeError, match="support: one class only"):
        built(name).adapt(all_of(support, 0.0))


@pytest.mark.parametrize("name", NAMES)
def test_a_support_of_actives_alone_is_answered_as_declared(name):
    learner, (support, query) = built(name), episode()
    actives = all_of(support, 1.0)
    if learner.actives_only:
        assert torch.isfinite(logits(learner, actives, query.molecules)).all()
    else:
        with pytest.raises(EpisodeError, match="support: one class only"):
            learner.adapt(actives)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_support_is_refused(name):
    support, _ = episode()
    with pytest.raises(EpisodeError, match="got 0 active of 0"):
        built(name).adapt(permuted(support, torch.tensor([], dtype=torch.int64)))


@pytest.mark.parametrize("name", NAMES)
def test_adapting_changes_nothing_on_the_learner(name):
    learner, (support, query) = built(name), episode()
    before, state = repr(vars(learner)), safetensors.torch.save(learner.state_dict())
    learner.adapt(support)(query.molecules)
    assert repr(vars(learner)) == before
    assert safetensors.torch.save(learner.state_dict()) == state


@pytest.mark.parametrize("name", NAMES)
def test_adapting_leaves_no_gradient_on_the_learner(name):
    learner, (support, query) = built(name), episode()
    learner.adapt(support)(query.molecules)
    assert all(p.grad is None for p in learner.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_a_second_assay_leaves_the_first_predictor_as_it_was(name):
    learner, (support, query), (other, _) = built(name), episode(), episode(1)
    first = learner.adapt(support)
    before = first(query.molecules)
    learner.adapt(other)(query.molecules)
    assert torch.equal(first(query.molecules), before)


@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_the_same_without_gradients(name):
    learner, (support, query) = built(name), episode()
    found = learner.adapt(support)(query.molecules).detach()
    torch.testing.assert_close(logits(learner, support, query.molecules), found, **CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_molecules_of_a_query_influence_each_other_as_declared(name):
    learner, (support, query) = built(name), episode()
    together = logits(learner, support, query.molecules)
    single = [query.molecules.select(torch.tensor([row])) for row in range(4)]
    alone = torch.cat([logits(learner, support, molecule) for molecule in single])
    assert torch.allclose(alone, together[:4], **CLOSE) != learner.transductive


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_support_matters_as_declared(name):
    learner, (support, query) = built(name), episode()
    found = logits(learner, support, query.molecules)
    other = logits(learner, permuted(support, torch.arange(16).flip(0)), query.molecules)
    assert torch.allclose(found, other, **CLOSE) == learner.order_invariant


@pytest.mark.parametrize("name", NAMES)
def test_labels_matter(name):
    learner, (support, query) = built(name), episode()
    turned = Labelled(support.molecules, 1 - support.labels)
    found = logits(learner, support, query.molecules)
    assert not torch.allclose(logits(learner, turned, query.molecules), found, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_prepared_molecules_are_predicted_as_others(name):
    learner, found = built(name), drawn(0)
    with torch.no_grad():
        support, query = found.labelled(learner.prepare(world()))
        prepared = learner.adapt(support)(query.molecules)
    support, query = found.labelled(world())
    torch.testing.assert_close(logits(learner, support, query.molecules), prepared, **CLOSE)


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_molecules_left_out_are_predicted_from_the_others(name):
    learner, (support, _) = built(name), episode()
    actives, inactives = (torch.nonzero(support.labels == label)[:2, 0] for label in (1, 0))
    rows = torch.stack([actives, inactives.flip(0)], 1)
    found = learner.left_out(support, rows)
    for pair, of_pair in zip(rows.tolist(), found, strict=True):
        others = torch.tensor([row for row in range(len(support)) if row not in pair])
        predictor = learner.adapt(support.select(others))
        expected = predictor(support.molecules.select(torch.tensor(pair)))
        torch.testing.assert_close(of_pair, expected, **CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_the_declared_featurizers_are_all_it_reads(name):
    learner, (support, query) = built(name), episode()
    read = learner.featurizers
    bare = Labelled(support.molecules.only(read), support.labels)
    found = logits(learner, bare, query.molecules.only(read))
    assert torch.equal(found, logits(learner, support, query.molecules))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_numbers(name):
    support, query = episode()
    first, second = (logits(built(name), support, query.molecules) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_learner_predicts_as_before(name):
    learner, other, (support, query) = built(name), built(name, seed=1), episode()
    other.load_state_dict(safetensors.torch.load(safetensors.torch.save(learner.state_dict())))
    found = logits(other, support, query.molecules)
    assert torch.equal(found, logits(learner, support, query.molecules))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", NAMES)
def test_a_gpu_predicts_as_a_processor(name):
    learner, (support, query) = built(name), episode()
    expected = logits(learner, support, query.molecules)
    there = torch.device("cuda")
    moved = Labelled(support.molecules.to(there), support.labels.to(there))
    found = logits(learner.to(there), moved, query.molecules.to(there))
    assert found.device.type == "cuda"
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("name", BASELINES)
def test_what_is_not_meta_trained_has_no_parameters(name):
    assert not list(built(name).parameters())


@pytest.mark.parametrize("name", NAMES)
def test_a_predictor_has_an_uncertainty_as_declared(name):
    learner, (support, query) = built(name), episode()
    predictor = learner.adapt(support)
    assert hasattr(predictor, "uncertainty") == learner.uncertainty
    if learner.uncertainty:
        found = predictor.uncertainty(query.molecules)
        assert found.shape == (16,)
        assert torch.isfinite(found).all()
        assert (found > 0).all()
