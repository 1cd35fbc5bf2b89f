"""Small random checkpoints, in the form in which the packages of tabular models save theirs."""

import dataclasses
import importlib
import tempfile
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

from molmeta import learners, registry
from molmeta.runtime.seeds import torch_seed

NAMES = [
    name for name in learners.names() if "weights" in registry.option_defaults(learners.get(name))
]
"""Learners with weights that the user supplies."""
SMALL_TABICL = {
    "max_classes": 10, "embed_dim": 16, "col_num_blocks": 1, "col_nhead": 2, "col_num_inds": 4,
    "row_num_blocks": 1, "row_nhead": 2, "row_num_cls": 2, "icl_num_blocks": 2, "icl_nhead": 2,
}  # fmt: skip
SMALL_TABPFN = {"emsize": 24, "nlayers": 2, "nhead": 2, "max_num_classes": 10, "num_buckets": 10}
ARCHITECTURE = "tabpfn_v2_5"
"""The first whose answers do not depend on the other rows; later ones cannot be made as small."""
_folder = tempfile.TemporaryDirectory(prefix="molmeta_weights_")


def weights_for(name):
    """The options that a learner cannot be built without; skips the test without its package."""
    if name not in NAMES:
        return {}
    pytest.importorskip(name)
    return {"weights": str(checkpoint(name))}


@cache
def checkpoint(name):
    """A checkpoint that is made once in a process."""
    path = Path(_folder.name) / f"{name}.ckpt"
    torch.save({"tabicl": tabicl_content, "tabpfn": tabpfn_content}[name](), path)
    return path


def tabicl_content(**changed):
    config = SMALL_TABICL | changed
    architecture = importlib.import_module("tabicl._model.tabicl").TabICL
    return {"config": config, "state_dict": random_weights(architecture, **config)}


def tabpfn_content(architecture=ARCHITECTURE):
    module = importlib.import_module("tabpfn.architectures").ARCHITECTURES[architecture]
    config, _ = module.parse_config(SMALL_TABPFN)
    return {
        "config": dataclasses.asdict(config),
        "architecture_name": architecture,
        "state_dict": random_weights(module.get_architecture, config),
    }


def random_weights(architecture, *config, **options):
    """Weights with answers that differ by more than rounding does, from labels and columns."""
    with torch_seed(0, "tabular"):
        model = architecture(*config, **options)
        for weights in model.parameters():
            if weights.ndim > 1:
                nn.init.normal_(weights, std=2 / weights.shape[-1] ** 0.5)
    return model.state_dict()
