"""The HTML page of a screen's hits, on which they can be sorted, filtered and selected."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from rdkit import Chem

from molmeta.models.prevalence import Estimate, share_of
from molmeta.report.drawings import HEIGHT, WIDTH, molecule
from molmeta.report.hits.charts import curve_points, hits_curve, score_histogram
from molmeta.report.hits.drawings import hit_drawings
from molmeta.report.templating import asset, environment, script_hash
from molmeta.report.wording import percent
from molmeta.runtime.outputs import write_text
from molmeta.runtime.spreadsheets import safe_cell
from molmeta.screening.annotations import DOMAIN, EXPLAINING_COLUMNS, new
from molmeta.screening.atomweights import atom_weights
from molmeta.screening.expected_hits import (
    DEFAULT_PREVALENCE,
    TOPS,
    Expected,
    LibraryScores,
    library_hits,
)
from molmeta.screening.hits import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from molmeta.models.model import AssayPredictor
    from molmeta.screening.supports import ScreenInputs, SupportReading

STANDS_OUT = 0.5
"""Hits expected in the top 10 below which the page says that no compound stands out."""
SHOWN = 200
"""Hits on the page; browsers scroll poorly with more."""
COLOURED = 48
"""Best hits whose atoms are coloured, as each costs as many predictions as it has atoms."""
NOTHING = Markup()
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScreenFacts:
    """What the page says about the screen as a whole.

    Attributes:
        inputs: support, model and library, and how they were understood.
        n_read: records of the library.
        prevalence: share of actives that probabilities were shifted to, given or estimated; None
            left them at the share for which the predictor is calibrated.
        table: name of the file with all candidates.
        library: scores of the whole library; None for the products of a search.
    """

    inputs: ScreenInputs
    n_read: int
    prevalence: float | Estimate | None
    table: str
    library: LibraryScores | None = None

    @property
    def share(self) -> float | None:
        """The prevalence as a number."""
        return share_of(self.prevalence)


def hits_page(
    hits: pd.DataFrame,
    predictor: AssayPredictor,
    output: Path,
    *,
    facts: ScreenFacts,
    introduction: Markup = NOTHING,
) -> None:
    """Write one self-contained page, which needs no other file and no network.

    Args:
        hits: best first, with the columns of `hits` and `annotations`.
        predictor: adapted to the support; scores it for the histogram, and computes atom weights.
        output: the HTML file.
        facts: of the screen.
        introduction: sections above the candidates.

    Raises:
        OutputError: the page cannot be written.
    """
    page = _render(hits, predictor, facts, introduction)
    write_text(output, page)
    _log.info("%s: %d candidates, %.1f MB", output, len(hits.head(SHOWN)), len(page) / 1e6)


def _render(
    hits: pd.DataFrame, predictor: AssayPredictor, facts: ScreenFacts, introduction: Markup
) -> str:
    shown, support = hits.head(SHOWN), facts.inputs.reading.support
    weights = atom_weights(predictor, [str(text) for text in shown["smiles"].head(COLOURED)])
    probabilities = hits["probability"].to_numpy(np.float64)
    # What was measured already is not a new hit.
    unknown = new(hits)["probability"].to_numpy(np.float64)
    curve = library_hits(
        unknown, curve_points(len(unknown), TOPS), prevalence=facts.prevalence,
        share=predictor.share_for_hits, library=facts.library,
    )  # fmt: skip
    of_support = predictor.predict(list(support.smiles), prevalence=facts.share)
    script = asset("hits.js")
    pages = environment()
    pages.filters["percent"] = percent
    return pages.get_template("hits.html.j2").render(
        calibrated_at=predictor.share,
        cards=_cards(shown, weights),
        coloured=min(COLOURED, len(hits)) if weights else 0,
        columns=json.dumps([*COLUMNS, *EXPLAINING_COLUMNS]),
        curve=hits_curve(curve) if curve else None,
        default_prevalence=DEFAULT_PREVALENCE,
        domain=DOMAIN,
        # A library smaller than the least of them is expected as a whole.
        expected=[point for point in curve if point.top in TOPS] or curve[-1:],
        facts=facts,
        introduction=introduction,
        prevalence=DEFAULT_PREVALENCE if facts.share is None else facts.share,
        histogram=score_histogram(probabilities, support, of_support) if len(hits) else None,
        measured=_measured(facts.inputs.reading),
        n_active=facts.inputs.reading.n_active,
        n_frequent=int(hits["frequent_hitter"].sum()),
        n_hits=len(hits),
        n_measured=len(hits) - len(unknown),
        n_inside=int(hits["inside_domain"].sum()),
        scaffolds=_scaffolds(shown),
        size=(WIDTH, HEIGHT),
        script=Markup(script),
        script_hash=script_hash(script),
        style=Markup(asset("hits.css")),
        title=_title(curve),
    )


def _cards(hits: pd.DataFrame, weights: Mapping[str, NDArray[np.float64]]) -> list[dict[str, Any]]:
    smiles = [str(text) for text in hits["smiles"]]
    drawings = hit_drawings(smiles, [str(text) for text in hits["scaffold"]], weights)
    columns = [*COLUMNS, *EXPLAINING_COLUMNS]
    rows: list[dict[str, Any]] = hits[columns].to_dict("records")  # pyright: ignore[reportAssignmentType]
    return [
        {
            **row,
            "drawing": drawing,
            "group": _group(str(row["scaffold"])),
            "cells": json.dumps([_cell(row[name]) for name in columns]),
        }
        for row, drawing in zip(rows, drawings, strict=True)
    ]


@cache
def _group(scaffold: str) -> str:
    """Return the scaffold, or "" for a single ring, which unlike compounds share."""
    mol = Chem.MolFromSmiles(scaffold)
    return scaffold if mol is not None and mol.GetRingInfo().NumRings() > 1 else ""


def _title(expected: Sequence[Expected]) -> str:
    """The result in one line: how many hits to expect among the first candidates."""
    first = [point for point in expected if point.top <= min(TOPS)]
    if not first:
        return "Candidates, best first"
    top, hits = first[-1].top, first[-1].hits
    number = f"{hits:.1f} hits expected in the top {top} of the library"
    return f"No compound stands out: {number}" if hits < STANDS_OUT else number.capitalize()


def _measured(reading: SupportReading) -> dict[str, dict[str, Any]]:
    """Number, label, name, value in words and drawing of each compound, actives first."""
    # A chemist knows their own pIC50; pX is what any of them is called here.
    as_given = reading.scale == "pX" and reading.unit.startswith("p")
    scale = reading.unit if as_given else reading.scale
    rows = zip(reading.support.smiles, reading.support.active, reading.values, strict=True)
    return {
        smiles: {
            "number": number,
            "active": bool(label),
            "name": reading.names.get(smiles, ""),
            "value": "" if math.isnan(value) else f", {scale} {value:.3g}",
            "drawing": _with_id(molecule(smiles), f"m{number}"),
        }
        for number, (smiles, label, value) in enumerate(sorted(rows, key=lambda row: -row[1]))
    }


def _with_id(drawing: Markup | None, name: str) -> Markup | None:
    return drawing and Markup(drawing.replace("<svg ", Markup('<svg id="{}" ').format(name), 1))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.6g}"
    # The page saves these cells as CSV, in which a spreadsheet must not run a formula.
    return safe_cell(str(value))


def _scaffolds(hits: pd.DataFrame) -> Sequence[tuple[str, int]]:
    """Return the scaffolds that two or more hits share, the most frequent first."""
    counts = hits["scaffold"].astype(str).value_counts()
    return [(str(name), int(n)) for name, n in counts.items() if n > 1 and name]
