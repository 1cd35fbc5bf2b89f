"""Scores of members of automatic choices on the bundled test assays.

    python studies/automl/bundled.py

Prints the mean delta-AUPRC by support size: 600 compounds of each assay, two draws.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml
from intervals import tell
from measure import SEEN, SIZES, SLOW

import molmeta
from molmeta.assays.assay import assays_of, distinct_compounds
from molmeta.assays.episodes import Draw, draw_episode
from molmeta.automl.candidates import NAME, member_models
from molmeta.curation.curate import Rules
from molmeta.evaluation.metrics.ranking import delta_auprc
from molmeta.models.named import baseline
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.store import update
from molmeta.runtime.seeds import generator

COMPOUNDS, REPEATS = 600, 2


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    rules = Rules.from_mapping(yaml.safe_load(Path("config/config.yaml").read_text())["curation"])
    tables = sorted(Path("data/assays/test").glob("*.csv"))
    named = [pd.read_csv(path).assign(assay=path.stem) for path in tables]
    frame = pd.concat([molmeta.curate(table, rules=rules).kept for table in named])
    frame = frame.sample(frac=1, random_state=0).groupby("assay").head(COMPOUNDS)
    models = member_models()
    learners = {name: models[name].learner for name in models if name not in (*SLOW, *SEEN)}
    learners["tanimoto_gp"] = baseline("tanimoto_gp").learner
    names = {name for learner in learners.values() for name in learner.featurizers}
    store = update(None, distinct_compounds(frame), tuple(sorted(names)))
    rows: list[dict[str, Any]] = []
    for assay in assays_of(frame, store):
        with torch.no_grad():
            molecules = learners[NAME].prepare(store.molecules.select(tensor_of(assay.rows)))
            for size in SIZES:
                for repeat in range(REPEATS):
                    rng = generator(0, "evaluate", assay.name, size, repeat)
                    episode = draw_episode(assay, Draw(size, n_query=512), rng)
                    support, query = episode.labelled(molecules)
                    scores = {
                        name: delta_auprc(
                            episode.query_labels, learner.adapt(support)(query.molecules).numpy()
                        )
                        for name, learner in learners.items()
                    }
                    rows.append({"support": size, **scores})
    tell(pd.DataFrame(rows).groupby("support").mean().T.round(3).to_string())


if __name__ == "__main__":
    main()
