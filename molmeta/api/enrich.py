"""Measures how well models find hidden actives in a library."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from molmeta.api._inputs import all_existing, existing, model_name, model_of
from molmeta.assays.screens import digest, read_screens, screens_of, stored
from molmeta.errors import ConfigError
from molmeta.evaluation import enrichment
from molmeta.evaluation.contestants import Contestant
from molmeta.evaluation.enrichment import EnrichmentPlan
from molmeta.libraries.reading import read_library
from molmeta.molecules.compounds import Compound, compounds
from molmeta.molecules.similarity import FINGERPRINT
from molmeta.runtime.outputs import written
from molmeta.runtime.seeds import generator
from molmeta.runtime.spreadsheets import write_frame
from molmeta.runtime.tableparts import kept

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from molmeta.models.model import Model

MODELS = (
    "pretrained",
    "pretrained@actives",
    "similarity",
    "similarity:mode=mean",
    "tanimoto_gp",
    "tanimoto_gp:rank=mean",
    "logistic_regression@presumed",
)
_log = logging.getLogger(__name__)


def enrich(
    tables: Sequence[Path | str] | Path,
    *,
    library: Path | str | None = None,
    library_size: int | None = None,
    models: Sequence[str] = MODELS,
    plan: EnrichmentPlan | None = None,
    molecules: Path | str | None = None,
    decoys: int | None = None,
    without_records: bool = False,
    output: Path | None = None,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Hide actives in a library, and rank it with every model from small supports.

    Args:
        tables: curated tables, whose assays are the targets, or tables with the columns active and
            smiles, and optionally source and target.
        library: compounds that are presumed inactive; None uses the inactives of each target.
        library_size: number of compounds to draw from the library; None uses all.
        models: model files or names of baselines. All models get the same supports. A name ending
            in `@actives` gets only the actives; one ending in `@presumed` also gets 100 compounds
            of the library as inactives.
        plan: kinds of supports and number of draws.
        molecules: molecule store to which features are added; None keeps none.
        decoys: largest number of inactives per target.
        without_records: evaluate models without their activity records.
        output: CSV to write; an interrupted run then resumes at its target.
        cores: processes that featurize.
        progress: called with 1 after each target.

    Returns:
        A row for each model, target, support and draw; see `molmeta.evaluation.enrichment.enrich`.

    Raises:
        TableError: a table or the library cannot be read.
        ConfigError: a model is unknown, or an option is out of range.
        EpisodeError: no target is large enough for any support.
    """
    plan = plan or EnrichmentPlan()
    _require_distinct(models)
    loaded = {base: model_of(base) for base in dict.fromkeys(map(_base, models))}
    contestants = _contestants(models, loaded, without_records=without_records)
    read = (name for each in contestants.values() for name in each.learner.library_featurizers)
    names = tuple(sorted({FINGERPRINT, *read}))
    targets = read_screens(all_existing(tables), decoys=decoys, cores=cores)
    hiding = None if library is None else _library(existing(library), library_size, plan, cores)
    everything = targets if hiding is None else pd.concat([targets, hiding], ignore_index=True)
    store = stored(everything, names, None if molecules is None else Path(molecules), cores=cores)
    library_rows = None if hiding is None else np.sort(store.rows(list(hiding["inchikey"])))
    digests = [(_label(name), loaded[_base(name)].digest) for name in models]
    kind = [digests, asdict(plan), without_records, library is None, digest(everything)]
    with kept(output, kind, progress) as keep:
        rows = enrichment.enrich(
            contestants, list(screens_of(targets, store)), store.molecules.only(names),
            plan=plan, library=library_rows, keep=keep,
        )  # fmt: skip
        if output is not None:
            with written(output) as temporary:
                write_frame(temporary, rows, float_format="%.6g")
    return rows


def _base(name: str) -> str:
    return name.partition("@")[0]


def _label(name: str) -> str:
    base, at, variant = name.partition("@")
    return model_name(base) + at + variant


def _require_distinct(names: Sequence[str]) -> None:
    """Refuse models with the same name in the table, of which only the last would be kept."""
    name_of_label: dict[str, str] = {}
    for name in names:
        first = name_of_label.setdefault(_label(name), name)
        if first != name:
            raise ConfigError(
                f"--models: two models get one name in the table; got '{first}' and '{name}', "
                "expected different file names. Copy one of them to another name."
            )


def _contestants(
    names: Sequence[str], loaded: Mapping[str, Model], *, without_records: bool
) -> dict[str, Contestant]:
    """Contestants by their label; the variants of a model share its learner."""
    learners = {base: model.learner for base, model in loaded.items()}
    if without_records:
        learners = {base: enrichment.without_records(learner) for base, learner in learners.items()}
    return {
        _label(name): Contestant(learners[_base(name)], name.partition("@")[2]) for name in names
    }


def _library(path: Path, size: int | None, plan: EnrichmentPlan, cores: int) -> pd.DataFrame:
    """SMILES and InChIKeys of the distinct compounds of a library, or of a random sample."""
    texts: list[str] = []
    for chunk in read_library(path):
        texts += [record.smiles for record in chunk if not record.reason]
    if size is not None and size < len(texts):
        chosen = generator(plan.seed, "library").permutation(len(texts))[:size]
        texts = [texts[row] for row in np.sort(chosen)]
    parsed = [item for item in compounds(texts, cores=cores) if isinstance(item, Compound)]
    if len(parsed) < len(texts):
        _log.warning("%s: %d records do not parse", path, len(texts) - len(parsed))
    pairs = [(item.smiles, item.inchikey) for item in parsed]
    frame = pd.DataFrame(pairs, columns=["smiles", "inchikey"])
    return frame.drop_duplicates("inchikey", ignore_index=True)
