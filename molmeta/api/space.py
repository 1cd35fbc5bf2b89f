"""Searches a synthon space for an assay: which products to order next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from molmeta.api._inputs import ModelLike, SupportOptions, existing
from molmeta.api.screen import ScreenResult, adapted, log_expected_hits
from molmeta.screening.annotations import annotator
from molmeta.screening.space import screen_space

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from molmeta.screening.supports import SupportLike
    from molmeta.screening.synthon_search import SearchPlan


def run_space(
    support: SupportLike,
    space: Path,
    *,
    plan: SearchPlan,
    output: Path,
    model: ModelLike = None,
    assay: str = "",
    size: int | None = None,
    cores: int = 1,
    progress: Callable[[int], None] | None = None,
    **options: Unpack[SupportOptions],
) -> ScreenResult:
    """Search a synthon space, and return all that a report on it needs.

    `space` is a file that `molmeta.libraries.synthons.read_space` takes. The seed of the plan also
    draws the support. `output` is a table of the best products; an interrupted search resumes.
    `cores` processes annotate the products, and `progress` is called with the number of products
    scored since the last call. The other arguments are those of `molmeta.screen`.

    Raises:
        OutputError: the output cannot be written, or another run is writing it.
        TableError, EpisodeError, ConfigError: as `molmeta.screen`.
    """
    inputs, predictor = adapted(support, space, model, options, assay, size, plan.seed)
    annotate = annotator(predictor.model, inputs.reading.support.smiles, cores=cores)
    screened = screen_space(
        predictor, inputs.reading.support, existing(space), output=output, plan=plan,
        annotate=annotate, progress=progress,
    )  # fmt: skip
    log_expected_hits(screened, predictor.share_for_hits)
    return ScreenResult(screened, inputs, predictor)
