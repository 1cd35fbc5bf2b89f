"""The page of a screen's hits: drawn, sorted, filtered, chosen and explained; screens nothing."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from molmeta.models.prevalence import share_of
from molmeta.report.hits.charts import curve_points, hits_curve, score_histogram
from molmeta.report.hits.drawings import hit_drawings
from molmeta.report.templating import asset, environment, script_hash
from molmeta.runtime.outputs import written
from molmeta.runtime.spreadsheets import safe_cell
from molmeta.screening.annotations import DOMAIN, EXPLAINING_COLUMNS
from molmeta.screening.atomweights import atom_weights
from molmeta.screening.expected_hits import TOPS, library_hits
from molmeta.screening.hits import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import jinja2
    import pandas as pd
    from numpy.typing import NDArray

    from molmeta.models.model import AssayPredictor
    from molmeta.models.prevalence import Estimate
    from molmeta.screening.hits import Support

SHOWN = 200
"""Hits on the page; more would be a page that no browser scrolls well."""
COLOURED = 48
"""Best hits whose atoms are coloured, as each costs as many predictions as it has atoms."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScreenFacts:
    """What the page says of the screen as a whole.

    Attributes:
        library: its name, as the reader knows it.
        n_read: records of it.
        prevalence: share of actives that probabilities were moved to, given or estimated; None
            left them at the support's share.
        table: name of the file that holds all hits.
        warning: of `molmeta.screening.outlook`, "" where there is nothing to warn of.
        calibrated_at: share of actives for which probabilities hold without a prevalence.
    """

    library: str
    n_read: int
    prevalence: float | Estimate | None
    table: str
    warning: str = ""
    calibrated_at: float = 0.5

    @property
    def share(self) -> float | None:
        """The prevalence as a number."""
        return share_of(self.prevalence)


def hits_page(
    hits: pd.DataFrame,
    support: Support,
    predictor: AssayPredictor,
    output: Path,
    *,
    facts: ScreenFacts,
) -> None:
    """Write one page that stands alone: no file and no network is needed to read it.

    Args:
        hits: best first, with the columns of `hits` and `annotations`.
        support: what is known.
        predictor: adapted to it; marks the support in the histogram and weighs atoms.
        output: the HTML file.
        facts: of the screen.

    Raises:
        OutputError: the page cannot be written.
    """
    shown = hits.head(SHOWN)
    weights = atom_weights(predictor, [str(text) for text in shown["smiles"].head(COLOURED)])
    known = predictor.predict(list(support.smiles), prevalence=facts.share)
    page = _render(hits, support, known, weights, replace(facts, calibrated_at=predictor.share))
    with written(output) as temporary:
        temporary.write_text(page, encoding="utf-8")
    _log.info("%s: %d hits, %.1f MB", output, len(shown), len(page) / 1e6)


def _render(
    hits: pd.DataFrame,
    support: Support,
    known: NDArray[np.float64],
    weights: Mapping[str, NDArray[np.float64]],
    facts: ScreenFacts,
) -> str:
    chances = hits["probability"].to_numpy(np.float64)
    tops = curve_points(len(chances), TOPS)
    curve = library_hits(chances, tops, prevalence=facts.prevalence, share=facts.calibrated_at)
    script = asset("hits.js")
    return _template().render(
        cards=_cards(hits.head(SHOWN), weights),
        coloured=min(COLOURED, len(hits)) if weights else 0,
        columns=json.dumps([*COLUMNS, *EXPLAINING_COLUMNS]),
        curve=hits_curve(curve) if curve else None,
        domain=DOMAIN,
        expected=[one for one in curve if one.top in TOPS],
        facts=facts,
        histogram=score_histogram(chances, support, known) if len(chances) else None,
        n_active=int(np.sum(support.active)),
        n_hits=len(hits),
        n_inside=int(hits["inside_domain"].sum()),
        n_known=len(support.smiles),
        n_training=int((hits["training_assays"] > 0).sum()),
        scaffolds=_scaffolds(hits.head(SHOWN)),
        script=Markup(script),
        script_hash=script_hash(script),
        style=Markup(asset("hits.css")),
    )


def _cards(hits: pd.DataFrame, weights: Mapping[str, NDArray[np.float64]]) -> list[dict[str, Any]]:
    smiles = [str(text) for text in hits["smiles"]]
    drawings = hit_drawings(smiles, [str(text) for text in hits["scaffold"]], weights)
    columns = [*COLUMNS, *EXPLAINING_COLUMNS]
    rows: list[dict[str, Any]] = hits[columns].to_dict("records")  # pyright: ignore[reportAssignmentType]
    return [
        {**row, "drawing": drawing, "cells": json.dumps([_cell(row[name]) for name in columns])}
        for row, drawing in zip(rows, drawings, strict=True)
    ]


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.6g}"
    return safe_cell(str(value))


def _scaffolds(hits: pd.DataFrame) -> Sequence[tuple[str, int]]:
    """Return the scaffolds that two or more hits share, the most frequent first."""
    counts = hits["scaffold"].astype(str).value_counts()
    return [(str(name), int(n)) for name, n in counts.items() if n > 1 and name]


def _template() -> jinja2.Template:
    pages = environment()
    pages.filters["percent"] = _percent
    return pages.get_template("hits.html.j2")


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
