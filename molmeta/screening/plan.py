"""What a screen keeps, and which part of the library it scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from molmeta.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from molmeta.screening.hitfiles import Annotate


@dataclass(frozen=True)
class ScreenPlan:
    """What a screen keeps, and which part of the library it scores.

    Attributes:
        top: number of candidates to keep; None keeps every compound.
        prevalence: share of actives in the library, to which probabilities are shifted; None
            leaves them at the support's share.
        left_out: scores of `prevalence.left_out`, from which the prevalence is then estimated.
        exclude_support: leave the compounds of the support out.
        all_scores: Parquet file for the score of every compound, in the order of the library.
        part: (k, n) scores only part k of n and writes no result; the same screen without a part
            then combines the parts.
        prefilter: share of the library that the model scores, the best by a cheap score; None
            scores all of it.
        force: take a library of which more than half is invalid.
        id_column: column with the names of the records; "" detects it.
        annotate: adds columns to the candidates.
    """

    top: int | None = 1000
    prevalence: float | None = None
    left_out: NDArray[np.float64] | None = None
    exclude_support: bool = False
    all_scores: Path | None = None
    part: tuple[int, int] | None = None
    prefilter: float | None = None
    force: bool = False
    id_column: str = ""
    annotate: Annotate | None = None

    def __post_init__(self) -> None:
        if self.top is not None and self.top < 1:
            raise ConfigError(
                f"screen: 'top' must be at least 1; got {self.top}, expected a number of "
                "candidates. Leave it out for all."
            )
        if self.part is not None and not 1 <= self.part[0] <= self.part[1]:
            raise ConfigError(
                f"screen: 'part' must be k/n with 1 <= k <= n; got {self.part[0]}/{self.part[1]}, "
                "expected for example 2/8. Correct it."
            )
        if self.prefilter is not None and not 0 < self.prefilter < 1:
            raise ConfigError(
                f"screen: 'prefilter' must be a share between 0 and 1; got {self.prefilter}, "
                "expected for example 0.01. Leave it out to score every compound."
            )
        needs_all = self.all_scores is not None or self.left_out is not None or self.top is None
        if self.prefilter is not None and needs_all:
            raise ConfigError(
                "screen: 'prefilter' leaves compounds without a score; got it with a request for "
                "all scores (all_scores, an estimated prevalence, or all candidates), expected one "
                "of the two. Leave one out."
            )
