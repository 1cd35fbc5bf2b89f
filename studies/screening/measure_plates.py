"""Plates from actives alone with the pretrained model, for studies/notes/screening.md.

Run: python studies/screening/measure_plates.py FOLDER/chembl.csv FOLDER/muv.csv FOLDER/dud.csv

The tables are those of replay_tables.py. Prints the actives among the first 96 compounds that a
policy chooses from all the others, mean over assays and draws.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

import molmeta
from molmeta.campaigns import acquisition
from molmeta.campaigns.acquisition import ranked
from molmeta.campaigns.campaign import Campaign
from molmeta.curation.reading import assays_and_molecules
from molmeta.evaluation.enrichment import without_records
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.similarity import FINGERPRINT
from molmeta.runtime.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Iterator

WELLS, ACTIVES, INACTIVES, DRAWS = 96, 5, (0, 20), 3
POLICIES = ("ucb", "greedy", "expected_improvement", "thompson", "similarity")
KINDS = ["table", "records", "inactives"]


def main(tables: list[Path]) -> None:
    """Print the mean hits of each policy."""
    torch.set_num_threads(1)
    hits = pd.DataFrame(row for table in tables for row in _of_table(table))
    sys.stdout.write(f"{hits.groupby(KINDS)[[*POLICIES]].mean().round(1).to_string()}\n")


def _of_table(table: Path) -> Iterator[dict[str, object]]:
    learner = molmeta.load().learner
    blocks = tuple(dict.fromkeys((*learner.featurizers, FINGERPRINT)))
    assays, molecules = assays_and_molecules([table], None, blocks)
    learners = {"with": learner, "without": without_records(learner)}
    for (records, learner), assay in product(learners.items(), assays):
        rows = molecules.select(tensor_of(np.array(assay.rows)))
        campaign = Campaign(learner, rows, assay.labels)
        for n, draw in product(INACTIVES, range(DRAWS)):
            rng = generator(0, "plate", assay.name, draw)
            parts = (rng.permutation(np.flatnonzero(assay.labels == y)) for y in (1, 0))
            actives, inactives = parts
            campaign.begin(np.concatenate([actives[:ACTIVES], inactives[:n]]))
            yield {"table": table.stem, "records": records, "inactives": n, **_hits(campaign, rng)}


def _hits(campaign: Campaign, rng: np.random.Generator) -> dict[str, int]:
    view = campaign.view(campaign.open, campaign.adapted())
    orders = {p: ranked(acquisition.get(p).score(view, rng), view.probability) for p in POLICIES}
    labels = campaign.labels[campaign.open]
    return {policy: int(labels[order[:WELLS]].sum()) for policy, order in orders.items()}


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
