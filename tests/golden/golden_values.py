"""What the code gave when it was last looked at by hand; run this file to write it anew.

    PYTHONPATH=tests/support python tests/golden/golden_values.py

A number that moves is news for the changelog, or a mistake.
"""

import json
from pathlib import Path

from toy_training import assays, recipe, task
from zoo import drugs

from molmeta.assays.episodes import Draw, draw_episode
from molmeta.models.named import baseline
from molmeta.molecules.blocks import Bits, Graphs
from molmeta.runtime.seeds import generator
from molmeta.training.loop import train

PATH = Path(__file__).with_name("golden.json")
KNOWN, LABELS = ["Cc1ccccc1", "CCc1ccncc1", "CC1CCCCC1", "COC1CCNCC1"], [1, 1, 0, 0]
LIBRARY = ["COc1ccccc1", "CC1CCNCC1", "CCc1ccsc1"]
BASELINES = ("similarity", "tanimoto_gp", "logistic_regression")
LEARNERS = ("protonet", "maml", "mann")


def episodes():
    """Digests of named draws; the same on every machine and for ever."""
    found = {}
    for assay in assays():
        for n_support, share in ((8, None), (8, 0.25)):
            rng = generator(0, "golden", assay.name, n_support)
            draw = Draw(n_support, share, 16)
            found[f"{assay.name} {n_support} {share}"] = draw_episode(assay, draw, rng).digest
    return found


def features():
    """Sums that move when any category or bit of the twelve molecules does."""
    graphs, bits = drugs().block("graph", Graphs), drugs().block("morgan", Bits)
    return {
        "atoms": graphs.atoms.long().sum(0).tolist(),
        "bonds": graphs.bonds.long().sum(0).tolist(),
        "bits": bits.positions.long().sum().item(),
        "set": bits.offsets.diff().tolist(),
    }


def predictions():
    """Probabilities of the baselines."""
    predictors = {name: baseline(name).adapt(KNOWN, LABELS) for name in BASELINES}
    return {name: predictor.predict(LIBRARY).tolist() for name, predictor in predictors.items()}


def losses():
    """The losses of four training steps."""
    logs = {name: train(task(recipe(name), steps=4))[1] for name in LEARNERS}
    return {name: log["loss"].tolist() for name, log in logs.items()}


def values():
    """All of them, as they stand in the file."""
    return {
        "episodes": episodes(),
        "features": features(),
        "predictions": predictions(),
        "losses": losses(),
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(values(), indent=1) + "\n")
