"""Ranks a library for an assay: which compounds to test next."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

import numpy as np
import pandas as pd

from molmeta.api._inputs import (
    LibraryLike,
    ModelLike,
    SupportOptions,
    library_file,
    library_name,
    log_facts,
    model_name,
    ranking_model,
    require_library,
    support_of,
)
from molmeta.models.prevalence import Estimate
from molmeta.screening.annotations import annotator, new
from molmeta.screening.expected_hits import DEFAULT_PREVALENCE, library_hits
from molmeta.screening.outlook import outlook, unsuited_for_libraries
from molmeta.screening.plan import ScreenPlan
from molmeta.screening.prevalence import left_out
from molmeta.screening.screen import Screened, ranked, screen_to_files
from molmeta.screening.supports import ScreenInputs, SupportLike, SupportReading

if TYPE_CHECKING:
    from collections.abc import Callable

    from molmeta.models.model import AssayPredictor, Model

Prevalence = float | Literal["estimate"] | None
ESTIMATE: Literal["estimate"] = "estimate"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScreenResult:
    """A finished screen.

    Attributes:
        screened: candidates and counts.
        inputs: support, model and library, and how they were understood.
        predictor: the model adapted to the support.
    """

    screened: Screened
    inputs: ScreenInputs
    predictor: AssayPredictor


def screen(
    support: SupportLike,
    library: LibraryLike,
    *,
    model: ModelLike = None,
    top: int | None = 1000,
    prevalence: Prevalence = None,
    exclude_support: bool = False,
    assay: str = "",
    size: int | None = None,
    force: bool = False,
    seed: int = 0,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
    **options: Unpack[SupportOptions],
) -> pd.DataFrame:
    """Rank a library and return its best compounds, best first.

    What was understood, warnings, and the number of hits to expect are logged.

    Args:
        support: table of measured compounds, frame with its columns, or (SMILES, labels).
        library: path of SMILES lines, CSV, Excel, SDF, Parquet or a featurized library, or SMILES.
        model: a model, its file, or the name of a baseline; None takes the pretrained model.
        top: number of candidates; None returns every compound, without annotations.
        prevalence: share of actives in the library, to which probabilities are shifted;
            "estimate" takes it from the scores.
        exclude_support: leave the compounds of the support out.
        assay: name of the assay, if the table contains several.
        size: number of compounds to draw from the table; None takes all.
        force: accept a library of which more than half is invalid.
        seed: of the draw.
        cores: processes that featurize.
        progress: called with the number of records done since the last call.
        options: names of columns, unit, threshold and direction of the table, named as the
            attributes of `molmeta.curation.tableoptions.TableOptions`.

    Returns:
        Columns rank, id, smiles, probability, the nearest measured active and inactive with
        their similarities, and those of `molmeta.screening.annotations`.

    Raises:
        TableError: the support or the library cannot be read, or a label is not understood.
        EpisodeError: the model cannot adapt to the support.
        ConfigError: an option is out of range, or the model is unknown.

    Example:
        >>> import molmeta
        >>> support = (["CCO", "CCCO", "c1ccccc1O", "Cc1ccccc1O"], [0, 0, 1, 1])
        >>> ranked = molmeta.screen(support, ["CCCCO", "CCc1ccccc1O"], model="similarity")
        >>> list(ranked["smiles"])
        ['CCc1ccccc1O', 'CCCCO']
    """
    plan = ScreenPlan(top=top, exclude_support=exclude_support, force=force)
    done = run_screen(
        support, library, plan=plan, model=model, prevalence=prevalence, assay=assay, size=size,
        seed=seed, cores=cores, progress=progress, **options,
    )  # fmt: skip
    return done.screened.candidates


def run_screen(
    support: SupportLike,
    library: LibraryLike,
    *,
    plan: ScreenPlan,
    output: Path | None = None,
    model: ModelLike = None,
    prevalence: Prevalence = None,
    assay: str = "",
    size: int | None = None,
    seed: int = 0,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
    **options: Unpack[SupportOptions],
) -> ScreenResult:
    """Rank a library as `screen` does, and return all that a report on it needs.

    `plan` says what to keep; prevalence and annotations are filled in. `output` is a CSV, or a
    Parquet, SDF or XLSX file by its suffix; the screen then resumes if it is interrupted. Without
    it, the candidates stay in memory.

    Raises:
        OutputError: the output cannot be written, or another run is writing it.
        TableError, EpisodeError, ConfigError: as `screen`.
    """
    inputs, predictor = adapted(
        support, library, model, options, assay, size, seed, outlooks=not plan.part
    )
    return rank(
        inputs, predictor, library, plan=plan, output=output, prevalence=prevalence, cores=cores,
        progress=progress,
    )  # fmt: skip


def rank(
    inputs: ScreenInputs,
    predictor: AssayPredictor,
    library: LibraryLike,
    *,
    plan: ScreenPlan,
    output: Path | None = None,
    prevalence: Prevalence = None,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
) -> ScreenResult:
    """Rank a library as `run_screen` does, with what `adapted` returns, and log the expected hits.

    Raises:
        OutputError, TableError, ConfigError: as `run_screen`.
    """
    plan = _completed(plan, prevalence, predictor.model, inputs.reading, cores)
    with library_file(library) as path:
        screened = _screened(predictor, inputs.reading, path, output, plan, cores, progress)
    if len(screened.candidates):
        log_expected_hits(screened, predictor.share_for_hits)
    return ScreenResult(screened, inputs, predictor)


def adapted(
    support: SupportLike,
    library: LibraryLike,
    model: ModelLike,
    options: SupportOptions,
    assay: str,
    size: int | None,
    seed: int,
    *,
    outlooks: bool = True,
) -> tuple[ScreenInputs, AssayPredictor]:
    """Read the support, log what was understood, and adapt the model to it.

    The name of the library is logged. `outlooks` warns of a model that does not fit the support, or
    that is not made for libraries; the other arguments are those of `screen`.

    Raises:
        TableError, EpisodeError, ConfigError: as `screen`.
    """
    require_library(library)
    chosen = ranking_model(model)
    reading = support_of(support, chosen, options, assay=assay, size=size, seed=seed)
    inputs = inputs_of(reading, chosen, model_name(model), library)
    log_facts(inputs.facts())
    predictor = chosen.adapt(*reading.support)
    # Parts of one screen would all repeat the same check.
    warning = outlook(chosen, *reading.support).warning if outlooks else ""
    unsuited = unsuited_for_libraries(chosen) if outlooks else ""
    for text in filter(None, (unsuited, warning)):
        _log.warning("%s", text)
    return replace(inputs, warning=warning, unsuited=unsuited), predictor


def inputs_of(
    reading: SupportReading, model: Model, name: str, library: LibraryLike
) -> ScreenInputs:
    """Return what a page says of a support, a model, by its readable name, and a library."""
    n_in_training = int((model.known(reading.support.smiles) > 0).sum())
    today = date.today().isoformat()
    return ScreenInputs(reading, name, library_name(library), today, n_in_training=n_in_training)


def log_expected_hits(screened: Screened, share: float) -> None:
    """Log the hits to expect among the best candidates that were not measured yet.

    Args:
        screened: result of the screen.
        share: `share_for_hits` of the predictor.
    """
    prevalence = screened.prevalence
    if isinstance(prevalence, Estimate):
        _log.info(
            "prevalence, estimated from the scores: %.2g (80 %% interval %.2g to %.2g); an "
            "underestimate if the library's actives resemble the support less than its own "
            "actives resemble each other",
            *prevalence,
        )  # fmt: skip
    candidates = new(screened.candidates)
    if n_measured := len(screened.candidates) - len(candidates):
        _log.info(
            "%d candidates are compounds of the support and do not count as hits; "
            "--exclude-support leaves them out", n_measured,
        )  # fmt: skip
    probabilities = candidates["probability"].to_numpy(np.float64)
    for expected in library_hits(
        probabilities, prevalence=prevalence, share=share, library=screened.library
    ):
        _log.info(
            "expected hits among the best %d: %.1f (80 %% interval %d to %d)",
            expected.top, expected.hits, expected.low, expected.high,
        )  # fmt: skip
    if prevalence is None and 0 < share < 1:
        _log.info(
            "expected hits assume a prevalence of %g, one active in %d compounds; molmeta screen "
            "--prevalence takes that of your library, or 'estimate'",
            DEFAULT_PREVALENCE, round(1 / DEFAULT_PREVALENCE),
        )  # fmt: skip


def _completed(
    plan: ScreenPlan, prevalence: Prevalence, model: Model, reading: SupportReading, cores: int
) -> ScreenPlan:
    """The plan with the prevalence, or what it is estimated from, and with annotations."""
    measured = reading.support.smiles
    annotate = None if plan.top is None else annotator(model, measured, cores=cores)
    if prevalence != ESTIMATE:
        return replace(plan, prevalence=prevalence, annotate=annotate)
    scores = None if plan.part else left_out(model, reading.support)
    return replace(plan, left_out=scores, annotate=annotate)


def _screened(
    predictor: AssayPredictor,
    reading: SupportReading,
    library: Path,
    output: Path | None,
    plan: ScreenPlan,
    cores: int,
    progress: Callable[[int], None] | None,
) -> Screened:
    support = reading.support
    if output is not None:
        return screen_to_files(
            predictor, support, library, output=output, plan=plan, cores=cores, progress=progress
        )
    with (
        tempfile.TemporaryDirectory() as folder,
        ranked(
            predictor, support, library, output=Path(folder) / "ranked", plan=plan,
            cores=cores, progress=progress,
        ) as ranking,
    ):  # fmt: skip
        candidates = pd.concat(list(ranking.tables()), ignore_index=True)
    return Screened(
        ranking.n_read, ranking.n_invalid, ranking.n_support, len(candidates),
        ranking.prevalence, candidates, ranking.library,
    )  # fmt: skip
