"""Fine-tuning against a loop with torch's own optimiser, and the rule by which it stops."""

import copy
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F
from toy_training import FINGERPRINTS, assays, recipe, store

from molmeta.assays.training_data import TrainingData
from molmeta.errors import ConfigError, EpisodeError
from molmeta.learners._parts.tuning import Descent, Stopping, parted
from molmeta.learners.multitask import least_squares, logistic
from molmeta.models.recipes import Recipe
from molmeta.molecules.labelled import Labelled

FAST = {"learning_rate": 3e-3, "head_rate": 1e-2}


def learner(name="finetune", **options):
    chosen = Recipe(name, "fingerprint", {"assays": 3, **options}, FINGERPRINTS)
    found = chosen.build(0)
    found.fit(TrainingData(store().molecules, assays()[:3]))
    return found.eval().double()


def support(n=20, labels=None, first=0):
    labels = [float(row % 3 == 0) for row in range(n)] if labels is None else labels
    rows = (torch.arange(len(labels)) * 7 + first) % len(store())
    return Labelled(store().molecules.select(rows), torch.tensor(labels))


VALUES = 50 + 20 * torch.sin(torch.arange(20.0)).double()


def valued(a=1.0, b=0.0):
    return replace(support(), values=a * VALUES + b)


QUERY = store().molecules.select(torch.arange(20, 40))


def part(known, rows):
    values = None if known.values is None else known.values[rows]
    return Labelled(known.molecules.select(rows), known.labels[rows], values)


def predicted(found, known, molecules=QUERY):
    with torch.no_grad():
        return found.adapt(known)(molecules)


class Loop:
    """The same fit with modules and torch's optimiser, one step at a time."""

    def __init__(self, found, known):
        self.encoder, self.ridge, self.known = copy.deepcopy(found.encoder), found.ridge, known
        vectors = self.encoder(known.molecules).detach()
        self.middle = vectors.mean(0)
        self.head = self.probe(self.placed(vectors)).requires_grad_()
        groups = [{"params": self.encoder.parameters(), "lr": found.learning_rate}]
        self.adam = torch.optim.Adam([*groups, {"params": [self.head], "lr": found.head_rate}])

    def probe(self, placed):
        return logistic(placed, self.known.labels.double(), self.ridge)

    def placed(self, vectors):
        turned = F.normalize(vectors - self.middle, dim=1)
        return torch.cat([turned, torch.ones(len(turned), 1).double()], dim=1)

    def logits(self, molecules):
        return self.placed(self.encoder(molecules)) @ self.head

    def error(self, known):
        p = torch.sigmoid(self.logits(known.molecules))
        return -(known.labels * p.log() + (1 - known.labels) * (1 - p).log()).mean()

    def step(self):
        self.adam.zero_grad()
        penalty = self.ridge / 2 * self.head[:-1].square().sum() / len(self.known)
        (self.error(self.known) + penalty).backward()
        self.adam.step()


class ValueLoop(Loop):
    """The same of values on the scale of their support."""

    def probe(self, placed):
        return least_squares(placed, scaled(self.known), self.ridge)

    def error(self, known):
        return (self.logits(known.molecules) - scaled(known)).square().mean() / 2


def scaled(known):
    """Values on the scale of the numbers that `valued` gives to 20 molecules."""
    whole = VALUES[:20]
    return (known.values.double() - whole.mean()) / whole.std(correction=0)


def test_all_steps_are_those_of_adam_where_nothing_can_be_held_out():
    found, known = learner(steps=12, **FAST), support(labels=[1.0, 0.0, 1.0, 0.0])
    loop = Loop(found, known)
    for _ in range(12):
        loop.step()
    expected = loop.logits(QUERY).detach()
    torch.testing.assert_close(predicted(found, known), expected)


def test_steps_are_as_many_as_predict_best_what_is_held_out():
    found, known = learner(steps=30, patience=30, **FAST), support()
    order = Loop(found, known).logits(known.molecules).argsort()
    kept, held = (part(known, rows) for rows in parted(order, known.labels))
    loop, errors = Loop(found, kept), []
    for _ in range(31):
        errors.append(float(loop.error(held).detach()))
        loop.step()
    best = errors.index(min(errors))
    assert 0 < best < 30
    loop = Loop(found, known)
    for _ in range(best):
        loop.step()
    expected = loop.logits(QUERY).detach()
    torch.testing.assert_close(predicted(found, known), expected)


@pytest.mark.parametrize("options", [{"steps": 0}, {"learning_rate": 0.0, "head_rate": 0.0}])
def test_without_steps_it_is_the_linear_probe(options):
    expected = predicted(learner("multitask"), support())
    found = predicted(learner(**options), support())
    torch.testing.assert_close(found, expected)


def test_fine_tuning_fits_the_support_better_than_the_probe():
    known = support(labels=[1.0, 0.0, 0.0, 1.0])
    errors = [
        F.binary_cross_entropy_with_logits(
            predicted(learner(steps=steps, **FAST), known, known.molecules), known.labels.double()
        )
        for steps in (0, 20)
    ]
    assert errors[1] < errors[0]


def test_values_are_fitted_by_adam_on_their_squared_error():
    """In as many steps as predict best every fifth molecule in the order that the probe gives."""
    found = learner(target="value", ridge=0.3, steps=30, patience=30, **FAST)
    known = valued()
    order = ValueLoop(found, known).logits(known.molecules).argsort()
    kept, held = (part(known, rows) for rows in parted(order, torch.zeros(20)))
    loop, errors = ValueLoop(found, kept), []
    for _ in range(31):
        errors.append(float(loop.error(held).detach()))
        loop.step()
    best = errors.index(min(errors))
    assert 0 < best < 30
    loop = ValueLoop(found, known)
    for _ in range(best):
        loop.step()
    expected = VALUES.mean() + VALUES.std(correction=0) * loop.logits(QUERY).detach()
    torch.testing.assert_close(predicted(found, known), expected)


def test_values_without_steps_are_those_of_the_ridge_regression():
    expected = predicted(learner("multitask", target="value"), valued())
    torch.testing.assert_close(predicted(learner(target="value", steps=0), valued()), expected)


@pytest.mark.parametrize(("a", "b"), [(1e-3, 0.0), (1.0, 1e3), (25.0, -6.0)])
def test_predicted_values_follow_a_change_of_unit(a, b):
    found = learner(target="value", steps=10, **FAST)
    moved, before = predicted(found, valued(a, b)), predicted(found, valued())
    torch.testing.assert_close(moved, a * before + b, rtol=1e-4, atol=1e-4 * a)


def test_fine_tuning_fits_values_better_than_the_probe():
    probe, tuned = (
        learner(target="value", ridge=0.3, steps=steps, patience=30, **FAST) for steps in (0, 30)
    )
    known = valued()
    errors = [
        float((predicted(found, known, known.molecules) - known.values).square().mean())
        for found in (probe, tuned)
    ]
    assert errors[1] < 0.5 * errors[0]


def test_two_assays_at_the_same_time_do_not_mix():
    found = learner(steps=5, **FAST)
    first = found.adapt(support())
    before = first(QUERY).detach()
    found.adapt(support(first=1))
    assert torch.equal(first(QUERY).detach(), before)


def test_every_fifth_molecule_of_a_class_is_held_out_from_the_third_on():
    labels = torch.tensor([1.0] * 9 + [0.0] * 4)
    kept, held = parted(torch.arange(13), labels)
    assert held.tolist() == [2, 7, 11]
    assert kept.tolist() == [0, 1, 3, 4, 5, 6, 8, 9, 10, 12]


def test_what_is_held_out_goes_by_the_order_given():
    _, held = parted(torch.tensor([5, 4, 3, 2, 1, 0]), torch.tensor([1.0, 0.0] * 3))
    assert held.tolist() == [0, 1]


def test_a_class_of_two_holds_nothing_out():
    kept, held = parted(torch.arange(4), torch.tensor([1.0, 0.0, 1.0, 0.0]))
    assert held.tolist() == []
    assert kept.tolist() == [0, 1, 2, 3]


def stopped(held_out, most=50, patience=10, least=0):
    """Adam at 0.1 from 0 towards 1; what is held out is best where `held_out` is lowest."""
    seen = []
    descent = Descent({"w": torch.zeros(())}, {"w": 0.1})

    def judge(weights):
        seen.append(float(weights["w"]))
        return held_out(weights["w"])

    best = Stopping(most, patience, least).best(descent, lambda w: (w["w"] - 1) ** 2, judge)
    return best, seen


def test_it_stops_after_its_patience():
    best, seen = stopped(lambda w: (w - 0.42) ** 2, patience=3)
    assert best == 4
    assert len(seen) == 4 + 3 + 1


def test_what_only_gets_worse_takes_no_step():
    assert stopped(lambda w: w)[0] == 0


def test_the_least_number_of_steps_is_taken():
    assert stopped(lambda w: w, least=2)[0] == 2


def test_what_only_gets_better_takes_all_steps():
    assert stopped(lambda w: -w, most=7)[0] == 7


def test_a_held_out_loss_that_is_not_a_number_takes_no_step():
    assert stopped(lambda w: w * float("nan"))[0] == 0


def test_the_weights_to_start_from_stay_as_they_are():
    start = {"w": torch.zeros(())}
    Descent(start, {"w": 0.1}).after(3, lambda w: (w["w"] - 1) ** 2)
    assert float(start["w"]) == 0


def test_molecules_that_repeat_with_both_labels_give_finite_logits():
    rows = torch.zeros(10, dtype=torch.int64)
    known = Labelled(store().molecules.select(rows), torch.tensor([1.0, 0.0] * 5))
    assert torch.isfinite(predicted(learner(steps=5, **FAST), known)).all()


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_single_molecule_is_refused(label):
    with pytest.raises(EpisodeError, match="one class only"):
        learner().adapt(support(labels=[label]))


@pytest.mark.parametrize(
    "option",
    [
        {"ridge": 0.0},
        {"learning_rate": -1.0},
        {"learning_rate": float("inf")},
        {"head_rate": float("nan")},
        {"steps": -1},
        {"patience": 0},
    ],
)
def test_an_option_out_of_its_range_is_refused(option):
    (name,) = option
    with pytest.raises(ConfigError, match=f"finetune: {name} is out of range; got"):
        recipe("finetune").build(0).__class__(learner().encoder, assays=3, **option)
