"""Adds the network of `distil.py` to a trained `profile_gp`, as the part that compares an assay.

python studies/new_chemistry/attach.py MODEL.safetensors NETWORK.safetensors OUTPUT.safetensors

MODEL is `profile_gp` of config/fsmol.yaml. None of its weights change.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from molmeta.learners.base import require_encoder
from molmeta.models.files import load, save
from molmeta.models.recipes import Recipe

PART = "gine"


def main(model_file: Path, network_file: Path, output: Path) -> None:
    """Write the model with one more part in its joined encoder."""
    model, network = load(model_file), load(network_file)
    old = model.recipe
    recipe = Recipe(
        old.learner,
        f"{old.encoder}+{PART}",
        {**old.learner_options, "assay_encoder": PART},
        {**old.encoder_options, PART: dict(network.recipe.encoder_options)},
    )
    weights = model.learner.state_dict()
    part = f"encoder.parts.{len(old.encoder.split('+'))}"
    encoder = require_encoder(network.learner.encoder, network.learner)
    weights |= {f"{part}.{name}": tensor for name, tensor in encoder.state_dict().items()}
    learner = recipe.build(0)
    learner.load_state_dict(weights, assign=True)
    save(replace(model, learner=learner.eval(), recipe=recipe), output, half=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
