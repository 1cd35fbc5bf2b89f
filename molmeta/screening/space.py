"""Ranks the best products of a synthon space for an assay, without enumerating the space."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from molmeta.errors import MoleculeError
from molmeta.libraries.lines import Record
from molmeta.libraries.prepare import prepare
from molmeta.libraries.synthons import SynthonSpace, read_space
from molmeta.models.prevalence import prior_shift
from molmeta.molecules.compounds import compound
from molmeta.runtime.locks import exclusive
from molmeta.runtime.outputs import written
from molmeta.screening.hitfiles import (
    Annotate,
    candidate_tables,
    invalid_file,
    write_invalid,
    write_tables,
)
from molmeta.screening.hits import ScoredCompound, Support
from molmeta.screening.screen import Screened
from molmeta.screening.synthon_search import Scored, SearchPlan, search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from molmeta.models.model import AssayPredictor


def screen_space(
    predictor: AssayPredictor,
    support: Support,
    space: Path,
    *,
    output: Path,
    plan: SearchPlan,
    annotate: Annotate | None = None,
    progress: Callable[[int], None] | None = None,
) -> Screened:
    """Search a space and write its best products, best first, with their synthons.

    Products are standardised, and of those with one InChIKey the first is kept. Synthons and
    reactions that cannot be used go to a second table, with the reason. An interrupted search
    resumes when it is called again, and gives the same files.

    Args:
        predictor: adapted to the support.
        support: the measured compounds.
        space: as `molmeta.libraries.synthons.read_space` takes it.
        output: table with the columns of `hits.COLUMNS`, then `reaction`, `synthons` (ids) and
            `synthon_smiles`; Parquet, SDF or XLSX by its suffix, else CSV.
        plan: how to search, how many to keep, and the prevalence.
        annotate: adds columns to the candidates.
        progress: called with the number of products scored since the last call.

    Raises:
        TableError: the space cannot be read or has no usable reaction.
        OutputError: an output cannot be written, or another run is writing it.
    """
    shift = prior_shift(plan.prevalence, predictor.share_for_hits)
    with exclusive(output):
        read = read_space(space)
        run = [predictor.model.digest, list(support.smiles), list(map(int, support.active))]
        run += [space.stat().st_size, space.stat().st_mtime_ns]
        scored, rounds = search(
            read, _scorer(predictor), plan, output=output, run=run, progress=progress
        )
        to_output = float if predictor.model.learner.target == "value" else expit
        best = list(islice(_distinct(read, scored, to_output), plan.top))
        shifted = (hit._replace(probability=shift(hit.probability)) for hit, _ in best)
        tables = candidate_tables(shifted, support, annotate=annotate)
        table = pd.concat(list(tables), ignore_index=True).assign(**_synthons(read, best))
        rejected = [Record(line, str(line), "", reason) for line, reason in read.rejected]
        side = invalid_file(output)
        with written(side) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            write_invalid(file, rejected)
        write_tables(output, [table])
        rounds.clear()
    n_invalid = sum(not np.isfinite(item.score) for item in scored)
    return Screened(len(scored), n_invalid, 0, len(table), plan.prevalence, table)


def _scorer(predictor: AssayPredictor) -> Callable[[Sequence[str]], NDArray[np.float64]]:
    """Return a function from SMILES to log odds, or values; NaN without a score."""
    is_value = predictor.model.learner.target == "value"

    def score(smiles: Sequence[str]) -> NDArray[np.float64]:
        records = [Record(row, str(row), text) for row, text in enumerate(smiles)]
        prepared = prepare(records, predictor.model.library_featurizers)
        scores = np.full(len(smiles), np.nan)
        if prepared.records:
            predicted = predictor.predict_molecules(prepared.molecules())
            # Infinite log odds, of probabilities that round to 0 or 1, cannot be regressed.
            tiny = np.finfo(np.float64).eps
            predicted = predicted if is_value else logit(np.clip(predicted, tiny, 1 - tiny))
            scores[[record.line for record in prepared.records]] = predicted
        return scores

    return score


def _distinct(
    space: SynthonSpace, scored: Sequence[Scored], to_output: Callable[[float], float]
) -> Iterator[tuple[ScoredCompound, Scored]]:
    """Yield standardised products, best first, each once."""
    usable = [row for row, item in enumerate(scored) if np.isfinite(item.score)]
    seen: set[str] = set()
    for row in sorted(usable, key=lambda row: (-scored[row].score, row)):
        product, score = scored[row]
        try:
            parsed = compound(space.smiles(product))
        except MoleculeError:
            continue
        if parsed.inchikey not in seen:
            seen.add(parsed.inchikey)
            hit = ScoredCompound(float(to_output(score)), -row, space.id(product), parsed.smiles)
            yield hit, scored[row]


def _synthons(
    space: SynthonSpace, best: Sequence[tuple[ScoredCompound, Scored]]
) -> dict[str, list[str]]:
    chosen = [space.synthons(item.product) for _, item in best]
    return {
        "reaction": [space.reactions[item.product.reaction].id for _, item in best],
        "synthons": ["+".join(synthon.id for synthon in each) for each in chosen],
        "synthon_smiles": [".".join(synthon.smiles for synthon in each) for each in chosen],
    }
