"""Training data: which compounds the training assays measured."""

from dataclasses import replace

import numpy as np
import torch
from toy_assays import Layer, assay, world

from molmeta.assays.records import times_measured
from molmeta.assays.training_data import TrainingData
from molmeta.learners.protonet import ProtoNet
from molmeta.molecules.blocks import Vectors


def part(rows):
    rows = np.array(rows)
    whole = assay(0)
    return replace(whole, rows=rows, labels=whole.labels[rows], values=whole.values[rows])


DATA = TrainingData(world(), [part([9, 4]), part([4, 2])])


def test_rows_are_those_of_the_distinct_measured_compounds():
    assert DATA.rows.tolist() == [2, 4, 9]


def test_compounds_are_in_the_order_of_the_rows():
    expected = world().block("descriptors", Vectors).values[torch.tensor([2, 4, 9])]
    assert torch.equal(DATA.compounds.block("descriptors", Vectors).values, expected)


def test_a_learner_without_records_counts_no_measurements():
    learner = ProtoNet(Layer())
    learner.fit(DATA)
    assert times_measured(learner, world()).tolist() == [0] * len(world())
