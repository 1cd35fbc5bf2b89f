"""A learner without memory: shapes and types alone, until a file gives it weights."""

import subprocess
import sys

import pytest

from molmeta.models.recipes import Recipe
from molmeta.models.unallocated import unallocated

RECIPES = [
    Recipe("profile_gp", "fingerprint"),
    Recipe("multitask", "fingerprint", {"assays": 9}),
    Recipe("multitask", "gine", {"assays": 9, "linear": True}),
    Recipe("incontext", "fingerprint"),
    Recipe("ntm", "fingerprint"),
    Recipe("proxynca", "profile"),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{recipe.learner} {recipe.encoder}")
def test_its_tensors_are_as_those_of_a_learner_with_memory(recipe):
    found, expected = (learner.state_dict() for learner in (unallocated(recipe), recipe.build(0)))
    assert {tensor.device.type for tensor in found.values()} <= {"meta"}
    assert [(name, tensor.shape, tensor.dtype) for name, tensor in found.items()] == [
        (name, tensor.shape, tensor.dtype) for name, tensor in expected.items()
    ]


def test_loading_the_pretrained_model_does_not_import_the_compiler_of_torch():
    code = (
        "import sys, molmeta; molmeta.load('pretrained');"
        "print([name for name in ('torch._dynamo', 'sympy', 'openpyxl') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
