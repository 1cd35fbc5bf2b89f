"""Compares GINE, PNA and GPS at equal time, on FS-Mol's validation assays outside the kinase panel.

    snakemake --cores 2 --configfile config/fsmol.yaml config/fsmol_graphs.yaml -- \
      results/molecules.safetensors
    python studies/encoders.py ../shared/data/fsmol  # in the folder of that run

Each network is trained from random weights on all measurements of the training assays at once, as
`multitask_graph` is, for as many steps as take 11 to 13 minutes on one core. A linear probe on it
is then evaluated. An interrupted run resumes. The table is written into docs/learners.md.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
from marks import OUTSIDE, head, line, rewritten, rounded

import molmeta
from molmeta.evaluation.evaluate import EvaluationPlan
from molmeta.evaluation.published import read_groups
from molmeta.evaluation.statistics import summarise
from molmeta.models.files import load
from molmeta.models.recipes import Recipe
from molmeta.runtime.outputs import write_text, written
from molmeta.runtime.parquetfiles import write_parquet
from molmeta.training.task import TrainingOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from molmeta.models.model import Model

PAGE = Path(__file__).parents[1] / "docs" / "learners.md"
CURATED, STORE = Path("results/curated"), Path("results/molecules.safetensors")
FOLDER = Path("results/encoders")
SUPPORTS, COMPOUNDS, VALIDATIONS = (16, 64), 512, 3


class Network(NamedTuple):
    """An encoder, and the number of steps that take 11 to 13 minutes."""

    encoder: str
    width: int
    layers: int
    steps: int


NETWORKS = (
    Network("gine", 128, 5, 970),
    Network("gine", 256, 5, 290),
    Network("pna", 64, 4, 450),
    Network("gps", 64, 4, 460),
)


def main(data: Path) -> None:
    """Train and evaluate all networks, and write the table."""
    outside = outside_panel(data)
    lines = head(["encoder", "width, layers", "weights", "steps", "16 / 64"])
    for network in NETWORKS:
        model = trained(network, outside)
        lines.append(line(list(cells(network, model, scores(model, outside)))))
    page = rewritten(PAGE.read_text(encoding="utf-8"), "encoders", "\n".join(lines))
    write_text(PAGE, page)


def outside_panel(data: Path) -> Path:
    """Write the validation assays outside the kinase panel to a table of their own."""
    path = FOLDER / "outside.parquet"
    table = pd.read_parquet(CURATED / "valid/valid.parquet")
    groups = read_groups(data / "tasks.csv.gz", "panel")
    with written(path) as temporary:
        write_parquet(temporary, table[table["assay"].map(groups).eq(OUTSIDE)])
    return path


def trained(network: Network, valid: Path) -> Model:
    """Return a trained network; it is trained only if its file is missing."""
    encoder, width, layers, steps = network
    path = FOLDER / f"{encoder}_{width}.safetensors"
    if path.is_file():
        return load(path)
    options = {"width": width, "layers": layers, "dropout": 0.05}
    recipe = Recipe("multitask", encoder, {"linear": True, "ridge": 0.2}, options)
    training = TrainingOptions(
        steps=steps, compounds=COMPOUNDS, learning_rate=0.003, weight_decay=0.05,
        validate_every=steps // VALIDATIONS, validation_repeats=3,
    )  # fmt: skip
    return molmeta.train(
        [CURATED / "train"],
        valid=[valid],
        recipe=recipe,
        training=training,
        molecules=STORE,
        output=path,
    ).model


def scores(model: Model, table: Path) -> list[float]:
    """Return the mean delta-AUPRC at each support size."""
    plan = EvaluationPlan(supports=SUPPORTS, repeats=3)
    rows = molmeta.evaluate(model, [table], plan=plan, molecules=STORE, name="network")
    means = summarise(rows, names=["delta_auprc"]).set_index("support")["mean"]
    return [float(means[support]) for support in SUPPORTS]


def cells(network: Network, model: Model, means: list[float]) -> Iterator[str]:
    """Yield the cells of a row of the table."""
    encoder = model.learner.encoder
    weights = 0 if encoder is None else sum(weight.numel() for weight in encoder.parameters())
    yield f"`{network.encoder}`"
    yield f"{network.width}, {network.layers}"
    yield f"{weights:,}"
    yield str(network.steps)
    yield " / ".join(map(rounded, means))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
